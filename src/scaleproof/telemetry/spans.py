"""Spans of traces, and what they tell of the calls between services. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd

from scaleproof.spec.tracing import GATEWAY
from scaleproof.telemetry.run import Run
from scaleproof.telemetry.tables import SPANS

SERVER: Final = "server"
CLIENT: Final = "client"
MOST_CALLS: Final = 3.0
"""An edge with more calls a request is chatty: it asks in a loop what one question could answer."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was received."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty: the trace begins here."""
    service: str
    name: str
    kind: str
    """`server`, `client`, or another word of OpenTelemetry's."""
    start_s: float
    """Unix seconds."""
    duration_s: float
    status: int
    """HTTP's; 0 where there was no answer."""
    failed: bool
    peer: str
    """Of a client's span: whom it asked, as far as it says so."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls that requests of one kind cause between two services."""

    entry: str
    """What the gateway's users ask, such as `GET /api/v1/dashboard/overview`."""
    caller: str
    callee: str
    requests: int
    """Of that kind, recorded."""
    calls: int
    failed: int

    @property
    def calls_per_request(self) -> float:
        """Attempts that repeat a failed one count as calls."""
        return self.calls / self.requests

    @property
    def chatty(self) -> bool:
        """Whether it asks too often."""
        return self.calls_per_request > MOST_CALLS


def span_table(spans: Sequence[Span], start: float) -> pd.DataFrame:
    """As a run's table; `start` in Unix seconds is its second 0."""
    rows = [{"time_s": span.start_s - start, **asdict(span)} for span in spans]
    return pd.DataFrame(rows, columns=SPANS.names)


def spans_of(table: pd.DataFrame) -> list[Span]:
    """What such a table holds, in seconds of the run."""
    rows = table.rename(columns={"time_s": "start_s"}).to_dict("records")
    return [Span(**{str(name): value for name, value in row.items()}) for row in rows]


def edges_of(run: Run) -> list[Edge]:
    """A run's; none where no trace was recorded."""
    table = run.tables.get("spans")
    return [] if table is None else edges(spans_of(table))


def edges(spans: Iterable[Span]) -> list[Edge]:
    """Every edge of every kind of request, the one with most calls a request first.

    A request enters with the server's span below the gateway's, or with one that begins a trace. What cannot be followed up to
    such a span, because something between was lost, is left out.
    """
    known = {(span.trace_id, span.span_id): span for span in spans}
    served = {(span.trace_id, span.parent_id): span.service for span in known.values() if span.kind == SERVER}
    requests = Counter(span.name for span in known.values() if _enters(span, known))
    calls: dict[tuple[str, str, str], list[Span]] = defaultdict(list)
    for span in known.values():
        if span.kind != CLIENT or span.service == GATEWAY:
            continue
        entry = _entry_of(span, known)
        callee = served.get((span.trace_id, span.span_id), span.peer)
        if entry is not None and callee:
            calls[entry.name, span.service, callee].append(span)
    found = [
        Edge(entry, caller, callee, requests[entry], len(made), sum(span.failed for span in made))
        for (entry, caller, callee), made in calls.items()
    ]
    return sorted(found, key=lambda edge: (-edge.calls_per_request, edge.entry, edge.caller, edge.callee))


def _enters(span: Span, known: dict[tuple[str, str], Span]) -> bool:
    if span.kind != SERVER or span.service == GATEWAY:
        return False
    parent = known.get((span.trace_id, span.parent_id))
    return not span.parent_id or (parent is not None and parent.service == GATEWAY)


def _entry_of(span: Span, known: dict[tuple[str, str], Span]) -> Span | None:
    """The span with which its request entered. Strangers' spans may go in circles: no trace is deeper than it has spans."""
    seen: set[str] = set()
    at: Span | None = span
    while at is not None and at.span_id not in seen:
        if _enters(at, known):
            return at
        seen.add(at.span_id)
        at = known.get((at.trace_id, at.parent_id))
    return None
