"""Recorded traffic out of a Prometheus: one PromQL expression over time as a trace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from scaleproof.sources.prometheus_server import Moments, PrometheusServer, Series
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.trace_file import Trace

PATIENCE_SECONDS: Final = 120
"""For a piece of 10,000 points; Prometheus itself gives up after 2 minutes (--query.timeout)."""
MOST_INTERVALS: Final = 20_000_000
_SHOWN: Final = 5


def read_rate(
    url: str,
    query: str,
    *,
    end: float,
    since_seconds: int,
    step_seconds: int,
    bearer_token: str | None = None,
    advance: Callable[[float], None] | None = None,
) -> Trace:
    """The expression's values (requests/s) from `since_seconds` before the Unix time `end`, one a step.

    The trace begins and ends with the first and the last value there is; `absent` counts the steps between them without one
    (no sample, NaN, infinite). `advance` is told the share that is done.

    Raises BadInputError where the address or the expression is wrong, it has several series, or a value is negative;
    CannotMeasureError where Prometheus does not answer, or has no value.
    """
    server = PrometheusServer(url, bearer_token, patience_seconds=PATIENCE_SECONDS)
    if since_seconds < 2 * step_seconds:
        raise BadInputError(f"--since {since_seconds} s has fewer than two steps of {step_seconds} s", hint="lower --step")
    if since_seconds > MOST_INTERVALS * step_seconds:
        raise BadInputError(f"more than {MOST_INTERVALS:,} steps of {step_seconds} s", hint="raise --step")
    # On whole steps, as Prometheus' own page does: asked again a moment later, the same samples answer.
    last = math.floor(end / step_seconds) * step_seconds
    moments = Moments(last - since_seconds // step_seconds * step_seconds + step_seconds, last, step_seconds)
    values = np.full((moments.end - moments.start) // step_seconds + 1, np.nan)
    labels: dict[str, None] = {}
    pieces = sum(1 for _ in moments.pieces())
    for number, piece in enumerate(server.series(query, moments, f"the query {query!r}"), start=1):
        labels |= {_title(series): None for series in piece}
        if len(labels) > 1:
            shown = ", ".join(list(labels)[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
            raise BadInputError(
                f"the query {query!r} has {len(labels)} series: {shown}; expected one", hint=f"add them up: sum({query})"
            )
        for series in piece:
            _fill(values, series, moments, url)
        if advance is not None:
            advance(number / pieces)
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        raise CannotMeasureError(
            f"Prometheus at {url} has no value of {query!r} in the {since_seconds} s asked for",
            hint="does its own page show any? Is the time longer ago than its retention?",
        )
    # A rate is that of the time before its moment.
    began = float(moments.start + (known[0] - 1) * step_seconds)
    values = values[known[0] : known[-1] + 1]
    known -= known[0]
    if (values[known] < 0).any():
        raise BadInputError(
            f"the query {query!r} has negative values, down to {np.nanmin(values[known]):g}; expected requests/s",
            hint="such as sum(rate(http_requests_total[1m]))",
        )
    return Trace(
        name=query,
        rates=np.interp(np.arange(values.size), known, values[known]),
        interval_seconds=float(step_seconds),
        absent=int(values.size - known.size),
        began=began,
    )


def _fill(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], series: Series, moments: Moments, url: str) -> None:
    try:
        found = np.array([(float(moment), float(value)) for moment, value in series["values"]]).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise CannotMeasureError(f"{url} does not answer like a Prometheus ({error})", hint="check the address") from None
    slots = np.round((found[:, 0] - moments.start) / moments.step_seconds).astype(int)
    within = (slots >= 0) & (slots < values.size) & np.isfinite(found[:, 1])
    values[slots[within]] = found[within, 1]


def _title(series: Series) -> str:
    labels = dict(series["metric"])
    name = str(labels.pop("__name__", ""))
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items())) + "}"
