"""What a search on traffic found, as lines of text and as JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scaleproof.report.columns import aligned
from scaleproof.report.wording import percent
from scaleproof.tuner.knobs import describe_rules
from scaleproof.tuner.traffic.knobs import DEFAULTS, TrafficKnobs
from scaleproof.tuner.traffic.race import Score
from scaleproof.tuner.traffic.search import TrafficTuning

KNOBS = {
    "up_tolerance": "scale-up tolerance",
    "down_tolerance": "scale-down tolerance",
    "up_window": "scale-up window",
    "down_window": "scale-down window",
    "up_rules": "scale-up policies",
    "down_rules": "scale-down policies",
}


def tuning_lines(tuning: TrafficTuning) -> list[str]:
    """The policy, what it costs on each trace, what each knob is worth, and the frontier."""
    question = tuning.question
    unit = "requests/s a replica" if question.of_requests else "% of the CPU request"
    answer = tuning.answer_score
    if tuning.kept is not None:
        lines = ["the policy in force stays: it holds, and no other is clearly cheaper"]
    else:
        lines = [f"policy: {describe(tuning.best)}"]
    low, high = _interval(answer)
    lines += [
        f"expected cost: {answer.cost:.3f} times the clairvoyant's (90 % of the runs: {low:.3f} to {high:.3f})",
        f"Kubernetes' default (80 %) costs {tuning.default[1].cost:.3f} and violates {percent(tuning.default[1].violation)}",
        f"violation: at most {percent(answer.violation)} of requests, the budget is {percent(question.budget)}",
        f"{tuning.considered} policies considered",
        "",
    ]
    rows = [
        ("trace", "cost to clairvoyant", "violation, worst recorded run", f"in {question.confidence:.0%} of its variations")
    ]
    for name, cost, recorded, others in by_trace(tuning):
        rows.append((name, f"{cost:.3f}", percent(recorded), percent(others)))
    lines += aligned(rows)
    if tuning.kept is None:
        lines.append("")
        rows = [("knob", "chosen", "Kubernetes' default", "worth")]
        for worth in tuning.worth:
            more = (
                f"{worth.more_cost:+.3f} of the clairvoyant's cost without it"
                if math.isfinite(worth.more_cost)
                else "nothing holds without it"
            )
            rows.append(
                (KNOBS[worth.knob], _value(worth.knob, worth.chosen), _value(worth.knob, DEFAULTS.get(worth.knob)), more)
            )
        lines += aligned(rows)
        left = [KNOBS[knob] for knob in KNOBS if knob not in tuning.best.set_fields()]
        lines.append(f"left at the default, for changing it gains less than 0.5 %: {', '.join(left) or 'nothing'}")
    lines += ["", f"frontier ({unit}):"]
    points = [("cost", "violation", "policy")]
    points += [(f"{score.cost:.3f}", percent(score.violation), describe(knobs)) for knobs, score in tuning.frontier]
    return lines + aligned(points)


def tuning_json(tuning: TrafficTuning) -> dict[str, Any]:
    """The same as data; costs are relative to the clairvoyant's, violations are shares of requests."""
    answer = tuning.answer_score
    low, high = _interval(answer)
    return {
        "policy": tuning.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "changed": tuning.kept is None,
        "cost": answer.cost,
        "cost_interval": [low, high],
        "violation": answer.violation,
        "budget": tuning.question.budget,
        "default": {"cost": tuning.default[1].cost, "violation": tuning.default[1].violation},
        "considered": tuning.considered,
        "traces": [
            {"name": name, "cost": cost, "violation_recorded": recorded, "violation_of_variations": others}
            for name, cost, recorded, others in by_trace(tuning)
        ],
        "worth": [
            {
                "knob": each.knob,
                "chosen": each.chosen,
                "more_cost_without": each.more_cost if math.isfinite(each.more_cost) else None,
            }
            for each in tuning.worth
        ],
        "frontier": [
            {"cost": score.cost, "violation": score.violation, "policy": describe(knobs)} for knobs, score in tuning.frontier
        ],
    }


def by_trace(tuning: TrafficTuning) -> list[tuple[str, float, float, float]]:
    """(name, mean cost, worst violation of recorded runs, violation that the asked share of variations stay within)."""
    answer = tuning.answer_score
    found = []
    for number, trace in enumerate(tuning.question.traces):
        mine = [row for row, trial in enumerate(tuning.trials) if trial.trace == number]
        cost = float(np.mean([answer.cost_by_trial[row] for row in mine]))
        recorded = max(answer.violation_by_trial[row] for row in mine if tuning.trials[row].recorded)
        others = [answer.violation_by_trial[row] for row in mine if not tuning.trials[row].recorded]
        found.append((trace.name, cost, recorded, float(np.quantile(others, tuning.question.confidence))))
    return found


def describe(knobs: TrafficKnobs) -> str:
    """`2-16 at 118 %, down after 60 s, up tolerance 0`."""
    target = f"{knobs.target / 1000:g} requests/s" if knobs.of_requests else f"{knobs.target} %"
    text = f"{knobs.minimum}-{knobs.maximum} at {target}"
    for knob in knobs.set_fields():
        text += f", {KNOBS[knob].removeprefix('scale-')} {_value(knob, getattr(knobs, knob))}"
    return text


def _value(knob: str, value: Any) -> str:
    if knob.endswith("rules"):
        return describe_rules(value)
    return f"{value} s" if knob.endswith("window") else f"{value:g}"


def _interval(score: Score) -> tuple[float, float]:
    low, high = np.quantile(score.cost_by_trial, (0.05, 0.95))
    return float(low), float(high)
