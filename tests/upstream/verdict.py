"""Our answer and upstream's, side by side: everything upstream lets others see of a sync."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scaleproof.hpa.case import read_case
from scaleproof.hpa.history import Recommendations
from scaleproof.hpa.quantities import format_time
from scaleproof.hpa.reconcile import reconcile_autoscaler

MISMATCHES = Path(".scaleproof") / "upstream-mismatches"
INVALID = re.compile(r"invalid metrics \(\d+ invalid out of \d+\)")


class Autoscaler:
    """Our side of a timeline: carries what a controller and the API server remember between syncs."""

    def __init__(self):
        self.history = None
        self.spec = self.options = None
        self.replicas = 0
        self.conditions = {}

    def sync(self, case):
        """(our answer, the sync as a case of its own that `scaleproof hpa explain` takes)."""
        case = self._alone(case)
        read = read_case(case)
        decision = self.decide(case, read)
        self.conditions = conditions(self.conditions, decision, read)
        self.replicas = decision.desired_replicas
        return answer(decision, self.conditions, self.history), case

    def decide(self, case, read):
        """Our decision; `history` is afterwards what is remembered."""
        del case
        if self.history is None:
            self.history = read.history
        return reconcile_autoscaler(read.spec, self.history, read.seen, read.options)

    def _alone(self, case):
        if self.history is None:
            self.replicas = case["hpa"]["status"]["currentReplicas"]
            for condition in case["hpa"]["status"].get("conditions", ()):
                self.conditions[condition["type"]] = f"{condition['status']} {condition['reason']}"
        self.spec = case.get("hpa", self.spec)
        self.options = case.get("options", self.options)
        self.replicas = case.get("scale", {}).get("spec", {}).get("replicas", self.replicas)
        status = {"currentReplicas": self.replicas}
        if "ScaledToZero" in self.conditions:
            value, reason = self.conditions["ScaledToZero"].split(" ")
            status["conditions"] = [{"type": "ScaledToZero", "status": value, "reason": reason}]
        alone = {**case, "version": 1, "hpa": {**self.spec, "status": status}}
        if self.options:
            alone["options"] = self.options
        if self.history is not None:
            alone |= remembered(self.history)
        return alone


def play(world, autoscaler=None):
    """(the cases of a timeline, our answers)."""
    autoscaler = autoscaler or Autoscaler()
    cases, ours = [next(world)], []
    while True:
        ours.append(autoscaler.sync(cases[-1]))
        try:
            cases.append(world.send(ours[-1][0]["desiredReplicas"]))
        except StopIteration:
            return cases, ours


def conditions(before, decision, case):
    """The HPA's conditions after the sync, as `reconcileAutoscaler` sets them."""
    steps = {step.step: step for step in decision.steps}
    after = {**before, "AbleToScale": "True SucceededGetScale"}
    if decision.reason == "ScalingDisabled":
        after["ScalingActive"] = "False ScalingDisabled"
        if not case.options.scale_to_zero:
            after.pop("ScaledToZero", None)
        return after
    if "metrics" in steps:
        return after | {"ScalingActive": f"False {steps['metrics'].reason}"}
    if "limit" in steps:
        limit = steps["limit"]
        limited = limit.numbers["stabilized"] != limit.numbers["replicas"]
        after["ScalingActive"] = "True ValidMetricFound"
        after["AbleToScale"] = f"True {steps['stabilize'].reason}"
        after["ScalingLimited"] = f"{limited} {limit.reason}"
    if decision.desired_replicas != decision.current_replicas:
        after["AbleToScale"] = "True SucceededRescale"
        after.pop("ScaledToZero", None)
        if case.options.scale_to_zero:
            to_zero = decision.desired_replicas == 0 == case.spec.min_replicas and case.spec.scales_to_zero
            after["ScaledToZero"] = "True ScaledToZero" if to_zero else "False NotScaledToZero"
    return after


def answer(decision, conditions, history):
    """Our decision in the shape of `comparable`."""
    invalid = INVALID.search(decision.error or "")
    return {
        "desiredReplicas": decision.desired_replicas,
        "invalid": invalid and invalid.group(),
        "conditions": conditions,
        "metrics": [_value(proposal) for proposal in decision.proposals],
        "rescaled": _rescaled(decision),
        **remembered(history),
    }


def _value(proposal):
    if proposal.replicas is None:
        return [None, None]
    return [proposal.current, proposal.average] if proposal.unit == "%" else [None, proposal.current]


def _rescaled(decision):
    current, desired = decision.current_replicas, decision.desired_replicas
    if desired == current:
        return None
    recommended = next((step.numbers["recommended"] for step in decision.steps if step.step == "stabilize"), None)
    if recommended is None:
        why = "above Spec.MaxReplicas" if desired < current else "below Spec.MinReplicas"
    elif recommended > current:
        why = "above target"
    elif recommended < current:
        why = "below target"
    else:
        why = "below Spec.MinReplicas" if decision.steps[-1].step == "fromZero" else ""
    return [desired, why]


def remembered(history):
    """What the controller remembers, as a case says it."""
    events = lambda kept: [
        {"timestamp": format_time(time), "replicaChange": change, "outdated": outdated}
        for change, time, outdated in zip(kept.changes, kept.times, kept.outdated, strict=True)
    ]
    kept = history.recommendations or Recommendations()
    entries = zip(kept.values, kept.times, strict=True)
    return {
        "scaleUpEvents": events(history.up),
        "scaleDownEvents": events(history.down),
        "recommendations": [{"timestamp": format_time(time), "recommendation": value} for value, time in entries],
    }


def comparable(theirs):
    """Upstream's answer without its own wording."""
    invalid = INVALID.search(theirs["error"])
    rescaled = None
    for event in theirs["events"]:
        if event.startswith("Normal SuccessfulRescale"):
            size, reason = re.fullmatch(r"Normal SuccessfulRescale New size: (\d+); reason: (.*)", event).groups()
            rescaled = [int(size), re.sub(r".*(?=above |below )", "", reason)]
    return {
        "desiredReplicas": theirs["desiredReplicas"],
        "invalid": invalid and invalid.group(),
        "conditions": theirs["conditions"],
        "metrics": [[m["utilization"], m["average"] if m["value"] is None else m["value"]] for m in theirs["metrics"]],
        "rescaled": rescaled,
        **{key: theirs[key] for key in ("scaleUpEvents", "scaleDownEvents", "recommendations")},
    }


def mismatch(name, alone, ours, theirs):
    """None where both agree, else what differs; the case is left as a file for `scaleproof hpa explain`."""
    theirs = comparable(theirs)
    if ours == theirs:
        return None
    MISMATCHES.mkdir(parents=True, exist_ok=True)
    file = MISMATCHES / f"{name}.json"
    file.write_text(json.dumps({"name": name, **alone}, indent=1), encoding="utf-8")
    differing = [f"  {key}: ours {ours[key]}, upstream's {theirs[key]}" for key in ours if ours[key] != theirs[key]]
    return "\n".join([f"{name}: scaleproof hpa explain {file}", *differing])
