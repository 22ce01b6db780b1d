"""The simulator put beside a recording: the same demand and policy, the phases of syncs and scrapes once known and once not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recordings.recording import Recording, ServiceRecording
from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration
from scaleproof.simulator.intervals import Band, estimate
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.simulate import SimulationResult, simulate

PHASES = 40
SEEN_LATE = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Seconds between a decision and when it was seen, as even as can be."""
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
    of_any_phase: Estimate
    """Replica-seconds where only the rules of syncs and scrapes are known, as before a run."""
    of_known_phases: Estimate
    """Where it is also known when they were. The same as `of_any_phase` where that was not recorded."""

    @property
    def error(self) -> float:
        """Of the median with known phases, relative to what was measured."""
        return self.of_known_phases.value / self.replica_seconds - 1

    @property
    def is_inside(self) -> bool:
        """Whether the measured replica-seconds lie within the 90 % interval of any phase."""
        return self.of_any_phase.low <= self.replica_seconds <= self.of_any_phase.high

    @property
    def share_inside(self) -> float:
        """Share of the seconds whose measured replica count lies within the 90 % interval of that second."""
        return float(np.mean((self.simulated.low <= self.measured) & (self.measured <= self.simulated.high)))


def replay(recording: Recording, calibration: Calibration, *, phases: int = PHASES) -> list[Beside]:
    """Every service of the recording, each by itself: the calls among them are part of what was demanded."""
    found = []
    for name, seen in recording.services.items():
        usual = replace(Assumptions.of(calibration.stamp), calibration_noise=False)
        requests = as_requests(demand(recording, calibration, name), cost(calibration.services[name]))
        blind = simulated(recording, calibration, name, requests, usual, phases)
        knowing = [
            run
            for assumptions in known_phases(recording, name, usual)
            for run in simulated(recording, calibration, name, requests, assumptions, phases // 4).runs
        ]
        found.append(
            Beside(
                recording=recording.name,
                service=name,
                measured=np.array(seen.replicas),
                simulated=blind.replicas(name),
                replica_seconds=seen.replica_seconds,
                of_any_phase=estimate([run.replica_seconds(recording.duration_seconds) for run in blind.runs]),
                of_known_phases=estimate([run.replica_seconds(recording.duration_seconds) for run in knowing or blind.runs]),
            )
        )
    return found


def simulated(
    recording: Recording,
    calibration: Calibration,
    service: str,
    requests: NDArray[np.float64],
    assumptions: Assumptions,
    phases: int,
) -> SimulationResult:
    """The service alone, under these requests of equal cost."""
    known = calibration.services[service]
    exact = Estimate(value=cost(known), low=cost(known), high=cost(known))
    plain = {"cpu_seconds_per_request": exact, "busy_factor": 1.0, "idle_factor": 1.0, "calls": {}, "bottleneck": None}
    return simulate(
        calibration.model_copy(update={"services": {service: known.model_copy(update=plain)}}),
        recording.platform.model_copy(update={"services": {service: recording.platform.services[service]}}),
        recording.policy.model_copy(update={"services": {service: recording.policy.services[service]}}),
        {service: requests},
        duration_seconds=recording.duration_seconds,
        seeds=(recording.seed,),
        phases=phases,
        assumptions=assumptions,
    )


def known_phases(recording: Recording, service: str, usual: Assumptions) -> list[Assumptions]:
    """The phases that the recording tells: scrapes by the times of samples, syncs by the first decision, which was seen up to a
    second after it was taken. Nothing where no samples were recorded."""
    scrapes = [sample.sampled_s for sample in recording.samples if sample.sampled_s > 0]
    decided = recording.services[service].decisions
    if not scrapes or not decided:
        return []
    return [
        replace(
            usual,
            scrape_phase_seconds=float(np.median(np.mod(scrapes, usual.scrape_seconds))),
            sync_phase_seconds=(decided[0][0] - late) % usual.sync_seconds,
        )
        for late in SEEN_LATE
    ]


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
    own = {name: np.array(seen.arrivals) for name, seen in recording.services.items()}
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
    blind = each.of_any_phase
    return (
        f"{each.recording:18} {each.service:10} replica-seconds {each.replica_seconds:6.0f} measured, {each.of_known_phases.value:6.0f} "
        f"simulated ({each.error:+.1%}); of any phase {blind.value:.0f} [{blind.low:.0f}, {blind.high:.0f}]"
        f"{'' if each.is_inside else ' OUTSIDE'}; replicas inside in {each.share_inside:.1%} of the seconds"
    )
