"""What differs from the baseline, and what would mend a verdict of no. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from scaleproof.report.policy_change import changed_fields
from scaleproof.report.redaction import HIDDEN, redacted
from scaleproof.report.wording import amount, memory, percent
from scaleproof.rules.facts import Facts
from scaleproof.rules.needs import needs
from scaleproof.rules.rule import Finding
from scaleproof.simulator.calibration import Calibration, ServiceCalibration
from scaleproof.spec.platform import Platform
from scaleproof.tuner.baseline import Baseline
from scaleproof.tuner.regression import Outcome

_SECRET: Final = re.compile(r"token|secret|password|passwd|credential|api_?key|private_?key|authorization", re.IGNORECASE)
_UNTOLD: Final = frozenset({"command", "setup"})
"""May hold a secret: that they changed is said, not how."""
_MISSED: Final = frozenset({"slo-missed", "slo-missed-by-chance", "violation-regression"})
NOTABLE: Final = 0.02
"""A calibrated figure that moved by less is noise."""


@dataclass(frozen=True)
class Attribution:
    """What the platform would come to if one part were still the baseline's."""

    part: str
    """policy, calibration or platform."""
    outcome: Outcome


def explain(
    baseline: Baseline | None,
    facts: Facts,
    findings: Sequence[Finding],
    attributions: Sequence[Attribution] = (),
    *,
    version: str,
) -> tuple[str, ...]:
    """One line a change, then what each part is responsible for, then what would mend it. `version` is scaleproof's now."""
    lines: list[str] = []
    if baseline is not None:
        lines += changes(baseline, facts, version=version)
        lines += [_attributed(each) for each in attributions]
    return (*lines, *_remedies(facts, findings))


def changes(baseline: Baseline, facts: Facts, *, version: str) -> list[str]:
    """What differs from the baseline: policy, platform, calibration, and scaleproof itself."""
    lines = []
    if facts.policy is not None:
        lines += [
            f"policy: {service}: {field} {old} → {new}"
            for service, field, old, new in changed_fields(baseline.policy, facts.policy)
        ]
    if facts.platform is not None:
        lines += platform_changes(baseline.platform, facts.platform)
    if facts.calibration is not None:
        lines += calibration_changes(baseline.calibration, facts.calibration)
    if baseline.written_by != version:
        lines.append(f"scaleproof: {baseline.written_by} → {version}; the simulator may answer differently")
    return lines or ["nothing changed since the baseline was written"]


def platform_changes(before: Platform, after: Platform) -> list[str]:
    """Fields of platform.yaml that differ. Environments are left out, secrets hidden."""
    old, new = _flat(before), _flat(after)
    return [
        f"platform: {field}: {_value(field, old)} → {_value(field, new)}"
        if field.rsplit(".", 1)[-1] not in _UNTOLD
        else f"platform: {field} changed"
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    ]


def calibration_changes(before: Calibration, after: Calibration) -> list[str]:
    """What was measured anew, service by service."""
    lines = []
    for name in sorted({*before.services, *after.services}):
        old, new = before.services.get(name), after.services.get(name)
        if old is None or new is None:
            lines.append(f"calibration: {name} {'is new' if old is None else 'is gone'}")
            continue
        parts = [
            f"{what} {was} → {now}"
            for (what, was, size), (_, now, other) in zip(_figures(old), _figures(new), strict=True)
            if abs(other - size) > NOTABLE * max(abs(size), 1e-12)
        ]
        if parts:
            lines.append(f"calibration: {name}: {', '.join(parts)}")
    return lines


def _figures(known: ServiceCalibration) -> list[tuple[str, str, float]]:
    """(name, as people read it, size)."""
    cpu, capacity = known.cpu_seconds_per_request.value, known.capacity_per_second.value
    return [
        ("cpu per request", f"{cpu * 1000:.2g} ms", cpu),
        ("capacity of a replica", f"{amount(capacity)} requests/s", capacity),
        ("memory peak", memory(known.memory_peak_bytes), known.memory_peak_bytes),
        ("longest start", f"{known.start_seconds[1]:.1f} s", known.start_seconds[1]),
        ("calls a request", amount(sum(known.calls.values())), sum(known.calls.values())),
        ("CPU limit", f"{known.limit_millicores}m", known.limit_millicores),
    ]


def _attributed(each: Attribution) -> str:
    worst = max((found.value for found in each.outcome.violation.values()), default=0.0)
    return (
        f"with the baseline's {each.part} and everything else as it is now: violation of the worst service {percent(worst)}, "
        f"cost {amount(each.outcome.cost.value)} core-seconds"
    )


def _remedies(facts: Facts, findings: Sequence[Finding]) -> list[str]:
    """What would mend what was found; the fix of each rule stands beside its finding already."""
    missed = {finding.service for finding in findings if finding.rule.id in _MISSED}
    if not missed:
        return []
    lines = []
    for need in needs(facts):
        most = need.workload.autoscaling.max_replicas
        if need.workload.name in missed and most < need.replicas:
            lines.append(
                f"{need.workload.name}: the peak of {need.peak_rate:,.0f} requests/s needs {need.replicas} replicas: set maxReplicas to "
                f"{need.replicas + 1} or more (it is {most})"
            )
    return [*lines, "`scaleproof tune --dry-run` shows the cheapest policy that keeps the SLO"]


def _flat(platform: Platform) -> dict[str, str]:
    fields: dict[str, str] = {}
    _flatten(_plain(platform), "", fields)
    return fields


def _plain(model: BaseModel) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def _flatten(node: Any, path: str, into: dict[str, str]) -> None:
    key = path.rsplit(".", 1)[-1]
    if key == "environment":
        return
    if isinstance(node, dict) and node:
        for name, value in node.items():
            _flatten(value, f"{path}.{name}" if path else str(name), into)
    elif key in _UNTOLD or not isinstance(node, list):
        into[path] = str(node)
    else:
        into[path] = ", ".join(str(each) for each in node) or "none"


def _value(field: str, fields: Mapping[str, str]) -> str:
    if field not in fields:
        return "nothing"
    return HIDDEN if _SECRET.search(field) else redacted(fields[field])
