"""What calibration measured and what was fitted to it: latency against the rate of one replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import plotly.graph_objects as go

from scaleproof.report.charts.chart import LATENCY_TICKS, Chart, Key, as_json, panels, plain
from scaleproof.report.wording import amount, duration, listed, percent, plural
from scaleproof.simulator.calibration import Calibration, CalibrationStep
from scaleproof.spec.platform import Service
from scaleproof.tuner.calibration_fit import model_curve

ROW_HEIGHT = 240
_SYMBOLS: Final = ("circle", "diamond", "triangle-up", "square", "pentagon")


def latency_fit_chart(calibration: Calibration, services: Mapping[str, Service]) -> Chart | None:
    """One panel a service: measured p95 by rate a replica, one symbol a number of replicas; the fitted curve; None without steps."""
    shown = {name: found for name, found in calibration.services.items() if found.steps and name in services}
    if not shown:
        return None
    figure, height = panels(list(shown), row_height=ROW_HEIGHT, y_titles=["p95 latency"] * len(shown))
    seen: list[float] = []
    words = []
    counts = sorted({step.replicas for found in shown.values() for step in found.steps})
    for row, (name, found) in enumerate(shown.items(), start=1):
        slo = services[name].slo
        curve = model_curve(calibration.services, name, slo)
        modelled = np.maximum(curve["p95_seconds"].to_numpy(np.float64), 1e-4)
        modelled = np.where(np.isfinite(modelled), modelled, np.nan)
        figure.add_trace(
            go.Scatter(
                x=plain(curve["rate_per_replica"]),
                y=plain(modelled),
                mode="lines",
                line={"color": "var(--series-1)", "width": 2},
                customdata=[duration(value) for value in modelled],
                hovertemplate="fitted: p95 %{customdata} at %{x:.0f} requests/s<extra></extra>",
            ),
            row=row,
            col=1,
        )
        for index, count in enumerate(counts):
            steps = [step for step in found.steps if step.replicas == count]
            figure.add_trace(_measured(steps, _SYMBOLS[index % len(_SYMBOLS)]), row=row, col=1)
        figure.add_hline(y=slo.latency_seconds, line={"color": "var(--slo)", "width": 1.5, "dash": "longdash"}, row=row, col=1)
        capacity = found.capacity_per_second
        figure.add_vrect(
            x0=capacity.low, x1=capacity.high, fillcolor="var(--band)", line_width=0, layer="below", row=row, col=1
        )
        seen += [slo.latency_seconds, *modelled[np.isfinite(modelled)], *(max(step.p95_seconds, 1e-4) for step in found.steps)]
        words.append(
            f"{name} was measured in {len(found.steps)} steps up to {amount(found.highest_rate_per_replica)} requests/s a replica; "
            f"it keeps its promise up to {amount(capacity.low)} to {amount(capacity.high)} requests/s"
        )
    figure.update_yaxes(
        type="log",
        range=[np.log10(min(seen) / 1.5), np.log10(max(seen) * 1.6)],
        tickvals=list(LATENCY_TICKS),
        ticktext=[duration(tick) for tick in LATENCY_TICKS],
    )
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="requests/s a replica", row=len(shown), col=1)
    return Chart(
        id="latency-fit",
        title="How quick is a replica at which rate?",
        how_to_read=(
            "Marks are measured steps; the line is the model that the simulator uses, fitted to them. The shaded strip is the capacity: the highest "
            "rate that still keeps the promise (red line), with its 90 % interval. Nothing is extrapolated beyond the last mark."
        ),
        summary="; ".join(words) + ".",
        figure=as_json(figure),
        height=height,
        keys=(
            Key(f"measured with {listed([str(count) for count in counts])} replicas", "var(--series-3)", "square"),
            Key("fitted", "var(--series-1)"),
            Key("capacity (90 %)", "var(--band)", "area"),
            Key("promise (SLO)", "var(--slo)", "dash"),
        ),
    )


def _measured(steps: list[CalibrationStep], symbol: str) -> go.Scatter:
    return go.Scatter(
        x=plain(step.rate_per_replica for step in steps),
        y=plain(max(step.p95_seconds, 1e-4) for step in steps),
        mode="markers",
        marker={"symbol": symbol, "size": 9, "opacity": 1, "color": "var(--series-3)"},
        text=[
            f"<b>{plural(step.replicas, 'replica')}, {amount(step.rate_per_replica)} requests/s each</b><br>"
            f"p50 {duration(step.p50_seconds)}, p95 {duration(step.p95_seconds)}<br>{percent(step.good_share)} within the promise<br>"
            f"{amount(step.cores_per_replica)} cores a replica, {step.requests} requests"
            for step in steps
        ],
        hovertemplate="%{text}<extra></extra>",
    )
