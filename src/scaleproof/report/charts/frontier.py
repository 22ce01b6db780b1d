"""What the tuner found: cost against violation."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from scaleproof.report.charts.chart import Chart, Key, as_json, dress, label, plain
from scaleproof.report.wording import amount, percent
from scaleproof.spec.platform import Platform
from scaleproof.tuner.results import FrontierPoint, TuningResult

HEIGHT = 380
FLOOR: Final = 1e-4
_TICKS: Final = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def frontier_chart(tuning: TuningResult, platform: Platform) -> Chart:
    """Simulated cost and worst violation of the policies at the frontier, with the starting and the chosen one."""
    figure = go.Figure()
    dress(figure, HEIGHT)
    frontier = sorted((point for point in tuning.frontier if not point.starting), key=lambda point: point.cost.value)
    figure.add_trace(_points(frontier, "var(--muted)", "circle", 9, line=True))
    chosen = [point for point in tuning.frontier if point.chosen]
    starting = [point for point in tuning.frontier if point.starting]
    figure.add_trace(_points(starting, "var(--before)", "square", 13))
    figure.add_trace(_points(chosen, "var(--after)", "star", 17))
    same = bool(chosen and chosen[0].starting)
    named = [(chosen, "where it started, and chosen")] if same else [(chosen, "chosen"), (starting, "where it started")]
    for points, words in named:
        if points:
            figure.add_annotation(
                x=points[0].cost.value,
                y=float(np.log10(max(points[0].violation.value, FLOOR))),
                text=words,
                showarrow=False,
                xshift=12,
                yshift=-14 if words == "chosen" else 12,
                xanchor="left",
                font={"color": "var(--ink)", "size": 12},
            )
    budgets = {name: service.slo.budget for name, service in platform.services.items()}
    strictest = min(budgets.values())
    figure.add_hline(y=max(strictest, FLOOR), line={"color": "var(--slo)", "width": 1.5, "dash": "longdash"})
    goal = strictest * (1 - tuning.margin)
    figure.add_hline(y=max(goal, FLOOR), line={"color": "var(--slo)", "width": 1, "dash": "dot"})
    highest = max([strictest, *(point.violation.high for point in tuning.frontier)])
    figure.update_yaxes(
        type="log",
        range=[np.log10(FLOOR * 0.7), np.log10(min(1.0, highest) * 1.6)],
        tickvals=list(_TICKS),
        ticktext=["almost 0" if tick == FLOOR else percent(tick) for tick in _TICKS],
        title_text="not served well, worst service",
    )
    figure.update_xaxes(title_text="cost: reserved core-seconds", rangemode="tozero")
    return Chart(
        id="frontier",
        title="What could be had for what",
        how_to_read=(
            f"Each dot is a policy, as simulated: further left is cheaper, further down serves more requests well. Below the red line the promise is "
            f"kept; below the dotted line it is kept with {percent(tuning.margin)} of the allowed violation to spare. The star is the cheapest such policy."
        ),
        summary=_summary(frontier, starting, chosen, same=same),
        figure=as_json(figure),
        height=HEIGHT,
        keys=(
            Key("at the frontier", "var(--muted)"),
            Key("starting policy", "var(--before)", "square"),
            Key("chosen policy", "var(--after)", "star"),
            Key("promise (SLO)", "var(--slo)", "dash"),
            Key("promise with margin", "var(--slo)", "dot"),
        ),
    )


def _points(points: list[FrontierPoint], colour: str, symbol: str, size: int, *, line: bool = False) -> go.Scatter:
    values = np.array([max(point.violation.value, FLOOR) for point in points])
    words = [
        f"<b>{label(point.label, 60)}</b><br>{amount(point.cost.value)} core-seconds<br>"
        f"{percent(point.violation.value)} not served well (up to {percent(point.violation.high)})<br>"
        f"{'keeps' if point.keeps_slo else 'does not keep'} the SLO with margin"
        for point in points
    ]
    return go.Scatter(
        x=plain(point.cost.value for point in points),
        y=plain(values),
        error_y={
            "type": "data",
            "symmetric": False,
            "array": plain(max(0.0, point.violation.high - max(point.violation.value, FLOOR)) for point in points),
            "arrayminus": plain(max(point.violation.value, FLOOR) - max(point.violation.low, FLOOR) for point in points),
            "color": colour,
            "thickness": 1,
            "width": 3,
        },
        mode="lines+markers" if line else "markers",
        line={"color": "var(--line)", "width": 1.5},
        marker={"symbol": symbol, "size": size, "color": colour, "line": {"color": "var(--panel)", "width": 1}},
        text=words,
        hovertemplate="%{text}<extra></extra>",
    )


def _summary(frontier: list[FrontierPoint], starting: list[FrontierPoint], chosen: list[FrontierPoint], *, same: bool) -> str:
    parts = [f"{len(frontier)} policies from the cheapest to the dearest."]
    named = [("The starting policy, which is also chosen,", starting)] if same else [
        ("The starting policy", starting),
        ("The chosen policy", chosen),
    ]  # fmt: skip
    parts += [
        f"{name} costs {amount(points[0].cost.value)} core-seconds at {percent(points[0].violation.value)} not served well."
        for name, points in named
        if points
    ]
    return " ".join(parts)
