"""The simulator put beside a recording: the same requests and policy; unknown are the phases of syncs, scrapes and readings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recordings.recording import Recording
from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.simulator.intervals import Band, estimate
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.simulate import SimulationResult, simulate

PHASES = 40
UNHURRIED = 0.7
"""Share of the ready replicas' limits: below it no work waits, and CPU says what requests cost."""


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
    """Every service of the recording. What a request costs is taken from the recording: it belongs to what was given."""
    scaled = calibration
    for _ in range(2):
        scaled = with_costs_of(recording, scaled, _simulate(recording, scaled, phases=4))
    result = _simulate(recording, scaled, phases=phases)
    return [
        Beside(
            recording=recording.name,
            service=name,
            measured=np.array(seen.replicas),
            simulated=result.replicas(name),
            replica_seconds=seen.replica_seconds,
            replica_seconds_simulated=replica_seconds(result, name),
        )
        for name, seen in recording.services.items()
    ]


def replica_seconds(result: SimulationResult, service: str) -> Estimate:
    """Of one service up to the end of the load."""
    return estimate([run.services[service].replica_seconds(result.duration_seconds) for run in result.runs])


def with_costs_of(recording: Recording, calibration: Calibration, result: SimulationResult) -> Calibration:
    """CPU a request such that the simulated CPU of the unhurried seconds is the measured one."""
    services = {}
    for name, known in calibration.services.items():
        seen = recording.services[name]
        limit = recording.policy.services[name].resources.limits.cpu_millicores / 1000
        cpu, ready, total = (np.array(each) for each in (seen.cpu_cores, seen.ready, seen.replicas))
        simulated = result.usage_cores(name).median
        still = (
            (cpu < UNHURRIED * ready * limit) & (ready == total) & (simulated < UNHURRIED * limit * result.ready(name).median)
        )
        factor = float(cpu[still].sum() / simulated[still].sum()) if still.any() else 1.0
        value = known.cpu_seconds_per_request.value * factor
        services[name] = known.model_copy(update={"cpu_seconds_per_request": Estimate(value=value, low=value, high=value)})
    return calibration.model_copy(update={"services": services})


def _simulate(recording: Recording, calibration: Calibration, *, phases: int) -> SimulationResult:
    return simulate(
        calibration,
        recording.platform,
        recording.policy,
        {name: seen.arrival_times for name, seen in recording.services.items()},
        duration_seconds=recording.duration_seconds,
        seeds=(recording.seed,),
        phases=phases,
        assumptions=replace(Assumptions.of("kube"), calibration_noise=False),
    )


def line(each: Beside) -> str:
    """For people: what was measured, what was simulated."""
    simulated = each.replica_seconds_simulated
    return (
        f"{each.recording:20} {each.service:10} replica-seconds {each.replica_seconds:6.0f} measured, {simulated.value:6.0f} "
        f"[{simulated.low:.0f}, {simulated.high:.0f}] simulated ({each.error:+.1%}{'' if each.is_inside else ', OUTSIDE'}); "
        f"replicas inside the interval in {each.share_inside:.1%} of the seconds"
    )
