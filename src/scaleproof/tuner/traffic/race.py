"""Many policies, few survivors: who is clearly worse after some runs is not played any further."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.autoscaling_spec import PackedSpec
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED, World
from scaleproof.simulator.traffic.policies import PackedPolicies, in_rows, pack_policies, packed_policy
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.outlook import Outlook, race_seconds
from scaleproof.tuner.traffic.question import TrafficQuestion, Trial, duration

Floats = NDArray[np.float64]

FIRST_SECONDS: Final = 60_000
"""The first round plays so much of each trace, in as many runs as that takes: an hour has few scaling events."""
COST_SLACK: Final = (0.1, 0.06, 0.04)
"""After a first, a second … round, a policy goes when it costs this much more than the cheapest that holds so far. Costs hardly
differ between runs, but what holds in the first may be lucky, and what holds in all of them dearer."""
VIOLATION_SLACK: Final = (3.0, 2.0, 1.5)
"""After these rounds, a policy goes when it violates this many times the budget: the worst run only gets worse."""
LEAST_SURVIVORS: Final = 24


@dataclass(frozen=True)
class Score:
    """A policy over some trials."""

    cost: float
    """Relative to the clairvoyant's, mean over trials."""
    violation: float
    """The worst trace's: its worst recorded run, or the asked share of its variations, whichever is more."""
    cost_by_trial: tuple[float, ...]
    violation_by_trial: tuple[float, ...]

    def order(self, budget: float) -> tuple[float, float]:
        """Smaller is better: violation beyond the budget, then cost."""
        return (max(0.0, self.violation - budget), self.cost)


class Player(Protocol):
    """Plays policies in worlds: `simulator.traffic.evaluate.evaluate`, or a checkpoint that remembers what it played."""

    def __call__(
        self,
        policies: PackedPolicies,
        service: ServiceModel,
        worlds: Sequence[World],
        *,
        advance: Callable[[int], None] | None = None,
    ) -> Floats:
        """float64[policies, worlds, RESULTS]."""


@dataclass
class Judge:
    """Plays policies and remembers what came of it."""

    question: TrafficQuestion
    trials: Sequence[Trial]
    advance: Callable[[int], None] | None = None
    scores: dict[TrafficKnobs, Score] = field(default_factory=dict)
    """Over all trials."""
    player: Player = evaluate
    outlook: Outlook = field(default_factory=Outlook)
    """Told what races are expected to play; whoever gave `advance` tells it what was played."""

    @property
    def whole_seconds(self) -> int:
        """Of all trials together."""
        return sum(trial.world.rates.shape[0] for trial in self.trials)

    def play(self, knobs: Sequence[TrafficKnobs], trials: Sequence[Trial]) -> tuple[Floats, Floats]:
        """(cost relative to the clairvoyant's, violation), each float64[policies, trials]."""
        service = self.question.service
        return self._play(in_rows([_packed(each, service.request_millicores) for each in knobs]), trials, service)

    def play_specs(
        self, specs: Sequence[AutoscalingSpec], trials: Sequence[Trial], service: ServiceModel
    ) -> tuple[Floats, Floats]:
        """The same of policies that no knobs may express, on any service."""
        return self._play(pack_policies(specs, service), trials, service)

    def _play(self, packed: PackedPolicies, trials: Sequence[Trial], service: ServiceModel) -> tuple[Floats, Floats]:
        found = self.player(packed, service, [trial.world for trial in trials], advance=self.advance)
        clairvoyant = np.array([trial.clairvoyant for trial in trials])
        requests = np.array([trial.requests for trial in trials])
        return found[:, :, REPLICA_SECONDS] / clairvoyant, found[:, :, VIOLATED] / requests

    def whole(self, knobs: Sequence[TrafficKnobs]) -> list[Score]:
        """Over all trials; what was played before is not played again."""
        fresh = [each for each in dict.fromkeys(knobs) if each not in self.scores]
        if fresh:
            cost, violation = self.play(fresh, self.trials)
            costs, worst = summaries(self.trials, self.question.confidence, cost, violation)
            for row, each in enumerate(fresh):
                found = float(costs[row]), float(worst[row])
                self.scores[each] = Score(*found, tuple(cost[row].tolist()), tuple(violation[row].tolist()))
        return [self.scores[each] for each in knobs]

    def best(self, knobs: Sequence[TrafficKnobs]) -> TrafficKnobs:
        """The best of them; of equals the simplest."""
        return self.ranked(knobs)[0]

    def ranked(self, knobs: Sequence[TrafficKnobs]) -> list[TrafficKnobs]:
        """Best first, over all trials; of equals the simplest."""
        budget = self.question.budget
        scored = sorted(
            zip(knobs, self.whole(knobs), strict=True),
            key=lambda entry: (*entry[1].order(budget), len(entry[0].set_fields()), repr(entry[0])),
        )
        return [each for each, _ in scored]


@lru_cache(maxsize=8192)
def _packed(knobs: TrafficKnobs, request_millicores: int) -> PackedSpec:
    """Remembered, for a search comes back to the same knobs, and reading a spec takes as long as playing it for an hour."""
    return packed_policy(knobs.spec(), request_millicores, "policy")


def score(
    trials: Sequence[Trial], confidence: float, cost: Floats, violation: Floats, *, recorded_confidence: float = 1.0
) -> Score:
    """One policy's figures over these trials; float64[trials] each."""
    costs, worst = summaries(trials, confidence, cost[None], violation[None], recorded_confidence=recorded_confidence)
    return Score(float(costs[0]), float(worst[0]), tuple(cost.tolist()), tuple(violation.tolist()))


def summaries(
    trials: Sequence[Trial], confidence: float, cost: Floats, violation: Floats, *, recorded_confidence: float = 1.0
) -> tuple[Floats, Floats]:
    """(Cost, violation) as in `Score` of every policy; both float64[policies, trials].

    The violation is what `recorded_confidence` of the recorded runs and `confidence` of the variations stay within.
    """
    costs = []
    worst = np.zeros(cost.shape[0])
    for trace in sorted({trial.trace for trial in trials}):
        mine = [row for row, trial in enumerate(trials) if trial.trace == trace]
        costs.append(np.ascontiguousarray(cost[:, mine]).mean(axis=1))
        for share, is_recorded in ((recorded_confidence, True), (confidence, False)):
            rows = [row for row in mine if trials[row].recorded == is_recorded]
            if rows:
                worst = np.maximum(worst, np.quantile(violation[:, rows], share, axis=1))
    return np.mean(np.column_stack(costs), axis=1), worst


def rounds_of(judge: Judge) -> list[int]:
    """How many runs of each trace have been played after each round of a race: doubling, and fewer than all."""
    most = 1 + max(trial.run for trial in judge.trials)
    shortest = min(duration(trace) for trace in judge.question.traces)
    runs = max(1, min(most // 4, math.ceil(FIRST_SECONDS / shortest)))
    found = []
    while runs < most:
        found.append(runs)
        runs *= 2
    return found


def expected_seconds(judge: Judge, policies: int, least: int, *, begin: int = 0) -> float:
    """Policy-seconds of a race between so many policies, from the round `begin` on."""
    rounds = rounds_of(judge)
    seconds = [
        float(sum(trial.world.rates.shape[0] for trial in judge.trials if before <= trial.run < runs))
        for before, runs in zip([0, *rounds], rounds, strict=False)
    ]
    return race_seconds(policies, least, seconds, judge.whole_seconds, begin=begin)


def race(judge: Judge, knobs: Sequence[TrafficKnobs], *, least: int = LEAST_SURVIVORS) -> list[TrafficKnobs]:
    """The survivors, best first. All are played in the first runs of every trace, the rest in twice as many, and so on.

    At least `least` survive every round, the best so far.
    """
    question = judge.question
    alive = list(knobs)
    cost = np.zeros((len(alive), 0))
    violation = np.zeros((len(alive), 0))
    for stage, runs in enumerate(rounds_of(judge)):
        if len(alive) <= least:
            break
        judge.outlook.current = expected_seconds(judge, len(alive), least, begin=stage)
        played = [trial for trial in judge.trials if trial.run < runs]
        more_cost, more_violation = judge.play(alive, played[cost.shape[1] :])
        cost, violation = np.hstack((cost, more_cost)), np.hstack((violation, more_violation))
        costs, worst = summaries(played, question.confidence, cost, violation)
        holding = costs[worst <= question.budget]
        dearest = float(holding.min()) * (1 + COST_SLACK[min(stage, len(COST_SLACK) - 1)]) if holding.size else np.inf
        allowed = question.budget * VIOLATION_SLACK[min(stage, len(VIOLATION_SLACK) - 1)]
        beyond = np.maximum(0.0, worst - question.budget)
        ranked = sorted(range(len(alive)), key=lambda row: (beyond[row], costs[row], repr(alive[row])))
        promising = np.flatnonzero((worst <= allowed) & (costs <= dearest)).tolist()
        kept = sorted(set(promising) | set(ranked[:least]))
        alive = [alive[row] for row in kept]
        cost, violation = cost[kept], violation[kept]
    judge.outlook.current = len(alive) * float(judge.whole_seconds)
    return judge.ranked(alive)
