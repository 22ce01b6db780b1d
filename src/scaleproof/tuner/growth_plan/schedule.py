"""Who does what in which week: list scheduling of tasks with dependencies on people with limited time. Pure.

Tasks are taken in their given order; each gets the earliest working days that its people have left (the serial schedule generation
scheme: Kolisch, "Serial and parallel resource-constrained project scheduling methods revisited", 1996).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_WORKING_DAYS: Final = 5
"""Monday to Friday."""
_NOTHING: Final = 1e-9


@dataclass(frozen=True)
class Task:
    """Something to be done."""

    id: str
    days: Mapping[str, float] | None
    """Person → working days; None: nobody is named."""
    after: tuple[str, ...] = ()
    due: date | None = None
    """The day on which it should be done."""


@dataclass(frozen=True)
class Slot:
    """What one person does of a task on one day, in working days."""

    person: str
    day: date
    share: float


@dataclass(frozen=True)
class Scheduled:
    """A task with its days. Without `begin`, it cannot be scheduled: nobody is named for it, or for one that comes before."""

    task: Task
    begin: date | None = None
    end: date | None = None
    """Its last day."""
    slots: tuple[Slot, ...] = ()

    @property
    def late_days(self) -> int:
        """Days between due and end; 0 where it is in time, or not due."""
        if self.end is None or self.task.due is None:
            return 0
        return max(0, (self.end - self.task.due).days)


def schedule(tasks: Sequence[Task], days_per_week: Mapping[str, float], start: date) -> tuple[Scheduled, ...]:
    """One entry a task, in their order: what a task comes after must stand before it.

    Nobody works more than a fifth of their days a week on a working day; a task begins on the working day after all that it
    comes after have ended. Its people work side by side, each as soon as they can.
    """
    busy: dict[tuple[str, date], float] = {}
    done: dict[str, Scheduled] = {}
    for task in tasks:
        before = [done[name] for name in task.after]
        ends = [each.end for each in before if each.end is not None]
        if task.days is None or len(ends) < len(before):
            done[task.id] = Scheduled(task)
            continue
        earliest = _working_day(max(ends) + timedelta(days=1) if ends else start)
        slots: list[Slot] = []
        for person, effort in task.days.items():
            slots += _worked_off(person, effort, days_per_week[person] / _WORKING_DAYS, earliest, busy)
        done[task.id] = Scheduled(task, min(slot.day for slot in slots), max(slot.day for slot in slots), tuple(slots))
    return tuple(done[task.id] for task in tasks)


def iso_week(day: date) -> str:
    """2026-W49."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _worked_off(person: str, effort: float, a_day: float, earliest: date, busy: dict[tuple[str, date], float]) -> list[Slot]:
    slots = []
    day, rest = earliest, effort
    while rest > _NOTHING:
        share = min(rest, a_day - busy.get((person, day), 0.0))
        if share > _NOTHING:
            busy[person, day] = busy.get((person, day), 0.0) + share
            slots.append(Slot(person, day, share))
            rest -= share
        day = _working_day(day + timedelta(days=1))
    return slots


def _working_day(day: date) -> date:
    """That day, or the Monday after it."""
    weekend = day.weekday() - (_WORKING_DAYS - 1)
    return day + timedelta(days=3 - weekend) if weekend > 0 else day
