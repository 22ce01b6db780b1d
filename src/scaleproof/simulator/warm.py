"""Compile the kernels once and leave them on disk: `python -m scaleproof.simulator.warm`, run at installation."""

from __future__ import annotations

import sys
import time

import numpy as np

from scaleproof.hpa.compiled import COMPILED
from scaleproof.simulator.held import ReplicaModel, simulate_held
from scaleproof.simulator.run import through_bottleneck
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.autoscaling import AutoscalingSpec


def warm() -> float:
    """Compile everything that the loop's simulations call, or read it from the cache. Returns the seconds it took."""
    begin = time.perf_counter()
    model = ReplicaModel(cpu_seconds=0.002, variation=0.5, limit_cores=0.25)
    step = simulate_held(model, rate_per_second=20, replicas=2, duration_seconds=20)
    through_bottleneck(step.arrivals, 0.001)
    return time.perf_counter() - begin


def warm_traffic() -> float:
    """The same for traffic second by second, which the loop does without."""
    begin = time.perf_counter()
    service = ServiceModel(cpu_seconds_per_request=0.002, capacity_per_second=100, request_millicores=250, limit_millicores=250)
    policies = pack_policies([AutoscalingSpec(max_replicas=4)], service)
    evaluate(policies, service, [world_of(np.full(60, 150.0), service, seed=1)])
    return time.perf_counter() - begin


if __name__ == "__main__":
    took = warm() + warm_traffic()
    sys.stdout.write(
        f"simulator {'compiled' if COMPILED else 'interpreted (no numba, or SCALEPROOF_INTERPRETED is set)'}: {took:.1f} s\n"
    )
