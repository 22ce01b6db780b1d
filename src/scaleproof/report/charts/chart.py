"""What every chart is, and the look they share."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scaleproof.report.subject import Side
from scaleproof.report.timeline import Timeline
from scaleproof.report.wording import clock

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
SERVICE_COLOURS: Final = tuple(f"var(--series-{index})" for index in range(1, 7))
LATENCY_TICKS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Seconds that a logarithmic latency axis is labelled with."""


@dataclass(frozen=True)
class Key:
    """One entry of a chart's legend. The page draws it, so that it wraps on a narrow screen."""

    text: str
    colour: str
    kind: Literal["line", "dash", "dot", "area", "square", "star", "up", "cross"] = "line"


@dataclass(frozen=True)
class Chart:
    """One figure of the report.

    `figure` is plotly's JSON as plain lists and numbers; strings such as `var(--after)` are resolved by the page, which knows
    whether it is light or dark.
    """

    id: str
    title: str
    how_to_read: str
    summary: str
    """What the chart shows in a sentence or two, for those who do not see it."""
    figure: dict[str, Any]
    height: int
    keys: tuple[Key, ...]


def side_colour(side: Side, *, soft: bool = False) -> str:
    """The colour of a side's lines, or of its areas."""
    name = "before" if side.name == "before" else "after"
    return f"var(--{name}-soft)" if soft else f"var(--{name})"


def label(text: object, width: int | None = None) -> str:
    """Any text as plotly may show it: plotly reads a little HTML, so markup is escaped; wrapped at `width` characters."""
    lines = textwrap.wrap(str(text), width) if width else [str(text)]
    return "<br>".join(html.escape(line) for line in lines)


def plain(values: Iterable[float]) -> list[float | None]:
    """Numbers as JSON knows them, at four significant digits: what a screen can show."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]


def panels(rows: Sequence[str], *, row_height: int, y_titles: Sequence[str]) -> tuple[go.Figure, int]:
    """A figure of panels above each other that share the x axis, and its height in pixels."""
    figure = make_subplots(
        rows=len(rows),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.12 if len(rows) > 1 else 0.0,
        subplot_titles=[f"<b>{label(row)}</b>" if row else "" for row in rows],
    )
    height = row_height * len(rows) + 70
    dress(figure, height)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": "var(--ink)"})
    for index, title in enumerate(y_titles, start=1):
        figure.update_yaxes(title_text=title, row=index, col=1)
    return figure, height


def over_time(rows: Sequence[str], *, row_height: int, y_titles: Sequence[str], end_s: float) -> tuple[go.Figure, int]:
    """Panels whose shared x axis is the time of the run."""
    figure, height = panels(rows, row_height=row_height, y_titles=y_titles)
    every = next((step for step in (15, 30, 60, 120, 300, 600, 1800) if end_s / step <= 8), 3600)  # noqa: PLR2004  ticks that fit
    ticks = list(range(0, int(end_s) + 1, every))
    figure.update_xaxes(range=[0, end_s], tickmode="array", tickvals=ticks, ticktext=[clock(tick) for tick in ticks])
    figure.update_xaxes(title_text="minutes:seconds since the start of the load", row=len(rows), col=1)
    return figure, height


def dress(figure: go.Figure, height: int) -> None:
    """The look of every chart."""
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 58, "r": 14, "t": 28, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": "var(--muted)"},
        showlegend=False,
        hovermode="closest",
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "var(--muted)", "activecolor": "var(--ink)"},
        hoverlabel={
            "bgcolor": "var(--panel)",
            "bordercolor": "var(--line)",
            "font": {"family": FONT, "size": 12, "color": "var(--ink)"},
            "align": "left",
        },
    )
    figure.update_xaxes(
        gridcolor="var(--grid)",
        linecolor="var(--line)",
        zeroline=False,
        ticks="outside",
        tickcolor="var(--line)",
        fixedrange=False,
    )
    figure.update_yaxes(gridcolor="var(--grid)", zeroline=False, title_standoff=8, automargin=True)


def shade_marked(figure: go.Figure, timeline: Timeline, row: int) -> None:
    """Marked seconds as grey bands over the panel's height."""
    for start, end, codes in timeline.marked:
        figure.add_shape(
            type="rect",
            x0=start,
            x1=end,
            y0=0,
            y1=1,
            xref=_axis("x", row),
            yref=f"{_axis('y', row)} domain",
            fillcolor="var(--mark)",
            line={"width": 0},
            layer="below",
            name=label(codes),
        )


def mark_events(figure: go.Figure, timeline: Timeline, row: int, *, services: Iterable[str], others: Iterable[str]) -> int:
    """Crashes and restarts of the given service (and of what is no service) as crosses on the time axis; how many there were."""
    own, foreign = set(services), set(others)
    events = [
        event for event in timeline.events.to_dict("records") if event["component"] in own or event["component"] not in foreign
    ]
    if not events:
        return 0
    for event in events:
        figure.add_shape(
            type="line",
            x0=event["time_s"],
            x1=event["time_s"],
            y0=0,
            y1=1,
            xref=_axis("x", row),
            yref=f"{_axis('y', row)} domain",
            line={"color": "var(--event)", "width": 1, "dash": "dot"},
        )
    words = [
        f"<b>{label(str(event['kind']).replace('_', ' '))}</b> {label(event['replica'] or event['component'])} "
        f"at {clock(event['time_s'])}<br>{label(event['message'] or '', 60)}"
        for event in events
    ]
    figure.add_trace(
        go.Scatter(
            x=[float(event["time_s"]) for event in events],
            y=[0.0] * len(events),
            mode="markers",
            marker={"symbol": "x", "size": 10, "color": "var(--event)"},
            text=words,
            hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
        ),
        row=row,
        col=1,
    )
    return len(events)


def as_json(figure: go.Figure) -> dict[str, Any]:
    """Plotly's JSON of the figure, without what is empty."""
    document: dict[str, Any] = figure.to_plotly_json()
    document["layout"].pop("template", None)
    return {"data": document["data"], "layout": document["layout"]}


def _axis(letter: str, row: int) -> str:
    return letter if row == 1 else f"{letter}{row}"
