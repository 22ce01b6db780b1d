"""The machine that measured: who used its CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from scaleproof.report.charts.chart import Chart, Key, as_json, over_time, plain, shade_marked
from scaleproof.report.findings import MeasuredSide
from scaleproof.report.timeline import HostTimeline
from scaleproof.report.wording import percent
from scaleproof.telemetry.marks import MARKS

ROW_HEIGHT = 190
_PARTS = (
    ("replicas", "replicas_cores", "var(--series-1)"),
    ("gateway", "gateway_cores", "var(--series-4)"),
    ("datastores", "datastores_cores", "var(--series-2)"),
    ("load generator", "generator_cores", "var(--series-3)"),
)


def host_chart(sides: Sequence[MeasuredSide]) -> Chart:
    """One panel a run: cores by user; the whole machine; the limit above which a second is marked."""
    end = max(side.timeline.end_s for side in sides)
    titles = [side.side.title for side in sides]
    cores = _cores(sides)
    limit = next(mark.limit for mark in MARKS if mark.column == "cpu_share")
    figure, height = over_time(
        titles, row_height=ROW_HEIGHT, y_titles=["cores" if cores else "of all cores"] * len(sides), end_s=end
    )
    for row, side in enumerate(sides, start=1):
        host = side.timeline.host
        if cores:
            for name, column, colour in _PARTS:
                figure.add_trace(
                    go.Scatter(
                        x=plain(host.middle_s),
                        y=plain(np.nan_to_num(getattr(host, column))),
                        mode="lines",
                        line={"width": 0.5, "color": colour},
                        fillcolor=colour,
                        stackgroup=f"row{row}",
                        hovertemplate=f"{name}: %{{y:.2f}} cores<extra></extra>",
                    ),
                    row=row,
                    col=1,
                )
        figure.add_trace(
            go.Scatter(
                x=plain(host.middle_s),
                y=plain(host.cpu_share * (cores or 1)),
                mode="lines",
                line={"color": "var(--ink)", "width": 1.8},
                customdata=[percent(share) for share in host.cpu_share],
                hovertemplate="whole machine: %{customdata}<extra></extra>",
            ),
            row=row,
            col=1,
        )
        figure.add_hline(y=limit * (cores or 1), line={"color": "var(--slo)", "width": 1.5, "dash": "longdash"}, row=row, col=1)
        shade_marked(figure, side.timeline, row)
    figure.update_yaxes(range=[0, (cores or 1) * 1.04])
    figure.update_layout(hovermode="x")
    keys = [Key(name, colour, "area") for name, _, colour in _PARTS] if cores else []
    return Chart(
        id="host",
        title="Was the machine itself the limit?",
        how_to_read=(
            f"The line is the whole machine. Above the red line ({percent(limit)}) a second is marked as disturbed (grey): what was measured "
            "then may be the machine's doing. More than 2 % of such seconds, and there is no verdict."
        ),
        summary=" ".join(_summary(side) for side in sides),
        figure=as_json(figure),
        height=height,
        keys=(
            *keys,
            Key("whole machine", "var(--ink)"),
            Key("limit", "var(--slo)", "dash"),
            Key("disturbed second", "var(--mark)", "area"),
        ),
    )


def _cores(sides: Sequence[MeasuredSide]) -> int | None:
    known = sides[0].side.run.meta.machine.get("cores")
    return int(known) if isinstance(known, int | float) and known > 0 else None


def _summary(side: MeasuredSide) -> str:
    host: HostTimeline = side.timeline.host
    seen = host.cpu_share[np.isfinite(host.cpu_share)]
    highest = float(seen.max()) if seen.size else float("nan")
    lead = "" if side.side.name == "run" else f"{side.side.title}: "
    return f"{lead}the machine's CPU was at most {percent(highest)} busy; {percent(side.summary.marked_share)} of the seconds are marked."
