"""Replicas against demand over time, with every decision of the autoscaler on hover."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from scaleproof.report.charts.chart import Chart, Key, as_json, label, mark_events, over_time, plain, shade_marked, side_colour
from scaleproof.report.findings import MeasuredSide
from scaleproof.report.wording import amount, clock, is_known, plural, sentence
from scaleproof.simulator.calibration import Calibration
from scaleproof.tuner.results import Prediction

ROW_HEIGHT = 215


def replica_chart(service: str, sides: Sequence[MeasuredSide], calibration: Calibration | None, number: int) -> Chart:
    """One panel a run: the demand in replicas (requests/s where nothing was calibrated), replicas ready and created, decisions."""
    capacity = None
    if calibration is not None and service in calibration.services:
        capacity = calibration.services[service].capacity_per_second.value
    end = max(side.timeline.end_s for side in sides)
    titles = [f"{side.side.title}" for side in sides]
    figure, height = over_time(titles, row_height=ROW_HEIGHT, y_titles=["replicas"] * len(sides), end_s=end)
    highest, crashes = 1.0, 0
    for row, side in enumerate(sides, start=1):
        highest = max(highest, _panel(figure, row, service, side, capacity))
        others = side.timeline.services.keys() - {service}
        shade_marked(figure, side.timeline, row)
        crashes += mark_events(figure, side.timeline, row, services=[service], others=others)
    step = max(1, math.ceil(highest / 6))
    figure.update_yaxes(range=[0, highest * 1.08 + 0.3], dtick=step)
    return Chart(
        id=f"replicas-{number}",
        title=service,
        how_to_read=_how_to_read(capacity),
        summary=_summary(service, sides),
        figure=as_json(figure),
        height=height,
        keys=_keys(sides, capacity, crashes),
    )


def _panel(figure: go.Figure, row: int, service: str, side: MeasuredSide, capacity: float | None) -> float:
    """Draws the panel; its highest value."""
    series = side.timeline.services[service]
    colour = side_colour(side.side)
    # Without a capacity, the demand's height says nothing about replicas: it is drawn to the same height, and said so.
    top = float(np.nanmax(series.total, initial=1.0))
    scale = capacity or max(float(np.nanmax(series.demand_per_second, initial=0.0)) / top, 1e-9)
    needed = series.demand_per_second / scale
    figure.add_trace(
        go.Scatter(
            x=plain(series.middle_s),
            y=plain(needed),
            customdata=plain(series.demand_per_second),
            mode="lines",
            line={"color": "var(--demand)", "width": 1.5},
            fill="tozeroy",
            fillcolor="var(--demand-soft)",
            hovertemplate="demand %{customdata:.0f} requests/s"
            + (" = %{y:.1f} replicas at capacity" if capacity else "")
            + "<extra></extra>",
        ),
        row=row,
        col=1,
    )
    if side.side.prediction is not None:
        _band(figure, row, service, side.side.prediction)
    for values, dash, width, name in ((series.total, "dot", 1.5, "created"), (series.ready, "solid", 2.5, "ready")):
        figure.add_trace(
            go.Scatter(
                x=plain(series.replicas_s),
                y=plain(values),
                mode="lines",
                line={"color": colour, "width": width, "dash": dash, "shape": "hv"},
                hovertemplate="%{y:.0f} " + name + "<extra></extra>",
            ),
            row=row,
            col=1,
        )
    _decisions(figure, row, service, side, colour)
    predicted = side.side.prediction.replicas_high.get(service, [0.0]) if side.side.prediction else [0.0]
    return max(top, float(np.nanmax(needed, initial=0.0)), *predicted)


def _band(figure: go.Figure, row: int, service: str, prediction: Prediction) -> None:
    low, high = prediction.replicas_low.get(service, []), prediction.replicas_high.get(service, [])
    for values, fill in ((low, None), (high, "tonexty")):
        figure.add_trace(
            go.Scatter(
                x=plain(prediction.time_s),
                y=plain(values),
                mode="lines",
                line={"width": 0, "shape": "hv"},
                fill=fill,
                fillcolor="var(--band)",
                hoverinfo="skip",
            ),
            row=row,
            col=1,
        )


def _decisions(figure: go.Figure, row: int, service: str, side: MeasuredSide, colour: str) -> None:
    decisions = side.timeline.decisions
    rows = decisions[decisions["service"] == service].to_dict("records")
    symbols, sizes, words = [], [], []
    for decision in rows:
        now, then = int(decision["current_replicas"]), int(decision["desired_replicas"])
        symbols.append("triangle-up" if then > now else "triangle-down" if then < now else "circle-open")
        sizes.append(12 if then != now else 7)
        usage = decision["utilization"]
        seen = f"<br>usage {amount(usage)} %, target {amount(decision['target'])} %" if is_known(usage) else ""
        verb = f"{now} → {then} replicas" if then != now else f"stays at {plural(now, 'replica')}"
        words.append(
            f"<b>{clock(decision['time_s'])}: {verb}</b><br>{label(decision['reason'])}{seen}<br>{label(decision['message'] or '', 64)}"
        )
    figure.add_trace(
        go.Scatter(
            x=[float(decision["time_s"]) for decision in rows],
            y=[int(decision["desired_replicas"]) for decision in rows],
            mode="markers",
            marker={"symbol": symbols, "size": sizes, "opacity": 1, "color": colour, "line": {"color": colour, "width": 1.5}},
            text=words,
            hovertemplate="%{text}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def _how_to_read(capacity: float | None) -> str:
    area = (
        "The shaded area is the demand, drawn as the number of replicas it needs: where the line is below it, users wait."
        if capacity
        else "The shaded area is the demand (hover for requests/s); its height is scaled to the replicas, as no calibration is at hand."
    )
    return f"{area} Triangles are decisions of the autoscaler that changed something; hover over any mark for its reason."


def _summary(service: str, sides: Sequence[MeasuredSide]) -> str:
    parts = []
    for side in sides:
        series = side.timeline.services[service]
        decisions = side.timeline.decisions
        rows = decisions[decisions["service"] == service]
        changes = int((rows["current_replicas"] != rows["desired_replicas"]).sum())
        lead = "" if side.side.name == "run" else f"{side.side.title.lower()}: "
        least, most = (int(value) for value in (series.total.min(initial=1e6), series.total.max(initial=0)))
        count = plural(most, "replica") if least == most else f"{least} to {plural(most, 'replica')}"
        parts.append(
            f"{lead}{service} had {count} for up to {amount(float(np.nanmax(series.demand_per_second, initial=0)))} requests/s, "
            f"and {plural(changes, 'scaling decision')}"
        )
    return sentence("; ".join(parts), names=[service])


def _keys(sides: Sequence[MeasuredSide], capacity: float | None, crashes: int) -> tuple[Key, ...]:
    keys = [Key("demand, in replicas needed" if capacity else "demand", "var(--demand)", "area")]
    for side in sides:
        colour = side_colour(side.side)
        suffix = "" if side.side.name == "run" else f" {side.side.name}"
        keys += [Key(f"ready{suffix}", colour), Key(f"created{suffix}", colour, "dot")]
    if any(side.side.prediction for side in sides):
        keys.append(Key("predicted (90 %)", "var(--band)", "area"))
    keys.append(Key("decision", "var(--ink)", "up"))
    if crashes:
        keys.append(Key("crash or restart", "var(--event)", "cross"))
    if any(side.timeline.marked for side in sides):
        keys.append(Key("disturbed second", "var(--mark)", "area"))
    return tuple(keys)
