"""A proof as the body of a pull request: the verdict, its figures with intervals, what changes, and how to measure it again.

It leaves the machine: credentials are taken out, and nothing that a name or a message holds acts as markup, as a mention or as a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from scaleproof import __version__
from scaleproof.report.findings import Findings
from scaleproof.report.markdown_text import fenced, inline, table
from scaleproof.report.policy_change import changed_fields
from scaleproof.report.redaction import redacted
from scaleproof.report.wording import MINUS, amount, duration, percent, sentence
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.results import MetricChange, MetricName, Proof

_VERDICTS: Final = {
    "better": "✅ Better",
    "not better": "❌ Not better: nothing to merge",
    "inconclusive": "❔ Inconclusive: nothing to merge yet",
    "unchanged": "Unchanged: nothing to merge",
}
_FIGURES: Final[dict[MetricName, tuple[str, Callable[[float | None], str], Callable[[float], str]]]] = {
    # Name, a value as text, and the size of a difference as text.
    "violation": ("Requests not served well", percent, lambda share: f"{amount(share * 100)} points"),
    "cost": ("Reserved CPU, core-seconds", amount, amount),
    "replica_seconds": ("Replica-seconds", amount, amount),
    "p95_seconds": ("p95 latency", duration, duration),
}
_GAP: Final = "&#8203;"
"""A space without width: what stands on both sides of it is no mention, no issue and no address any more."""


def pull_request(findings: Findings) -> str:
    """GitHub-flavoured markdown with a final newline. Raises BadInputError where the findings are not a proof's."""
    proof = findings.subject.proof
    if proof is None:
        raise BadInputError("a pull request rests on a proof: two policies under the same load", hint="run `scaleproof prove`")
    blocks = [f"## {_VERDICTS[proof.verdict.decision]}", said(_summary(findings, proof))]
    if proof.verdict.changes:
        columns = ("Measured", "Before", "After", "Difference (90 % interval)", "Outside the noise")
        blocks += [table(columns, [_figures(change) for change in proof.verdict.changes], cell=said)]
    else:
        rows = [(figure.name, figure.after_text) for figure in findings.key_figures]
        blocks += [table(("", "Measured"), rows, cell=said)]
    blocks += _section("Why", _listed([sentence(reason, names=proof.tuning.before.services) for reason in _reasons(proof)]))
    fields = changed_fields(proof.tuning.before, proof.tuning.after)
    if fields:
        blocks += _section("What changes", table(("Service", "Field", "Before", "After"), fields, cell=said))
    if findings.diff:
        blocks.append(fenced(redacted(findings.diff), "diff"))
    blocks += _section("Measure it again", fenced(redacted("\n".join(findings.commands)), "sh"))
    blocks += _section("What it rests on", _listed([f"{name}: {value}" for name, value in findings.facts.items()]))
    blocks += _section("What this does not say", _listed(findings.not_measured))
    blocks.append(f"<sub>Written by scaleproof {__version__}.</sub>")
    return "\n\n".join(blocks) + "\n"


def said(text: str) -> str:
    """Text as it reads, and nothing else: no credentials, no markup, no mention, no reference, no link."""
    safe = inline(redacted(text)).replace("&", "&amp;")
    safe = re.sub(r"@(?=\w)", f"@{_GAP}", safe)
    safe = re.sub(r"\\#(?=\w)", f"&#35;{_GAP}", safe)
    safe = safe.replace("://", f":{_GAP}//")
    return re.sub(r"(?i)\bwww\.", f"www{_GAP}.", safe)


def _summary(findings: Findings, proof: Proof) -> str:
    runs = len(proof.verdict.runs)
    label = "one run" if runs == 1 else "one run each, indicative" if proof.verdict.indicative else f"{runs} runs in ABBA order"
    load = f"{proof.users:,} users, shape {proof.shape_name}, seed {proof.seed}, target {proof.target}, stack {proof.stack}"
    return f"{findings.headline} {findings.question} {findings.answer.capitalize()}. Measured with {load}: {label}."


def _reasons(proof: Proof) -> list[str]:
    infeasible = proof.tuning.infeasible_reason
    return [*proof.verdict.reasons, *([infeasible] if infeasible and not proof.tuning.feasible else []), *proof.tuning.reasons]


def _figures(change: MetricChange) -> tuple[str, ...]:
    name, text, size = _FIGURES[change.metric]

    def signed(value: float) -> str:
        return f"{MINUS if value < 0 else '+' if value > 0 else ''}{size(abs(value))}"

    low, high = sorted((change.difference.low, change.difference.high))
    outside = ("yes, more" if change.rose else "yes, less") if change.significant else "no"
    whose = f"{name}, {change.service}" if change.service else name
    difference = f"{signed(change.difference.value)} ({signed(low)} to {signed(high)})"
    return whose, text(change.before), text(change.after), difference, outside


def _section(title: str, content: str) -> list[str]:
    return [f"### {title}", content] if content else []


def _listed(sentences: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {said(each)}" for each in sentences)
