"""Old and new policy under the same load, in ABBA order, and the verdict. Unless the new one is better, the old one goes back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from scaleproof.simulator.calibration import Estimate
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.cost import cost
from scaleproof.telemetry.marks import MARKED_SHARE_LIMIT
from scaleproof.telemetry.run import Run
from scaleproof.telemetry.summary import Summary, summarise
from scaleproof.tuner.evaluation import WORTH_VIOLATION
from scaleproof.tuner.measure import Rig, measure
from scaleproof.tuner.ports import LoadPlan, PolicyStore
from scaleproof.tuner.results import Decision, MetricChange, MetricName, Prediction, RunReference, Verdict
from scaleproof.tuner.statistics import difference_estimate

Side = Literal["before", "after"]

WORTH_COST_SHARE: Final = 0.03
"""A cost difference below this share of the old cost is nothing to change a policy for."""
# Without a prediction: what repeated runs of one policy differ by, see facts on measuring (one spurious +1 is 17 %).
_UNKNOWN_COST_DEVIATION_SHARE: Final = 0.05
_UNKNOWN_VIOLATION_DEVIATION: Final = 0.01
_INTERVAL_TO_DEVIATION: Final = 2 * 1.645


@dataclass(frozen=True)
class MeasuredRun:
    """A run with its summary and the side it stands for."""

    side: Side
    label: str
    run: Run
    summary: Summary


@dataclass(frozen=True)
class Noise:
    """Standard deviation of one run by chance alone, per side."""

    cost: Mapping[Side, float]
    violation: Mapping[Side, float]

    @classmethod
    def of(cls, predictions: Sequence[Prediction], runs: Sequence[MeasuredRun]) -> Noise:
        """From the predictions' 90 % intervals; where there is none, from what runs usually differ by.

        A prediction that is off is off by a factor, and its interval with it: violation scatters with its level, at least as
        the square root of it (bad requests are counts), at most in proportion. Of the two, the greater deviation is taken.
        """
        known: dict[str, Prediction] = {prediction.label: prediction for prediction in predictions}
        costs: dict[Side, float] = {}
        violations: dict[Side, float] = {}
        sides: tuple[Side, Side] = ("before", "after")
        for side in sides:
            measured = [entry.summary for entry in runs if entry.side == side]
            mean_cost = float(np.mean([summary.cost.total_core_seconds for summary in measured] or [0.0]))
            costs[side] = _UNKNOWN_COST_DEVIATION_SHARE * mean_cost
            violations[side] = _UNKNOWN_VIOLATION_DEVIATION
            prediction = known.get(side)
            if prediction is not None:
                costs[side] = max(
                    (prediction.cost.high - prediction.cost.low) / _INTERVAL_TO_DEVIATION, WORTH_COST_SHARE / 2 * mean_cost
                )
                level = float(np.mean([summary.violation.share for summary in measured] or [0.0]))
                violations[side] = max(_at_level(prediction.violation, level), WORTH_VIOLATION / 2)
        return cls(cost=costs, violation=violations)


def _at_level(expected: Estimate, level: float) -> float:
    """Standard deviation of a violation of that level, where `expected` was predicted (see `Noise.of`)."""
    deviation = (expected.high - expected.low) / _INTERVAL_TO_DEVIATION
    if expected.value <= 0:
        return deviation
    times = level / expected.value
    return deviation * max(times, math.sqrt(times))


def order_of(pairs: int | None) -> list[tuple[Side, int]]:
    """Sides in the order of measurement with the number of their pair: A B | B A | A B …; None: one A and one B.

    Neighbouring pairs swap their order, so that a drift of the machine cancels out (ABBA).
    """
    order: list[tuple[Side, int]] = []
    for pair in range(pairs or 1):
        sides: tuple[Side, Side] = ("before", "after") if pair % 2 == 0 else ("after", "before")
        order += [(side, pair) for side in sides]
    return order


def verify(
    rig: Rig,
    store: PolicyStore,
    plan: LoadPlan,
    before: Policy,
    after: Policy,
    *,
    pairs: int | None,
    run_root: Path,
    predictions: Sequence[Prediction] = (),
    measured: Sequence[MeasuredRun] = (),
) -> tuple[Verdict, list[MeasuredRun]]:
    """Measure both policies under the same seeds and judge. The stack must hold `before` or already `after`.

    `pairs` is the number of A-B pairs, None means one pair that is called indicative. `measured` are runs already made, used
    instead of measuring them again (pair 0's A). Afterwards the platform runs, and the stack file holds, `after` where the
    verdict is better; otherwise, and also after an error or Ctrl-C, both hold `before` again.
    """
    runs: list[MeasuredRun] = []
    ready = {(entry.label): entry for entry in measured}
    decided = False
    running: Side | None = None
    try:
        for side, pair in order_of(pairs):
            label = run_label(side, pair)
            if label in ready:
                runs.append(ready[label])
                continue
            policy = before if side == "before" else after
            if running != side:
                rig.target.apply(policy)
                running = side
            runs.append(measured_run(rig, plan, policy, side=side, pair=pair, run_root=run_root))
        verdict = judge(runs, predictions=predictions, indicative=pairs is None, root=run_root)
        if verdict.decision == "better":
            store.write(after)
            if running != "after":
                rig.target.apply(after)
            decided = True
        else:
            verdict = verdict.model_copy(update={"restored": True})
    finally:
        if not decided:
            go_back(rig, store, before)
    return verdict, runs


def measured_run(rig: Rig, plan: LoadPlan, policy: Policy, *, side: Side, pair: int, run_root: Path) -> MeasuredRun:
    """One run of a pair; both sides of a pair share a seed, no two pairs do."""
    seeded = LoadPlan(**{**plan.__dict__, "seed": plan.seed + pair})
    label = run_label(side, pair)
    run = measure(rig, seeded, policy, label=label, run_root=run_root)
    return MeasuredRun(side=side, label=label, run=run, summary=summarise(run))


def run_label(side: Side, pair: int) -> str:
    """`A1-before`, `B1-after`, …: what the run is called in folders and the report."""
    return f"{'A' if side == 'before' else 'B'}{pair + 1}-{side}"


def go_back(rig: Rig, store: PolicyStore, before: Policy) -> None:
    """The stack file first (it cannot fail for long), then the running policy."""
    store.restore()
    rig.target.apply(before)


def judge(
    runs: Sequence[MeasuredRun], *, predictions: Sequence[Prediction] = (), indicative: bool = False, root: Path | None = None
) -> Verdict:
    """The verdict on paired runs. Pure.

    Better is: keeps the SLO where the old policy did not; or cheaper at no more violation; or less violation at no more
    cost. Every difference has to lie outside the noise and be worth a change.
    """
    noise = Noise.of(predictions, runs)
    a = sorted((entry for entry in runs if entry.side == "before"), key=lambda entry: entry.label)
    b = sorted((entry for entry in runs if entry.side == "after"), key=lambda entry: entry.label)
    until = common_end(runs)
    services = list(a[0].summary.services)
    old_cost, new_cost = [_cost(entry, until) for entry in a], [_cost(entry, until) for entry in b]
    old_seconds, new_seconds = [_seconds(entry, until) for entry in a], [_seconds(entry, until) for entry in b]
    seconds_noise = _joint(
        {
            "before": _scaled(noise.cost["before"], old_cost, old_seconds),
            "after": _scaled(noise.cost["after"], new_cost, new_seconds),
        }
    )
    changes = [
        _change("cost", None, old_cost, new_cost, _joint(noise.cost)),
        _change("replica_seconds", None, old_seconds, new_seconds, seconds_noise),
    ]
    for name in (None, *services):
        olds, news = [_violation(entry, name) for entry in a], [_violation(entry, name) for entry in b]
        changes.append(_change("violation", name, olds, news, _joint(noise.violation)))
    keeps_before = _keeps_slo(a)
    keeps_after = _keeps_slo(b)
    decision, reasons = _decide(changes, keeps_before=keeps_before, keeps_after=keeps_after)
    marked = [entry for entry in runs if entry.summary.marked_share > MARKED_SHARE_LIMIT]
    if marked:
        names = ", ".join(f"{entry.label} ({entry.summary.marked_share:.0%} of its seconds)" for entry in marked)
        reasons.insert(0, f"The machine could not measure: {names} was disturbed, at most {MARKED_SHARE_LIMIT:.0%} may be.")
        decision = "inconclusive"
    return Verdict(
        decision=decision,
        indicative=indicative or len(a) == 1,
        keeps_slo_before=keeps_before,
        keeps_slo_after=keeps_after,
        changes=changes,
        runs=[_reference(entry, until, root) for entry in runs],
        reasons=reasons,
    )


def common_end(runs: Sequence[MeasuredRun]) -> float:
    """Cost counts until every policy is back at its steady count: the latest end of all runs, in seconds of the run."""
    return max(cost(entry.run).until_s for entry in runs)


def unchanged(run: MeasuredRun, *, root: Path | None = None) -> Verdict:
    """The verdict where the tuner found nothing worth changing: only the policy in force was measured."""
    keeps = run.summary.keeps_slo
    marked = run.summary.marked_share > MARKED_SHARE_LIMIT
    reasons = ["Tuning found no change that is worth more than the measurement's noise: the policy stays."]
    if marked:
        reasons.insert(0, f"The machine could not measure: {run.summary.marked_share:.0%} of the seconds were disturbed.")
    return Verdict(
        decision="inconclusive" if marked else "unchanged",
        indicative=True,
        keeps_slo_before=keeps,
        keeps_slo_after=keeps,
        changes=[],
        runs=[_reference(run, common_end([run]), root)],
        reasons=reasons,
    )


def _decide(changes: Sequence[MetricChange], *, keeps_before: bool, keeps_after: bool) -> tuple[Decision, list[str]]:
    spent = next(change for change in changes if change.metric == "cost")
    violations = [change for change in changes if change.metric == "violation"]
    cheaper, dearer = spent.fell, spent.rose
    improved = [change for change in violations if change.fell]
    worsened = [change for change in violations if change.rose]
    cost_words = _in_words(spent)
    decision: Decision
    if keeps_before and not keeps_after:
        return "not better", ["The new policy breaks an SLO that the old one keeps.", cost_words]
    if keeps_after and not keeps_before and improved:
        return "better", ["The new policy keeps every SLO, the old one did not.", _in_words(improved[0]), cost_words]
    if cheaper and not worsened:
        return "better", ["The new policy is cheaper at no more violation.", cost_words]
    if improved and not dearer and not worsened:
        return "better", ["The new policy has less violation at no more cost.", _in_words(improved[0]), cost_words]
    if dearer or worsened:
        why = [_in_words(change) for change in ([spent] if dearer else []) + worsened]
        gained = [_in_words(change) for change in ([spent] if cheaper else []) + improved]
        return "not better", [
            "What the new policy gains, it loses elsewhere." if gained else "The new policy is worse.",
            *why,
            *gained,
        ]
    possible_gain = -spent.difference.low > WORTH_COST_SHARE * spent.before or any(
        -change.difference.low > WORTH_VIOLATION for change in violations
    )
    decision = "inconclusive" if possible_gain else "not better"
    first = (
        "The difference lies within the noise: more pairs could tell the policies apart."
        if possible_gain
        else "The policies do not differ by anything worth a change."
    )
    return decision, [first, cost_words, _in_words(violations[0])]


def _change(
    metric: MetricName, service: str | None, before: Sequence[float], after: Sequence[float], deviation: float
) -> MetricChange:
    old = float(np.mean(before))
    difference = difference_estimate(np.subtract(after, before), deviation)
    worth = WORTH_VIOLATION if metric == "violation" else WORTH_COST_SHARE * old
    outside = difference.low > 0 or difference.high < 0
    return MetricChange(
        metric=metric,
        service=service,
        before=old,
        after=float(np.mean(after)),
        difference=difference,
        significant=outside and abs(difference.value) > worth,
    )


def _scaled(deviation: float, of: Sequence[float], to: Sequence[float]) -> float:
    """The same relative deviation on another scale."""
    return deviation * float(np.mean(to)) / float(np.mean(of)) if np.mean(of) > 0 else 0.0


def _joint(deviations: Mapping[Side, float]) -> float:
    return math.hypot(deviations["before"], deviations["after"])


def _cost(entry: MeasuredRun, until: float) -> float:
    return cost(entry.run, until).total_core_seconds


def _violation(entry: MeasuredRun, service: str | None) -> float:
    summary = entry.summary
    return summary.violation.share if service is None else summary.services[service].violation.share


def _seconds(entry: MeasuredRun, until: float) -> float:
    return cost(entry.run, until).total_replica_seconds


def _keeps_slo(runs: Sequence[MeasuredRun]) -> bool:
    """Each service's violation, over all runs of the side together, is within its budget."""
    for name, service in runs[0].summary.services.items():
        bad = sum(entry.summary.services[name].violation.bad for entry in runs)
        intended = sum(entry.summary.services[name].violation.intended for entry in runs)
        if bad > service.budget * intended:
            return False
    return True


def _reference(entry: MeasuredRun, until: float, root: Path | None) -> RunReference:
    folder = entry.run.path or Path(entry.run.meta.id)
    if root is not None and folder.is_relative_to(root):
        folder = folder.relative_to(root)
    spent = cost(entry.run, until)
    return RunReference(
        label=entry.label,
        policy=entry.side,
        folder=str(folder),
        violation=entry.summary.violation.share,
        violation_by_service={name: service.violation.share for name, service in entry.summary.services.items()},
        keeps_slo=entry.summary.keeps_slo,
        cost=spent.total_core_seconds,
        replica_seconds=spent.total_replica_seconds,
        served_share_of_peak=entry.summary.served_share_at_peak,
        marked_share=entry.summary.marked_share,
    )


def _in_words(change: MetricChange) -> str:
    if change.metric == "cost":
        share = change.difference.value / change.before if change.before else 0.0
        noise = (change.difference.high - change.difference.low) / 2 / change.before if change.before else 0.0
        return f"Cost {change.before:.1f} → {change.after:.1f} requested core-seconds ({share:+.0%}, noise ±{noise:.0%})."
    where = f" of {change.service}" if change.service else ""
    half = (change.difference.high - change.difference.low) / 2
    return f"Violation{where} {change.before:.2%} → {change.after:.2%} (noise ±{half * 100:.1f} points)."
