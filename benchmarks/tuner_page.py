"""docs/benchmarks.md and its picture, of the figures that `benchmarks.tuner` has kept in benchmarks/tuner.json.

    .venv/bin/python -m benchmarks.tuner_page

makes both anew without measuring anything; tests hold them fresh.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "tuner.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "tuner.svg"
BUDGET = 0.001
DIGITS = 9
"""Of what is kept after the point: enough to tell 0.1 % from a little more."""
TOO_NEAR = 1.05
"""Costs closer than this would cover each other in the picture."""
PER_CENT_FLOOR = 0.01
"""Below it the picture's scale is linear, to show nothing violated."""


@dataclass(frozen=True)
class Judged:
    """Over all runs of one trace."""

    cost: float
    """Replica-seconds relative to the clairvoyant's, mean."""
    violation: float | None
    """The worst run's share of requests; None: within the budget, and no more was kept."""

    @property
    def holds(self) -> bool:
        """In every run."""
        return self.violation is None or self.violation <= BUDGET


@dataclass(frozen=True)
class Later:
    """One way to choose a policy, on the later part of every trace."""

    name: str
    found: tuple[Judged | None, ...]
    """In the traces' order; None where it finds nothing that holds."""


@dataclass(frozen=True)
class Unseen:
    """A policy trained on the other traces."""

    trace: str
    policy: str
    found: Judged | None
    hindsight: Judged | None


@dataclass(frozen=True)
class Scheduled:
    """A scheduled minimum on later days of a trace."""

    trace: str
    explained: float
    tuned_days: float
    judged_days: float
    without: Judged | None
    beside: Judged | None
    windows: int
    pays: bool


@dataclass(frozen=True)
class Figures:
    """All that was measured."""

    traces: tuple[str, ...]
    later: tuple[Later, ...]
    unseen: tuple[Unseen, ...]
    scheduled: tuple[Scheduled, ...]


def cell(found: Judged | None) -> str:
    """`1.301`, with the violation where it does not hold."""
    if found is None:
        return "–"
    cost = f"{found.cost:.3f}"
    return cost if found.violation is None or found.holds else f"{cost} (violates {100 * found.violation:.2g} %)"


def line(row: Later) -> str:
    """A row of a table, with how many hold and their mean cost."""
    holding = [each for each in row.found if each is not None and each.holds]
    mean = (
        f"{np.mean([each.cost for each in holding]):.3f}"
        if len(holding) == len(row.found)
        else f"holds on {len(holding)} of {len(row.found)}"
    )
    return "| " + " | ".join([row.name, *(cell(each) for each in row.found), mean]) + " |"


def page(figures: Figures) -> str:
    """docs/benchmarks.md."""
    text = [
        "# Benchmarks of the tuner",
        "",
        (
            "Measured by `.venv/bin/python -m benchmarks.tuner FOLDER --write`; [docs/traffic.md](traffic.md) says where to get traces. This page and its "
            "picture are generated of what that kept in `benchmarks/tuner.json`; a test makes them again, and measures one column of the first table anew."
        ),
        "",
        (
            "One service: 2.5 ms CPU a request, request 250m, limit 500m, within the SLO up to 140 requests/s a replica, start-up 15 to 25 s; "
            "2 to 50 replicas; every trace scaled to a peak of 1,000 requests/s. Figures are replica-seconds relative to the clairvoyant's (the fewest "
            "replicas that hold each second, known in advance, without start-up). A policy holds where at most 0.1 % of requests are violated in the worst of "
            "five runs that differ in start-up times and phases; otherwise the violation stands beside the cost."
        ),
        "",
        "## Trained on the first half of a trace, judged on the second",
        "",
        "![Cost relative to the clairvoyant against violation, a panel a trace](images/tuner.svg)",
        "",
        "| | " + " | ".join(figures.traces) + " | mean, where all hold |",
        "|" + "---|" * (len(figures.traces) + 2),
        *(line(row) for row in figures.later),
        "",
        (
            "Every peer is its own tool's rule, written anew from its documentation and source (`benchmarks/peers`, each with its source); a mean over traces "
            "says nothing of a policy that does not hold on all of them."
        ),
        "",
        "## Trained on all other traces, judged on one never seen",
        "",
        "(Left out of training: traces of fewer than 100 requests/s at their recorded peak. Scaled up, each request becomes many at once.)",
        "",
        "| trace | policy | cost | hindsight |",
        "|---|---|---|---|",
        *(f"| {row.trace} | {row.policy} | {cell(row.found)} | {cell(row.hindsight)} |" for row in figures.unseen),
        "",
        "## What reactive rules cannot do: a scheduled minimum",
        "",
        (
            "Traces of at least two days, tuned on the earlier ones and judged on the later ones: the policy alone, and with windows of a minimum at times "
            "of the day (KEDA's cron triggers, [how](traffic.md#a-scheduled-minimum)). It is given only where it pays; – where on the earlier days none was cheaper."
        ),
        "",
        "| trace | the time explains | days tuned on, judged on | policy alone | with windows | windows | pays |",
        "|---|---|---|---|---|---|---|",
        *(_scheduled(row) for row in figures.scheduled),
        "",
    ]
    return "\n".join(text)


def _scheduled(row: Scheduled) -> str:
    parts = (
        row.trace,
        f"{100 * row.explained:.0f} %",
        f"{row.tuned_days:.0f}, {row.judged_days:.0f}",
        cell(row.without),
        cell(row.beside),
        str(row.windows),
        "yes" if row.pays else "no",
    )
    return "| " + " | ".join(parts) + " |"


def picture(figures: Figures) -> bytes:
    """SVG: a panel a trace; every way to choose a policy is a number at its cost and its violation. The same figures give the same bytes."""
    rows = -(-len(figures.traces) // 2)
    look: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "scaleproof", "font.size": 8, "font.family": "DejaVu Sans"}
    with rc_context(look):
        drawn = Figure(figsize=(10, 2.3 * rows + 1.0), layout="constrained")
        panels = drawn.subplots(rows, 2, squeeze=False).ravel()
        for number, (panel, name) in enumerate(zip(panels, figures.traces, strict=False)):
            _panel(panel, name, [row.found[number] for row in figures.later], [row.name for row in figures.later])
        for panel in panels[len(figures.traces) :]:
            panel.set_visible(False)
        names = [f"{number} {_plain(row.name)}" for number, row in enumerate(figures.later, 1)]
        middle = -(-len(names) // 2)
        axes = "across: cost relative to the clairvoyant's; up: violated share of requests in the worst run; dashed: the budget; numbers at the same place stand beside each other"
        drawn.supxlabel("\n".join([axes, " · ".join(names[:middle]), " · ".join(names[middle:])]), fontsize=8)
        out = io.BytesIO()
        drawn.savefig(out, format="svg", metadata={"Date": None})
    # Trailing blanks in paths are matplotlib's; editors and hooks take them away.
    return "\n".join(each.rstrip() for each in out.getvalue().decode().split("\n")).encode()


def _panel(panel: Axes, title: str, found: Sequence[Judged | None], names: Sequence[str]) -> None:
    panel.set_title(title, loc="left", fontsize=9, fontweight="bold")
    panel.set_xscale("log")
    panel.set_yscale("symlog", linthresh=PER_CENT_FLOOR)
    panel.axhline(100 * BUDGET, color="#c0392b", linewidth=0.8, linestyle="--")
    points = [(each.cost, 100 * (each.violation or 0.0), number) for number, each in enumerate(found, 1) if each is not None]
    for (cost, violation, number), row in zip(sorted(points), _rows(sorted(points)), strict=True):
        is_ours = "scaleproof" in names[number - 1]
        panel.annotate(
            str(number),
            (cost, violation),
            # Up where nothing is violated; elsewhere up would mean more violation.
            (12 * row, 0) if violation > PER_CENT_FLOOR else (0, 9 * row),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9 if is_ours else 7,
            fontweight="bold" if is_ours else "normal",
            color="#1f77b4" if is_ours else "#444444",
        )
    panel.set_xlim(0.95, 6)
    panel.set_ylim(-PER_CENT_FLOOR / 2, 40)
    panel.set_xticks([1, 1.2, 1.5, 2, 3, 5], ["1", "1.2", "1.5", "2", "3", "5"])
    panel.set_xticks([], minor=True)
    panel.set_yticks([0, 0.01, 0.1, 1, 10], ["0 %", "0.01 %", "0.1 %", "1 %", "10 %"])
    panel.set_yticks([], minor=True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(linewidth=0.3)
    panel.set_axisbelow(True)


def _rows(points: Sequence[tuple[float, float, int]]) -> list[int]:
    """How many places each number is moved aside, so that none covers another; points in the order of their cost."""
    rows: list[int] = []
    for index, (cost, violation, _) in enumerate(points):
        near = {
            rows[other]
            for other, (cheaper, beside, _) in enumerate(points[:index])
            if cost / cheaper < TOO_NEAR and abs(_height(violation) - _height(beside)) < 1 / 2
        }
        rows.append(min(set(range(len(points))) - near))
    return rows


def _height(violation: float) -> float:
    """On the picture's scale, in decades above its linear part."""
    return float(np.log10(violation / PER_CENT_FLOOR)) + 1 if violation > PER_CENT_FLOOR else violation / PER_CENT_FLOOR


def _plain(name: str) -> str:
    return name.replace("*", "")


def as_json(figures: Figures) -> str:
    """As kept: costs and shares with few digits."""
    return json.dumps({"version": 1, **_rounded(asdict(figures))}, indent=1) + "\n"


def _rounded(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_rounded(value) for value in node]
    return round(node, DIGITS) if isinstance(node, float) else node


def read_kept() -> Figures:
    """What the last measurement has kept."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))

    def of(found: dict[str, float] | None) -> Judged | None:
        return None if found is None else Judged(**found)

    return Figures(
        tuple(kept["traces"]),
        tuple(Later(row["name"], tuple(of(each) for each in row["found"])) for row in kept["later"]),
        tuple(Unseen(**{**row, "found": of(row["found"]), "hindsight": of(row["hindsight"])}) for row in kept["unseen"]),
        tuple(Scheduled(**{**row, "without": of(row["without"]), "beside": of(row["beside"])}) for row in kept["scheduled"]),
    )


def write_pages(figures: Figures) -> None:
    """All three files."""
    KEPT.write_text(as_json(figures), encoding="utf-8")
    kept = read_kept()
    PAGE.write_text(page(kept), encoding="utf-8")
    PICTURE.write_bytes(picture(kept))


if __name__ == "__main__":
    write_pages(read_kept())
