"""The schedule as geometry for an SVG: one row a bottleneck, weeks from left to right. Pure; the template draws it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from scaleproof.report.plan.figures import days_text, shown
from scaleproof.report.wording import plural
from scaleproof.tuner.growth_plan.plan import GrowthPlan
from scaleproof.tuner.growth_plan.schedule import Scheduled, iso_week

WIDTH: Final = 1040
LABELS: Final = 300
"""Left of the weeks, for the bottlenecks' names."""
ROW: Final = 30
TOP: Final = 46
_BAR: Final = 18
_MOST_TICKS: Final = 16
_MOST_MARKS: Final = 8
_COLOURS: Final = 6
"""`--series-1` to `--series-6` of report.css."""


@dataclass(frozen=True)
class Tick:
    """The Monday of a week."""

    x: float
    label: str


@dataclass(frozen=True)
class Mark:
    """The day on which a milestone is reached."""

    x: float
    label: str
    level: int
    """Labels of neighbours stand on different levels."""


@dataclass(frozen=True)
class Bar:
    """A bottleneck's row."""

    y: float
    label: str
    text: str
    """Who, and for how long."""
    x: float
    width: float
    colour: str
    late: bool
    due_x: float | None
    """None: not due, or beyond the right edge."""
    text_x: float
    text_anchor: str
    title: str
    """What a pointer over it shows."""


@dataclass(frozen=True)
class Drawing:
    """Everything that is drawn, in the SVG's own units."""

    width: int
    height: int
    top: int
    labels: int
    row: int
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...]
    summary: str
    owners: tuple[tuple[str, str], ...]
    """(person, colour)."""


class _Scale(Protocol):
    """A day's place from left to right."""

    def __call__(self, day: date) -> float: ...


def drawing_of(plan: GrowthPlan) -> Drawing | None:
    """None where nothing is scheduled."""
    tasks = [each for each in plan.scheduled if each.begin is not None and each.end is not None]
    if not tasks:
        return None
    start = plan.question.start - timedelta(days=plan.question.start.weekday())
    first = min(each.begin for each in tasks if each.begin is not None)
    last = max(each.end for each in tasks if each.end is not None)
    edge = last + timedelta(days=max(14, (last - start).days // 5))
    scale = (WIDTH - LABELS) / (edge - start).days

    def x(day: date) -> float:
        return round(LABELS + (day - start).days * scale, 1)

    people = list(dict.fromkeys(next(iter(each.task.days or {})) for each in tasks))
    colours = {name: f"var(--series-{index % _COLOURS + 1})" for index, name in enumerate(people)}
    bars = tuple(_bar(each, row, x, colours, edge) for row, each in enumerate(tasks))
    late = [each.task.id for each in tasks if each.late_days]
    return Drawing(
        width=WIDTH,
        height=TOP + ROW * len(tasks) + 44,
        top=TOP,
        labels=LABELS,
        row=ROW,
        ticks=_ticks(start, edge, x),
        marks=_marks(plan, edge, x),
        bars=bars,
        summary=f"{plural(len(tasks), 'bottleneck is', 'bottlenecks are')} lifted from {iso_week(first)} to {iso_week(last)}; "
        + (f"late: {', '.join(late)}." if late else "none is late."),
        owners=tuple((shown(name), colour) for name, colour in colours.items()),
    )


def _bar(each: Scheduled, row: int, x: _Scale, colours: dict[str, str], edge: date) -> Bar:
    assert each.begin is not None
    assert each.end is not None
    days = each.task.days or {}
    begin, end = x(each.begin), x(each.end + timedelta(days=1))
    who = " + ".join(f"{shown(person)} {days_text(amount)}" for person, amount in days.items())
    # Beside the bar where there is room to its right, otherwise to its left.
    right = end < WIDTH - 200
    due = each.task.due
    return Bar(
        y=TOP + ROW * row + (ROW - _BAR) / 2,
        label=each.task.id,
        text=who,
        x=begin,
        width=max(4.0, round(end - begin, 1)),
        colour=colours[next(iter(days))],
        late=each.late_days > 0,
        due_x=x(due) if due is not None and x(due) >= LABELS and due <= edge else None,
        text_x=end + 8 if right else begin - 8,
        text_anchor="start" if right else "end",
        title=f"{each.task.id}: {each.begin.isoformat()} to {each.end.isoformat()}, {who}"
        + (f", due {due.isoformat()}" if due is not None else ""),
    )


def _ticks(start: date, edge: date, x: _Scale) -> tuple[Tick, ...]:
    weeks = (edge - start).days // 7 + 1
    every = -(-weeks // _MOST_TICKS)
    ticks: list[Tick] = []
    year = ""
    for index in range(-(-weeks // every)):
        monday = start + timedelta(days=7 * every * index)
        of_year, _, week = iso_week(monday).partition("-")
        ticks.append(Tick(x(monday), week if of_year == year else f"{of_year}-{week}"))
        year = of_year
    return tuple(ticks)


def _marks(plan: GrowthPlan, edge: date, x: _Scale) -> tuple[Mark, ...]:
    found: list[Mark] = []
    for milestone in plan.milestones:
        day = None if milestone.reached is None else milestone.reached.on
        if day is not None and plan.question.start <= day <= edge:
            found.append(Mark(x(day), plural(milestone.users, "user"), len(found) % 2))
    return tuple(found[:_MOST_MARKS])
