"""Latency over time against the promise, and the share of requests not served well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from scaleproof.report.charts.chart import (
    LATENCY_TICKS,
    Chart,
    Key,
    as_json,
    mark_events,
    over_time,
    plain,
    shade_marked,
    side_colour,
)
from scaleproof.report.findings import MeasuredSide
from scaleproof.report.wording import duration, percent

ROW_HEIGHT = 215


def latency_chart(service: str, sides: Sequence[MeasuredSide], number: int) -> Chart:
    """One panel a run: p50 and p95 from the intended time, p95 from sending and of the gateway's histogram, the SLO's threshold."""
    slo = sides[-1].side.run.meta.platform.services[service].slo
    end = max(side.timeline.end_s for side in sides)
    titles = [side.side.title for side in sides]
    figure, height = over_time(titles, row_height=ROW_HEIGHT, y_titles=["latency"] * len(sides), end_s=end)
    seen = [slo.latency_seconds]
    crashes = 0
    for row, side in enumerate(sides, start=1):
        series = side.timeline.services[service]
        colour = side_colour(side.side)
        for values, name, line in (
            (series.gateway_p95_s, "p95 by the gateway", {"color": "var(--series-4)", "width": 1.3, "dash": "dash"}),
            (series.sent_p95_s, "p95 from sending", {"color": "var(--series-3)", "width": 1.3, "dash": "dot"}),
            (series.p50_s, "p50 from the intended time", {"color": colour, "width": 1.5}),
            (series.p95_s, "p95 from the intended time", {"color": colour, "width": 2.8}),
        ):
            # A logarithmic axis has no zero, and a tenth of a millisecond is as good as none.
            drawn = np.maximum(values, 1e-4)
            seen += [float(value) for value in drawn[np.isfinite(drawn)]]
            figure.add_trace(
                go.Scatter(
                    x=plain(series.middle_s),
                    y=plain(drawn),
                    mode="lines",
                    line=line,
                    customdata=[duration(value) for value in values],
                    hovertemplate=f"{name}: %{{customdata}}<extra></extra>",
                ),
                row=row,
                col=1,
            )
        figure.add_hline(y=slo.latency_seconds, line={"color": "var(--slo)", "width": 1.5, "dash": "longdash"}, row=row, col=1)
        shade_marked(figure, side.timeline, row)
        crashes += mark_events(figure, side.timeline, row, services=[service], others=side.timeline.services.keys() - {service})
    low, high = min(seen) / 1.5, max(seen) * 1.6
    # The crosses of mark_events stand at zero, which a logarithmic axis does not have: they go to its lower end.
    for trace in figure.data:
        if trace.mode == "markers":
            trace.y = [low * 1.15] * len(trace.x)
    figure.update_yaxes(
        type="log",
        range=[np.log10(low), np.log10(high)],
        tickvals=list(LATENCY_TICKS),
        ticktext=[duration(t) for t in LATENCY_TICKS],
    )
    figure.update_layout(hovermode="x")
    return Chart(
        id=f"latency-{number}",
        title=service,
        how_to_read=(
            f"The thick line is how long the slowest 5 in 100 waited, counted from the moment the user meant to act; it should stay below "
            f"the red line at {duration(slo.latency_seconds)}. Each step up the axis is about three times as long."
        ),
        summary=_summary(service, sides),
        figure=as_json(figure),
        height=height,
        keys=_keys(sides, crashes),
    )


def violation_chart(services: Sequence[str], sides: Sequence[MeasuredSide]) -> Chart:
    """One panel a service: the share of requests not served well over time, all runs in one panel."""
    end = max(side.timeline.end_s for side in sides)
    figure, height = over_time(services, row_height=150, y_titles=["of requests"] * len(services), end_s=end)
    for row, service in enumerate(services, start=1):
        for side in sides:
            series = side.timeline.services[service]
            colour = side_colour(side.side)
            figure.add_trace(
                go.Scatter(
                    x=plain(series.middle_s),
                    y=plain(series.bad_share),
                    mode="lines",
                    line={"color": colour, "width": 2, "shape": "hvh"},
                    fill="tozeroy",
                    fillcolor=side_colour(side.side, soft=True),
                    customdata=[percent(value) for value in series.bad_share],
                    hovertemplate=f"{side.side.title}: %{{customdata}} not served well<extra></extra>",
                ),
                row=row,
                col=1,
            )
        budget = sides[-1].side.run.meta.platform.services[service].slo.budget
        figure.add_hline(y=budget, line={"color": "var(--slo)", "width": 1.5, "dash": "longdash"}, row=row, col=1)
    figure.update_yaxes(range=[0, 1.04], tickvals=[0, 0.5, 1], ticktext=["0 %", "50 %", "100 %"])
    figure.update_layout(hovermode="x")
    names = [Key(side.side.title.lower(), side_colour(side.side), "area") for side in sides]
    return Chart(
        id="violations",
        title="Requests not served well",
        how_to_read=(
            "Share of the requests meant for each moment that failed, were never sent, or were slower than promised. "
            "Peaks above the red line are paid for by quiet times: the promise is about the whole load."
        ),
        summary=_violation_summary(services, sides),
        figure=as_json(figure),
        height=height,
        keys=(*names, Key("allowed over the whole load", "var(--slo)", "dash")),
    )


def _summary(service: str, sides: Sequence[MeasuredSide]) -> str:
    parts = []
    for side in sides:
        whole = side.summary.services[service].latency
        worst = np.nanmax(side.timeline.services[service].p95_s, initial=0.0)
        lead = "" if side.side.name == "run" else f"{side.side.title}: "
        parts.append(
            f"{lead}half of {service}'s requests within {duration(whole.p50_s)}, 95 of 100 within {duration(whole.p95_s)}; "
            f"in the worst window 95 of 100 within {duration(worst)}."
        )
    return " ".join(parts)


def _violation_summary(services: Sequence[str], sides: Sequence[MeasuredSide]) -> str:
    parts = []
    for service in services:
        for side in sides:
            found = side.summary.services[service]
            lead = "" if side.side.name == "run" else f"{side.side.name} "
            parts.append(f"{service} {lead}{percent(found.violation.share)} not served well, {percent(found.budget)} allowed")
    return "; ".join(parts) + "."


def _keys(sides: Sequence[MeasuredSide], crashes: int) -> tuple[Key, ...]:
    keys = []
    for side in sides:
        colour = side_colour(side.side)
        suffix = "" if side.side.name == "run" else f" {side.side.name}"
        keys += [Key(f"p95{suffix} (thick), p50 (thin)", colour)]
    keys += [
        Key("p95 from sending", "var(--series-3)", "dot"),
        Key("p95 by the gateway", "var(--series-4)", "dash"),
        Key("promise (SLO)", "var(--slo)", "dash"),
    ]
    if crashes:
        keys.append(Key("crash or restart", "var(--event)", "cross"))
    if any(side.timeline.marked for side in sides):
        keys.append(Key("disturbed second", "var(--mark)", "area"))
    return tuple(keys)
