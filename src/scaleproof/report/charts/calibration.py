"""What a replica holds: capacity by number of replicas, against the straight line it would be without anything shared."""

from __future__ import annotations

import plotly.graph_objects as go

from scaleproof.report.charts.chart import SERVICE_COLOURS, Chart, Key, as_json, dress, label, plain
from scaleproof.report.wording import amount, listed, percent
from scaleproof.simulator.calibration import Calibration

HEIGHT = 320


def capacity_chart(calibration: Calibration) -> Chart:
    """Requests/s within the SLO by number of replicas, one line a service; dotted: replicas times the capacity of one."""
    figure = go.Figure()
    dress(figure, HEIGHT)
    keys, words = [], []
    most = 1
    for index, (name, service) in enumerate(calibration.services.items()):
        colour = SERVICE_COLOURS[index % len(SERVICE_COLOURS)]
        one = service.capacity_per_second
        measured = dict(sorted(service.capacity_by_replicas.items())) or {1: one.value}
        counts = list(measured)
        most = max(most, *counts)
        figure.add_trace(
            go.Scatter(
                x=[0, *counts],
                y=plain([0.0, *(one.value * count for count in counts)]),
                mode="lines",
                line={"color": colour, "width": 1.2, "dash": "dot"},
                hoverinfo="skip",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=counts,
                y=plain(measured.values()),
                mode="lines+markers",
                line={"color": colour, "width": 2.2},
                marker={"size": 9},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": plain([one.high - one.value] + [0.0] * (len(counts) - 1)),
                    "arrayminus": plain([one.value - one.low] + [0.0] * (len(counts) - 1)),
                    "color": colour,
                    "thickness": 1,
                },
                hovertemplate=f"<b>{label(name)}</b>: %{{x}} replicas serve %{{y:.0f}} requests/s within the SLO<extra></extra>",
            )
        )
        keys.append(Key(name, colour))
        last = counts[-1]
        words.append(f"{name}: {listed([f'{count} serve {amount(rate)}/s' for count, rate in measured.items()])}"
                     f" ({percent(measured[last] / (last * one.value))} of {last} times one)")  # fmt: skip
    figure.update_xaxes(title_text="replicas", dtick=1, range=[0, most + 0.3])
    figure.update_yaxes(title_text="requests/s within the SLO", rangemode="tozero")
    return Chart(
        id="capacity",
        title="How much more do more replicas hold?",
        how_to_read=(
            "Measured by raising the load step by step. Where the line falls below its dotted companion, replicas share something that "
            "runs out: adding more of them helps less."
        ),
        summary="; ".join(words) + ".",
        figure=as_json(figure),
        height=HEIGHT,
        keys=(*keys, Key("if nothing were shared", "var(--muted)", "dot")),
    )
