"""Recorded traffic and the replicas that policies would have had, as a picture in a file: SVG or PNG."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from scaleproof.report.traffic import Compared, OnTrace
from scaleproof.simulator.traffic.evaluate import replicas_over_time
from scaleproof.simulator.traffic.kernel import PERIOD
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of

MOST_COLUMNS: Final = 900
"""More would not show: the picture is about as many pixels wide."""
_DASHES: Final = ("-", "--", ":", "-.")
_LOOK: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    # Text stays text (a $ in a name is no mathematics), and the same figures give the same file.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "scaleproof",
}


def traffic_picture(compared: Compared, found: Sequence[OnTrace], kind: Literal["svg", "png"], *, least_replicas: int) -> bytes:
    """Per trace: requests/s, and below them the replicas of the clairvoyant and of each policy in the first run."""
    theme = _light_theme()
    with rc_context(_LOOK):
        figure = Figure(figsize=(11, 0.6 + 4.4 * len(found)), layout="constrained")
        panels = figure.subplots(2 * len(found), 1, height_ratios=[2, 3] * len(found), squeeze=False)[:, 0]
        for index, each in enumerate(found):
            rate, replicas = panels[2 * index], panels[2 * index + 1]
            size, unit, steps = _unit(each.rates.shape[0])
            rate.set_title(
                textwrap.shorten(each.trace.name, 120, placeholder=" …"),
                loc="left",
                fontsize=10,
                fontweight="bold",
                color=theme["ink"],
            )
            rate.set_ylabel("requests/s")
            replicas.set_ylabel("replicas")
            replicas.set_xlabel(f"{unit} since the start of the trace")
            replicas.yaxis.set_major_locator(MaxNLocator(integer=True))
            for panel in (rate, replicas):
                panel.xaxis.set_major_locator(MaxNLocator(12, steps=steps, integer=True))
            times, values = thinned(np.arange(each.rates.shape[0], dtype=float), each.rates)
            rate.plot(times / size, values, color=theme["demand"], linewidth=0.8)
            _replicas(replicas, theme, compared, each, size, least_replicas)
            _dress(rate, theme, each, size)
            _dress(replicas, theme, each, size)
            replicas.legend(
                loc="upper left", bbox_to_anchor=(0, -0.22), ncols=4, frameon=False, fontsize=9, labelcolor=theme["ink"]
            )
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=144, facecolor=theme["panel"], metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()


def thinned(times: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most MOST_COLUMNS pieces, each as its lowest and its highest value in their order: no spike is lost."""
    size = -(-values.shape[0] // MOST_COLUMNS)
    if size <= 2:  # noqa: PLR2004  two values a piece
        return times, values
    pieces = np.pad(values, (0, -values.shape[0] % size), mode="edge").reshape(-1, size)
    begins = size * np.arange(pieces.shape[0])
    chosen = np.concatenate((begins + pieces.argmin(axis=1), begins + pieces.argmax(axis=1)))
    chosen = np.unique(np.minimum(chosen, values.shape[0] - 1))
    return times[chosen], values[chosen]


def _replicas(axes: Axes, theme: dict[str, str], compared: Compared, each: OnTrace, size: float, least_replicas: int) -> None:
    seconds = each.rates.shape[0]
    needed = clairvoyant_replicas(each.rates, compared.service, at_least=least_replicas).astype(float)
    times, values = thinned(np.arange(seconds, dtype=float), needed)
    axes.fill_between(times / size, values, step="post", color=theme["line"], linewidth=0, label="clairvoyant")
    world = world_of(each.rates, compared.service, seed=each.comparison.seeds[0])
    moments = world.sync_phase + PERIOD * np.arange(max(0, -(-(seconds - world.sync_phase) // PERIOD)), dtype=float)
    counts = replicas_over_time(compared.policies, compared.service, world).astype(float)
    colours = [colour for name, colour in theme.items() if name.startswith("series-")]
    for index, name in enumerate(compared.names):
        times, values = thinned(moments, counts[index])
        axes.plot(
            times / size,
            values,
            drawstyle="steps-post",
            # Later ones are thinner, so that policies that agree are both seen.
            linewidth=max(0.8, 2.0 - 0.35 * index),
            linestyle=_DASHES[index // len(colours) % len(_DASHES)],
            color=colours[index % len(colours)],
            label=name.lstrip("_"),  # matplotlib hides what begins so
        )


def _dress(axes: Axes, theme: dict[str, str], each: OnTrace, size: float) -> None:
    axes.set_xlim(0, each.rates.shape[0] / size)
    # After the lines, which say how high it goes.
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, color=theme["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_facecolor(theme["panel"])
    axes.tick_params(colors=theme["muted"])
    axes.xaxis.label.set_color(theme["muted"])
    axes.yaxis.label.set_color(theme["muted"])
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(theme["line"])


def _unit(seconds: float) -> tuple[float, str, list[int]]:
    """Seconds, name, and which steps between two marks are usual."""
    if seconds >= 3 * 86_400:
        return 86_400.0, "days", [1, 2, 5, 10]
    if seconds >= 2 * 3600:
        return 3600.0, "hours", [1, 2, 3, 4, 6, 10]
    return (60.0, "minutes", [1, 2, 5, 10]) if seconds >= 120 else (1.0, "seconds", [1, 2, 5, 10])  # noqa: PLR2004  two of them


def _light_theme() -> dict[str, str]:
    """The report's colours, of paper."""
    css = (files("scaleproof.report") / "templates" / "report.css").read_text(encoding="utf-8")
    first: Any = re.search(r":root \{(.*?)\}", css, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", first[1]))
