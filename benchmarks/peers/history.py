"""What a recommender finds in Prometheus: replicas and their CPU while Kubernetes' default policy was in force."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.evaluate import replicas_over_time
from scaleproof.simulator.traffic.kernel import PERIOD
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of

from .policy import DEFAULT_TARGET, cpu_policy


class History(NamedTuple):
    """Every second's."""

    replicas: NDArray[np.int64]
    """Starting ones included."""
    usage: NDArray[np.float64]
    """Cores of one ready replica. Backlogs are left out."""


def history_of(training: NDArray[np.float64], service: ServiceModel, *, target: float = DEFAULT_TARGET) -> History:
    """The training part under a policy of this target, in one world."""
    world = world_of(training, service, seed=0)
    counts = replicas_over_time(pack_policies([cpu_policy(target)], service), service, world)[0]
    replicas = np.concatenate((np.full(world.sync_phase, counts[0]), np.repeat(counts[1:], PERIOD)))[: training.shape[0]]
    replicas = np.pad(replicas, (0, training.shape[0] - replicas.shape[0]), mode="edge")
    start = round(sum(service.start_seconds) / 2)
    # As many are ready as there were all through the time that a start takes.
    before = np.concatenate((np.full(start, replicas[0]), replicas))
    ready = np.lib.stride_tricks.sliding_window_view(before, start + 1).min(axis=1)
    usage = training * service.cpu_seconds_per_request / ready + service.idle_cores
    return History(replicas, np.minimum(usage, service.limit_millicores / 1000))


def averaged(values: NDArray[np.float64] | NDArray[np.int64], seconds: int) -> NDArray[np.float64]:
    """Means of whole windows; of everything where there is no whole one."""
    windows = values.shape[0] // seconds
    if windows == 0:
        return np.array([values.mean()])
    means: NDArray[np.float64] = values[: windows * seconds].reshape(windows, seconds).mean(axis=1)
    return means
