"""Minimums at times of the day and of the week, as KEDA's cron triggers make them.

In a window the trigger's value is the window's replicas, outside of all of its windows it is 1; the HPA compares it with a target of
1 a replica and takes the greatest proposal of all metrics. Sources: keda.sh, "Cron" scaler; kedacore/keda pkg/scalers/cron_scaler.go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scaleproof.spec.errors import BadInputError

Ints = NDArray[np.int64]

EVERY_DAY: Final = (0, 1, 2, 3, 4, 5, 6)
"""Weekdays as cron counts them: 0 is Sunday."""
OUTSIDE: Final = 1
"""What a cron trigger says outside of its window."""
DAY_MINUTES: Final = 1440
WEEK_MINUTES: Final = 7 * DAY_MINUTES
_QUARTER: Final = 15
"""Minutes. Clocks are only ever changed at a full quarter of an hour."""
_THURSDAY: Final = 4
"""1970-01-01, from which Unix time counts."""


@dataclass(frozen=True, order=True)
class Window:
    """A time of the day, on some weekdays, with a minimum of replicas."""

    days: tuple[int, ...]
    """Weekdays on which it opens, 0 is Sunday; ascending."""
    opens: int
    """Minute of the day."""
    minutes: int
    """From opening to closing; less than a day."""
    replicas: int

    def __post_init__(self) -> None:
        days_are_right = bool(self.days) and list(self.days) == sorted(set(self.days) & set(EVERY_DAY))
        if not (days_are_right and 0 <= self.opens < DAY_MINUTES and 0 < self.minutes < DAY_MINUTES and self.replicas > 0):
            msg = f"no window: {self.days}, {self.opens}, {self.minutes}, {self.replicas}"
            raise ValueError(msg)

    @property
    def start_cron(self) -> str:
        """Minute, hour and weekdays on which it opens, as a cron expression."""
        return _cron(self.opens, self.days)

    @property
    def end_cron(self) -> str:
        """The same of its closing, which may be on the next day."""
        later, minute = divmod(self.opens + self.minutes, DAY_MINUTES)
        return _cron(minute, shifted(self.days, later))


@dataclass(frozen=True)
class Schedule:
    """Windows, each a trigger of its own; where they overlap, the greatest counts."""

    windows: tuple[Window, ...]
    zone: str
    """Of its clock: a name of the IANA time zone database."""

    def of_week(self) -> Ints:
        """What is asked for in each minute of the week, from Sunday 00:00; OUTSIDE where no window is open."""
        week = np.full(WEEK_MINUTES, OUTSIDE, np.int64)
        for window in self.windows:
            for day in window.days:
                open_minutes = (day * DAY_MINUTES + window.opens + np.arange(window.minutes)) % WEEK_MINUTES
                week[open_minutes] = np.maximum(week[open_minutes], window.replicas)
        return week


def scheduled_replicas(schedule: Schedule, began: float, seconds: int) -> Ints:
    """What is asked for in every second from the Unix time `began` on: `kernel.World.scheduled`."""
    first = math.floor(began)
    minutes = (first + np.arange(seconds)) // 60
    walls = wall_minutes(first, seconds, zone_of(schedule.zone))
    return schedule.of_week()[walls % WEEK_MINUTES][minutes - first // 60]


def wall_minutes(began: float, seconds: int, zone: ZoneInfo) -> Ints:
    """What the zone's clocks show in every minute that the `seconds` from the Unix time `began` on touch: minutes since a Sunday, 00:00."""
    first = math.floor(began) // 60
    last = (math.floor(began) + max(1, seconds) - 1) // 60
    quarters = np.arange(first // _QUARTER, last // _QUARTER + 1)
    ahead = np.array([_ahead_minutes(int(quarter) * _QUARTER * 60, zone) for quarter in quarters], np.int64)
    minutes = np.arange(first, last + 1)
    walls: Ints = minutes + ahead[minutes // _QUARTER - quarters[0]] + _THURSDAY * DAY_MINUTES
    return walls


def zone_of(name: str) -> ZoneInfo:
    """Raises BadInputError where the database of time zones does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInputError(
            f"time zone {name!r} is not known", hint="a name of the IANA database, such as UTC or Europe/Berlin"
        ) from None


def shifted(days: tuple[int, ...], later: int) -> tuple[int, ...]:
    """Weekdays so many days later."""
    return tuple(sorted((day + later) % 7 for day in days))


def _ahead_minutes(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


def _cron(minute: int, days: tuple[int, ...]) -> str:
    return f"{minute % 60} {minute // 60} * * {_weekdays(days)}"


def _weekdays(days: tuple[int, ...]) -> str:
    if days == EVERY_DAY:
        return "*"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:  # noqa: PLR2004  two are shorter as a list
        return f"{days[0]}-{days[-1]}"
    return ",".join(str(day) for day in days)
