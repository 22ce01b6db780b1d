"""What is asked of a search on traffic, and the runs in which every policy is tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.kernel import World
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.variations import Variation, varied
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.trace_file import Trace, highest_rate

LEAST_RUNS: Final = 8
"""Runs of each trace; every second one is a variation of it."""
MOST_RUNS: Final = 64
SECONDS_OF_A_TRACE: Final = 400_000
"""Short traces are run more often: an hour has few scaling events, so that a policy that holds in some runs may be lucky."""
DAY_SECONDS: Final = 86_400
LEAST_REPLICAS: Final = 2
ROOM_ABOVE_PEAK: Final = 2.0
"""maxReplicas, where nothing is asked for: this times what the highest peak needs. It is a brake for accidents, not a knob."""


@dataclass(frozen=True)
class TrafficQuestion:
    """Which traffic a policy is tuned on, for which service, and within which bounds."""

    service: ServiceModel
    traces: Sequence[Trace]
    budget: float = 0.001
    """The share of requests that may be violated, in each trace."""
    least_replicas: int = LEAST_REPLICAS
    most_replicas: int | None = None
    of_requests: bool = False
    """Tune a target in requests/s of a replica instead of CPU utilisation."""
    confidence: float = 0.9
    """The share of variations in which the budget must hold; in recorded runs it must hold always."""
    most_runs: int = MOST_RUNS
    variation: Variation = field(default_factory=Variation)
    seed: int = 1
    current: AutoscalingSpec | None = None
    """The policy in force. It stays where it holds and none is clearly cheaper."""
    service_in_force: ServiceModel | None = None
    """What `current` has to hold for, where `service` is a careful view of a measured one: a second measurement must not evict it."""

    def __post_init__(self) -> None:
        if not self.traces:
            raise BadInputError("tune: expected at least one trace", hint="--trace FILE")
        if not 0 < self.budget < 1:
            raise BadInputError(
                f"tune: expected a budget between 0 and 1, found {self.budget:g}", hint="0.001 is 0.1 % of requests"
            )
        for trace in self.traces:
            playable(trace)
            if duration(trace) <= self.service.start_seconds[1]:
                raise BadInputError(
                    f"{trace.name}: {duration(trace):g} s long, but a replica takes up to {self.service.start_seconds[1]:g} s to start: "
                    "nothing that an autoscaler does would show",
                    hint="give at least some minutes of traffic, better some days",
                )
        needed = self.replicas_at_peak
        if self.most_replicas is not None and self.most_replicas < needed:
            peak = max(highest_rate(trace) for trace in self.traces)
            raise BadInputError(
                f"maxReplicas {self.most_replicas} hold {self.most_replicas * self.service.capacity_per_second:.4g} requests/s "
                f"within the SLO, the highest peak is {peak:.4g}",
                hint=f"allow at least {needed} replicas, or give each more CPU",
            )

    @property
    def replicas_at_peak(self) -> int:
        """What the highest recorded second needs."""
        peak = max(highest_rate(trace) for trace in self.traces)
        return max(self.least_replicas, math.ceil(peak / self.service.capacity_per_second))

    def runs_of(self, trace: Trace) -> int:
        """How often a trace is run."""
        return max(min(LEAST_RUNS, self.most_runs), min(self.most_runs, math.ceil(SECONDS_OF_A_TRACE / duration(trace))))

    @property
    def maximum(self) -> int:
        """The policies' maxReplicas."""
        return self.most_replicas or math.ceil(ROOM_ABOVE_PEAK * self.replicas_at_peak)


@dataclass(frozen=True)
class Trial:
    """One run of one trace."""

    trace: int
    run: int
    recorded: bool
    """Whether it is the trace itself, not a variation."""
    world: World
    requests: float
    clairvoyant: float
    """Replica-seconds of perfect foresight."""


def duration(trace: Trace) -> float:
    """Seconds."""
    return float(trace.rates.size * trace.interval_seconds)


def playable(trace: Trace) -> Trace:
    """The same trace. Raises BadInputError where it has no request, or more than one interval a second."""
    if trace.interval_seconds < 1:
        raise BadInputError(
            f"{trace.name}: an interval is {trace.interval_seconds:g} s; traffic is simulated second by second",
            hint="one row a second, or fewer",
        )
    highest_rate(trace)
    return trace


def rates_by_second(trace: Trace) -> NDArray[np.float64]:
    """Requests of every second; within an interval the rate is constant."""
    seconds = max(1, round(duration(trace)))
    if trace.interval_seconds == 1:
        return trace.rates
    index = np.minimum((np.arange(seconds) / trace.interval_seconds).astype(int), trace.rates.size - 1)
    rates: NDArray[np.float64] = trace.rates[index]
    return rates


def trials_of(question: TrafficQuestion) -> list[Trial]:
    """Every run of every trace; the first runs come first."""
    recorded = [rates_by_second(trace) for trace in question.traces]
    runs = [question.runs_of(trace) for trace in question.traces]
    trials = []
    for run in range(max(runs)):
        for number, rates in enumerate(recorded):
            if run >= runs[number]:
                continue
            seed = question.seed * 1_000_003 + run * 1009 + number
            is_recorded = run % 2 == 0
            played = rates
            if not is_recorded:
                # Less than a day shows one side of a day's cycle: what rises will fall.
                turned = run % 4 == 3 and rates.shape[0] < DAY_SECONDS  # noqa: PLR2004  every second variation
                played = varied(rates[::-1].copy() if turned else rates, seed, question.variation)
            needed = clairvoyant_replicas(played, question.service, at_least=question.least_replicas)
            world = world_of(played, question.service, seed=seed)
            trials.append(Trial(number, run, is_recorded, world, float(played.sum()), float(needed.sum())))
    return trials
