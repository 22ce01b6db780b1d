"""A minimum at times of the day (KEDA's cron triggers) beside a tuned policy: searched on earlier days, judged on later ones.

The windows follow the peaks of earlier days; which quantile, how much of it, how many windows and which target go with them is what the
simulator finds cheapest within the budget, as it does without windows. Whether that pays is asked of days that neither has seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.schedule import Schedule, scheduled_replicas, zone_of
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of
from scaleproof.spec.errors import BadInputError, InfeasibleError
from scaleproof.spec.trace_file import Trace
from scaleproof.tuner.ports import Progress
from scaleproof.tuner.traffic.daily_pattern import DailyPattern, pattern_of, quarter_hours
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.outlook import Outlook
from scaleproof.tuner.traffic.question import DAY_SECONDS, TrafficQuestion, Trial, duration, rates_by_second, trials_of
from scaleproof.tuner.traffic.race import Judge, Player, summaries
from scaleproof.tuner.traffic.search import TIE, polished, simplified, target_of, tune_on_traffic, watch_over
from scaleproof.tuner.traffic.windows import schedules_of

LEAST_DAYS: Final = 2
LATER_SHARE: Final = 3
"""The last one of so many whole days is judged on, at least one day."""
JUDGING_RUNS: Final = 5
"""Of each trace's later days; they differ in start-up times and phases."""
WORTH_A_SCHEDULE: Final = 0.01
"""A schedule has to be cheaper by this share on the later days: windows are more to understand than none."""
ROUNDS: Final = ((2, 24), (4, 8))
"""After so many runs of each trace so many schedules stay; these are then tried in all runs. What holds in two may be lucky."""
LOW: Final = 0.5
"""Of what a replica holds: the least target that is tried where no policy holds without a schedule."""
TARGETS: Final = 14
"""That are tried with every schedule, from the one without a schedule to all that a replica holds: what is there beforehand allows higher ones."""


@dataclass(frozen=True)
class OnLaterDays:
    """A policy on days that it was not tuned on."""

    knobs: TrafficKnobs
    cost: float
    """Relative to the clairvoyant's: the mean over traces of the mean over runs."""
    violation: float
    """The worst run's of all traces, share of requests."""
    replica_hours: float
    """Mean over runs, all traces together."""


@dataclass(frozen=True)
class ScheduledMinimum:
    """What a schedule is worth."""

    question: TrafficQuestion
    zone: str
    pattern: DailyPattern
    tuned_seconds: float
    judged_seconds: float
    """Of all traces together: earlier days, later days. 0 where there is no pattern: then nothing was searched."""
    without: OnLaterDays | None = None
    """The policy alone; None where none holds on the earlier days, or nothing was searched."""
    schedule: Schedule | None = None
    """The best schedule found; None where none holds and is cheaper than the policy alone on the earlier days."""
    with_schedule: OnLaterDays | None = None
    """The policy that goes with it."""

    @property
    def pays(self) -> bool:
        """On the later days it holds, and is clearly cheaper than the policy alone or holds where that does not."""
        budget = self.question.budget
        if self.with_schedule is None or self.with_schedule.violation > budget:
            return False
        if self.without is None:
            return True
        cheaper = self.with_schedule.cost <= self.without.cost * (1 - WORTH_A_SCHEDULE)
        return cheaper or self.without.violation > budget


def schedule_on_traffic(
    question: TrafficQuestion, zone: str, progress: Progress, clock: Callable[[], float], player: Player = evaluate
) -> ScheduledMinimum:
    """Raises BadInputError where a trace is shorter than two days or does not say when it was."""
    check_for_schedule(question, zone)
    pattern = pattern_of(quarter_hours(question.traces, zone))
    if not pattern.is_one:
        return ScheduledMinimum(question, zone, pattern, 0.0, 0.0)
    parts = [split_in_time(trace) for trace in question.traces]
    earlier = replace(question, traces=[before for before, _ in parts], current=None)
    later = [after for _, after in parts]
    alone = _alone(earlier, progress, clock, player)
    schedules = schedules_of(
        quarter_hours(earlier.traces, zone),
        pattern.kinds,
        zone,
        question.service,
        least=question.least_replicas,
        most=earlier.maximum,
    )
    found = _best(earlier, schedules, alone, progress, clock, player)
    return ScheduledMinimum(
        question,
        zone,
        pattern,
        sum(duration(trace) for trace in earlier.traces),
        sum(duration(trace) for trace in later),
        None if alone is None else judged(question, later, alone[0], None),
        None if found is None else found[0],
        None if found is None else judged(question, later, found[1], found[0]),
    )


def _alone(
    earlier: TrafficQuestion, progress: Progress, clock: Callable[[], float], player: Player
) -> tuple[TrafficKnobs, float] | None:
    """The best policy without a schedule, and its cost; None where none holds: then windows may be what it takes."""
    try:
        tuning = tune_on_traffic(earlier, progress, clock, player)
    except InfeasibleError:
        return None
    return tuning.best, tuning.score.cost


def split_in_time(trace: Trace) -> tuple[Trace, Trace]:
    """(earlier days, later days): whole days from the trace's end, a third of them, at least one."""
    days = int(duration(trace) // DAY_SECONDS)
    after = max(1, days // LATER_SHARE) * DAY_SECONDS
    first = trace.rates.size - round(after / trace.interval_seconds)
    began = trace.began if trace.began is None else trace.began + first * trace.interval_seconds
    return replace(trace, rates=trace.rates[:first]), replace(trace, rates=trace.rates[first:], began=began)


def judged(question: TrafficQuestion, traces: Sequence[Trace], knobs: TrafficKnobs, schedule: Schedule | None) -> OnLaterDays:
    """A policy on these traces as they were recorded, in runs that no search has seen."""
    packed = pack_policies([knobs.spec()], question.service)
    costs, worst, replica_seconds = [], 0.0, 0.0
    for number, trace in enumerate(traces):
        rates = rates_by_second(trace)
        worlds = [world_of(rates, question.service, seed=_judging_seed(question, number, run)) for run in range(JUDGING_RUNS)]
        if schedule is not None:
            wanted = scheduled_replicas(schedule, trace.began or 0.0, rates.shape[0])
            worlds = [world._replace(scheduled=wanted) for world in worlds]
        found = evaluate(packed, question.service, worlds)[0]
        clairvoyant = clairvoyant_replicas(rates, question.service, at_least=question.least_replicas)
        mean = float(found[:, REPLICA_SECONDS].mean())
        costs.append(mean / float(clairvoyant.sum()))
        replica_seconds += mean
        requests = float(rates.sum())
        if requests > 0:
            worst = max(worst, float(found[:, VIOLATED].max()) / requests)
    return OnLaterDays(knobs, float(np.mean(costs)), worst, replica_seconds / 3600)


def under_schedule(trials: Sequence[Trial], traces: Sequence[Trace], schedule: Schedule) -> list[Trial]:
    """The same runs with the schedule's triggers."""
    wanted = [scheduled_replicas(schedule, trace.began or 0.0, rates_by_second(trace).shape[0]) for trace in traces]
    return [replace(trial, world=trial.world._replace(scheduled=wanted[trial.trace])) for trial in trials]


def _best(
    earlier: TrafficQuestion,
    schedules: Sequence[Schedule],
    alone: tuple[TrafficKnobs, float] | None,
    progress: Progress,
    clock: Callable[[], float],
    player: Player,
) -> tuple[Schedule, TrafficKnobs] | None:
    """The schedule, and the policy that goes with it; None where none holds and is cheaper than the policy alone."""
    options = _options(earlier, None if alone is None else alone[0])
    trials = trials_of(earlier)
    outlook = Outlook()
    teller = Judge(earlier, trials, player=player, outlook=outlook)
    counts = [len(schedules), *(min(kept, len(schedules)) for _, kept in ROUNDS)]
    seconds = [_seconds(trials, runs) for runs in (*(runs for runs, _ in ROUNDS), math.inf)]
    expected = [float(count * len(options) * each) for count, each in zip(counts, seconds, strict=True)]
    outlook.coming = [("schedules", each) for each in expected] + [("polishing", 400.0 * seconds[-1])]
    watch_over(teller, "searching a schedule", progress, clock)

    def judge_of(schedule: Schedule) -> Judge:
        return replace(teller, trials=under_schedule(trials, earlier.traces, schedule), scores={})

    alive = list(schedules)
    for number, (runs, kept) in enumerate(ROUNDS):
        outlook.begin("schedules", expected[number])
        orders = {schedule: _best_order(judge_of(schedule), options, runs) for schedule in alive}
        alive = sorted(alive, key=lambda each: (*orders[each], len(each.windows), repr(each)))[:kept]
    outlook.begin("schedules", expected[-1])
    finals = []
    for schedule in alive:
        judge = judge_of(schedule)
        best = judge.best(options)
        if judge.scores[best].violation <= earlier.budget:
            finals.append((schedule, judge, best, judge.scores[best].cost))
    if not finals:
        return None
    cheapest = min(cost for *_, cost in finals)
    # Of equals the one with fewer windows.
    schedule, judge, best, _ = min(
        (each for each in finals if each[3] <= cheapest * (1 + TIE)),
        key=lambda each: (len(each[0].windows), each[3], repr(each[0])),
    )
    best = simplified(judge, polished(judge, [best]))
    pays = alone is None or judge.scores[best].cost <= alone[1] * (1 - WORTH_A_SCHEDULE)
    return (schedule, best) if pays else None


def _seconds(trials: Sequence[Trial], runs: float) -> int:
    """Of traffic in the first runs."""
    return sum(trial.world.rates.shape[0] for trial in trials if trial.run < runs)


def _best_order(judge: Judge, options: Sequence[TrafficKnobs], runs: int) -> tuple[float, float]:
    """(violation beyond the budget, cost) of the best in the first runs; smaller is better."""
    first = [trial for trial in judge.trials if trial.run < runs]
    cost, worst = summaries(first, judge.question.confidence, *judge.play(options, first))
    beyond = np.maximum(0.0, worst - judge.question.budget)
    return min(zip(beyond.tolist(), cost.tolist(), strict=True))


def _options(question: TrafficQuestion, without: TrafficKnobs | None) -> list[TrafficKnobs]:
    """The policy without a schedule, with its target and higher ones, and the least minimum: windows may replace what it keeps all the time."""
    top = question.service.utilization_at_capacity
    base = without or TrafficKnobs(
        target_of(question, LOW * top), question.least_replicas, question.maximum, question.of_requests
    )
    highest = max(base.target, target_of(question, 1.05 * top))
    targets = np.unique(np.linspace(base.target, highest, TARGETS).round().astype(int))
    minimums = sorted({base.minimum, question.least_replicas})
    return [base.turned(target=int(target), minimum=minimum) for target in targets for minimum in minimums]


def _judging_seed(question: TrafficQuestion, trace: int, run: int) -> int:
    """None that `trials_of` uses: those are below 100,000 or above a million."""
    return 500_000 + 1000 * (question.seed % 400) + 10 * trace + run


def check_for_schedule(question: TrafficQuestion, zone: str) -> None:
    """Raises BadInputError where the zone is not known, or a trace is shorter than two days or does not say when it was."""
    zone_of(zone)
    for trace in question.traces:
        if trace.began is None:
            raise BadInputError(
                f"{trace.name}: its times do not say which time of the day it was",
                hint="a schedule needs ISO 8601 times, or Unix time in seconds",
            )
        if duration(trace) < LEAST_DAYS * DAY_SECONDS:
            raise BadInputError(
                f"{trace.name}: {duration(trace) / 3600:.3g} h long; what comes back every day shows in {LEAST_DAYS} days at the least",
                hint="give more days, better some weeks",
            )
