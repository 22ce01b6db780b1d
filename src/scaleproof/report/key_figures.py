"""The handful of figures that stand beside the verdict. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from scaleproof.report.subject import Subject
from scaleproof.report.wording import amount, change, duration, is_known, percent, points
from scaleproof.telemetry.summary import Summary

_NOTICEABLE: Final = 0.005


@dataclass(frozen=True)
class KeyFigure:
    """One figure before and after, as numbers and as people read them; smaller is better for all of them but the served share."""

    code: str
    name: str
    meaning: str
    before: float | None
    after: float
    before_text: str | None
    after_text: str
    change_text: str | None
    better: bool | None
    """None: no change worth a word, or nothing to compare with."""


def key_figures(subject: Subject, summaries: Sequence[Summary]) -> tuple[KeyFigure, ...]:
    """Of a proof the verdict's own figures (means over its runs), of runs their summaries."""
    changes = {}
    if subject.proof is not None:
        changes = {change.metric: change for change in subject.proof.verdict.changes if change.service is None}
    before, after = (summaries[0] if len(summaries) > 1 else None), summaries[-1]

    def figure(
        code: str,
        name: str,
        meaning: str,
        value: Callable[[Summary], float],
        text: Callable[[float | None], str],
        difference: Callable[[float | None, float | None], str],
        *,
        more_is_better: bool = False,
    ) -> KeyFigure:
        old = None if before is None else value(before)
        new, significant = value(after), True
        known = changes.get(code)  # type: ignore[call-overload]  # codes are MetricName or our own
        if known is not None:
            old, new, significant = known.before, known.after, known.significant
        better = None
        if old is not None and is_known(old) and is_known(new) and significant and abs(new - old) > abs(old) * _NOTICEABLE:
            better = (new > old) is more_is_better
        return KeyFigure(
            code=code,
            name=name,
            meaning=meaning,
            before=old,
            after=new,
            before_text=None if old is None else text(old),
            after_text=text(new),
            change_text=None if old is None else difference(old, new),
            better=better,
        )

    return (
        figure(
            "violation",
            "Not served well",
            "Share of intended requests that failed, were never sent, or were slower than promised.",
            lambda summary: summary.violation.share,
            percent,
            points,
        ),
        figure(
            "cost",
            "Reserved CPU, core-seconds",
            "Cost: every replica's seconds from its creation, times the cores it requests.",
            lambda summary: summary.cost.total_core_seconds,
            amount,
            change,
        ),
        figure(
            "p95_seconds",
            "p95 latency",
            "95 of 100 answered requests were quicker, counted from the time the user meant to act.",
            lambda summary: summary.latency.p95_s,
            duration,
            change,
        ),
        figure(
            "served_at_peak",
            "Answered at the peak",
            "Share of the requests of the peak's last minute that were answered without failure, however late.",
            lambda summary: summary.served_share_at_peak,
            percent,
            points,
            more_is_better=True,
        ),
    )
