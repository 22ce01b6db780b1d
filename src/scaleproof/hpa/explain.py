"""`scaleproof hpa explain`: a case in, the desired replicas and the reasons out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scaleproof.hpa.case import CASE_VERSION, Case, read_case
from scaleproof.hpa.decision import Decision, Proposal
from scaleproof.hpa.field import FieldError
from scaleproof.hpa.history import Recommendations, ScaleEvents
from scaleproof.hpa.quantities import NANOSECONDS, format_time
from scaleproof.hpa.reconcile import reconcile_autoscaler

SCHEMA_FILE = Path(__file__).with_name("explain.schema.json")


def explain(document: dict[str, Any]) -> dict[str, Any]:
    """The answer to one case (`explain_schema` describes it). Raises FieldError, a BadInputError."""
    case = read_case(document)
    return _answer(case, reconcile_autoscaler(case.spec, case.history, case.seen, case.options))


def explain_batch(lines: Iterable[str]) -> Iterator[str]:
    """One JSON line a case, in order. A wrong case answers `{"error": …}` on its line; empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield json.dumps(_answer_line(line, number), ensure_ascii=False, allow_nan=False)


def _answer_line(line: str, number: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"error": {"line": number, "field": "", "expected": "one JSON object a line", "message": str(error)}}
    try:
        return explain(document)
    except FieldError as error:
        answer: dict[str, Any] = {
            "error": {"line": number, "field": error.field, "expected": error.expected, "message": error.message}
        }
        if isinstance(document, dict) and isinstance(document.get("name"), str):
            answer = {"name": document["name"], **answer}
        return answer


def explain_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a case, with the answer under `$defs`."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def render(answer: dict[str, Any]) -> str:
    """The answer as plain lines for a person."""
    lines = [answer["message"], ""]
    width = max(len(step["step"]) for step in answer["steps"])
    lines += [f"  {step['step']:<{width}}  {step['text']}  [{step['reason']}]" for step in answer["steps"]]
    lines += ["", f"desired replicas: {answer['desiredReplicas']} (now {answer['currentReplicas']}), {answer['reason']}"]
    if answer.get("error"):
        lines.append(f"error: {answer['error']}")
    return "\n".join(lines)


def _answer(case: Case, decision: Decision) -> dict[str, Any]:
    named = {} if case.name is None else {"name": case.name}
    failed = {} if decision.error is None else {"error": decision.error}
    return {
        "version": CASE_VERSION,
        **named,
        "currentReplicas": decision.current_replicas,
        "desiredReplicas": decision.desired_replicas,
        "reason": decision.reason,
        "message": decision.message,
        **failed,
        "metrics": [_metric(proposal) for proposal in decision.proposals],
        "steps": [{"step": s.step, "reason": s.reason, "text": s.text, **s.numbers} for s in decision.steps],
        "scaleUpEvents": _events(case, case.history.up),
        "scaleDownEvents": _events(case, case.history.down),
        "recommendations": _recommendations(case, case.history.recommendations or Recommendations()),
    }


def _metric(proposal: Proposal) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": proposal.type, "name": proposal.name, "reason": proposal.reason}
    if proposal.replicas is None:
        return {**answer, "error": proposal.error}
    kind = "Utilization" if proposal.unit == "%" else "Milli"
    answer |= {"replicas": proposal.replicas, f"current{kind}": proposal.current, f"target{kind}": proposal.target}
    if proposal.average is not None:
        answer["currentAverageMilli"] = proposal.average
    answer |= {"usageRatio": _finite(proposal.usage_ratio), "newUsageRatio": _finite(proposal.new_usage_ratio)}
    if proposal.ready is not None:
        answer["pods"] = {
            "ready": proposal.ready,
            "unready": proposal.unready,
            "missing": proposal.missing,
            "ignored": proposal.ignored,
        }
    return answer


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _time(case: Case, nanoseconds: int) -> str | float:
    if not case.numeric_time:
        return format_time(nanoseconds)
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return nanoseconds / NANOSECONDS if rest else seconds


def _events(case: Case, events: ScaleEvents) -> list[dict[str, Any]]:
    return [
        {"timestamp": _time(case, time), "replicaChange": change, "outdated": outdated}
        for change, time, outdated in zip(events.changes, events.times, events.outdated, strict=True)
    ]


def _recommendations(case: Case, entries: Recommendations) -> list[dict[str, Any]]:
    return [
        {"timestamp": _time(case, time), "recommendation": value}
        for value, time in zip(entries.values, entries.times, strict=True)
    ]
