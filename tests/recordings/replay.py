"""The simulator put beside a recording: the same demand and policy; unknown are the phases of syncs, scrapes and readings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recordings.recording import TENTHS, Recording, ServiceRecording
from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration
from scaleproof.simulator.intervals import Band, estimate
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.simulate import simulate

PHASES = 40
USED_UP = 0.9
"""Share of the ready replicas' limits: below it no work waits, and CPU says what requests asked for."""


@dataclass(frozen=True)
class Beside:
    """One service of one recording, measured and simulated."""

    recording: str
    service: str
    measured: NDArray[np.int64]
    simulated: Band
    replica_seconds: float
    replica_seconds_simulated: Estimate

    @property
    def error(self) -> float:
        """Of the median, relative to what was measured."""
        return self.replica_seconds_simulated.value / self.replica_seconds - 1

    @property
    def is_inside(self) -> bool:
        """Whether the measured replica-seconds lie within the 90 % interval."""
        return self.replica_seconds_simulated.low <= self.replica_seconds <= self.replica_seconds_simulated.high

    @property
    def share_inside(self) -> float:
        """Share of the seconds whose measured replica count lies within the 90 % interval of that second."""
        return float(np.mean((self.simulated.low <= self.measured) & (self.measured <= self.simulated.high)))


def replay(recording: Recording, calibration: Calibration, *, phases: int = PHASES) -> list[Beside]:
    """Every service of the recording, each by itself: the calls among them are part of what was demanded."""
    found = []
    for name, seen in recording.services.items():
        known = calibration.services[name]
        wanted = demand(recording, calibration, name)
        exact = Estimate(value=cost(known), low=cost(known), high=cost(known))
        plain = {"cpu_seconds_per_request": exact, "busy_factor": 1.0, "idle_factor": 1.0, "calls": {}, "bottleneck": None}
        result = simulate(
            calibration.model_copy(update={"services": {name: known.model_copy(update=plain)}}),
            recording.platform.model_copy(update={"services": {name: recording.platform.services[name]}}),
            recording.policy.model_copy(update={"services": {name: recording.policy.services[name]}}),
            {name: as_requests(wanted, cost(known))},
            duration_seconds=recording.duration_seconds,
            seeds=(recording.seed,),
            phases=phases,
            assumptions=replace(Assumptions.of(calibration.stamp), calibration_noise=False),
        )
        found.append(
            Beside(
                recording=recording.name,
                service=name,
                measured=np.array(seen.replicas),
                simulated=result.replicas(name),
                replica_seconds=seen.replica_seconds,
                replica_seconds_simulated=estimate([run.replica_seconds(result.duration_seconds) for run in result.runs]),
            )
        )
    return found


def cost(known: ServiceCalibration) -> float:
    """CPU seconds of a request among many."""
    return known.cpu_seconds_per_request.value * known.busy_factor


def demand(recording: Recording, calibration: Calibration, service: str) -> NDArray[np.float64]:
    """Cores that requests asked for, in every second.

    That is the CPU that was used, without what replicas use when they idle or start. Where the quota was used up it was more, which
    only the requests tell; yet no less than was used, for a backlog is demand too.
    """
    known, seen = calibration.services[service], recording.services[service]
    limit = recording.policy.services[service].resources.limits.cpu_millicores / 1000
    cpu, ready = np.array(seen.cpu_cores), np.array(seen.ready)
    served = cpu - known.start_burn_cores * starting(seen)
    used = np.maximum(served - known.idle_cores * ready, 0.0)
    asked = requests_per_second(recording, calibration, service) * cost(known)
    return np.where(served >= USED_UP * ready * limit, np.maximum(used, asked), used)


def starting(seen: ServiceRecording) -> NDArray[np.int64]:
    """Replicas that were created and have not been ready yet, in every second."""
    created, became_ready = (np.maximum(np.diff(each, prepend=each[0]), 0).cumsum() for each in (seen.replicas, seen.ready))
    return np.maximum(created - became_ready, 0)


def requests_per_second(recording: Recording, calibration: Calibration, service: str) -> NDArray[np.float64]:
    """Of users, and of the services that call this one."""
    own = {name: np.reshape(seen.arrivals, (-1, TENTHS)).sum(axis=1) for name, seen in recording.services.items()}
    calls = {name: calibration.services[name].calls.get(service, 0.0) for name in own if name != service}
    total: NDArray[np.float64] = own[service] + sum((own[name] * share for name, share in calls.items()), np.zeros(1))
    return total


def as_requests(cores: NDArray[np.float64], cpu_seconds: float) -> NDArray[np.float64]:
    """Times of requests of that cost each, which ask for so many cores in every second."""
    done = np.concatenate([[0.0], np.cumsum(cores)]) / cpu_seconds
    count = int(done[-1])
    times: NDArray[np.float64] = np.interp(np.arange(count) + 0.5, done, np.arange(done.size))
    return times


def line(each: Beside) -> str:
    """For people: what was measured, what was simulated."""
    simulated = each.replica_seconds_simulated
    return (
        f"{each.recording:20} {each.service:10} replica-seconds {each.replica_seconds:6.0f} measured, {simulated.value:6.0f} "
        f"[{simulated.low:.0f}, {simulated.high:.0f}] simulated ({each.error:+.1%}{'' if each.is_inside else ', OUTSIDE'}); "
        f"replicas inside the interval in {each.share_inside:.1%} of the seconds"
    )
