"""When so many users are there: steady growth, or users counted over time and their trend. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Protocol

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.growth_file import UsersOnDate
from scaleproof.tuner.statistics import student_t_95

PERIOD_DAYS: Final = {"day": 1.0, "week": 7.0, "month": 365.2425 / 12, "quarter": 365.2425 / 4, "year": 365.2425}
_FARTHEST_DAYS: Final = 36_525
"""A century: what is reached later is not reached."""
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)(%?)/(day|week|month|quarter|year)")
_FEWEST_FOR_INTERVAL: Final = 3
_STEEPEST: Final = 20.0


@dataclass(frozen=True)
class Reached:
    """The date of a number of users."""

    on: date | None
    """None: not within a century."""
    early: date | None = None
    """Of the 90 % interval; None where it is not known."""
    late: date | None = None
    """As `early`; None also where growth may have ended."""
    extrapolated: bool = False
    """Beyond the last date of a growth file."""


class Growth(Protocol):
    """Users over time."""

    @property
    def words(self) -> str:
        """What a person calls it."""

    def reached(self, users: float) -> Reached:
        """When so many users are there: never earlier for more users."""


@dataclass(frozen=True)
class SteadyGrowth:
    """So many users on a day, and from then on the same share, or the same number, more in every period."""

    start: date
    users: float
    rate: float
    """A share where `compound`, users otherwise, a period."""
    period: str
    compound: bool

    @property
    def words(self) -> str:
        """As it was asked for."""
        amount = f"{self.rate * 100:g} %" if self.compound else f"{self.rate:,.0f} users"
        return f"{self.users:,.0f} users on {self.start.isoformat()}, {amount} more every {self.period}"

    def reached(self, users: float) -> Reached:
        """Given, not measured: no interval."""
        if users <= self.users:
            return Reached(self.start)
        periods = math.log(users / self.users) / math.log1p(self.rate) if self.compound else (users - self.users) / self.rate
        return Reached(_after(self.start, periods * PERIOD_DAYS[self.period]))


@dataclass(frozen=True)
class RecordedGrowth:
    """Users on dates; between two of them by equal shares a day, beyond the last by the trend of them all."""

    points: tuple[UsersOnDate, ...]
    name: str

    @property
    def words(self) -> str:
        """The file and what it says of the trend."""
        slope, half = self._trend()
        (first, _), (last, users) = self.points[0], self.points[-1]
        sure = "" if half is None else f" ({_a_month(slope - half)} to {_a_month(slope + half)})"
        return (
            f"{self.name}: {users:,.0f} users on {last.isoformat()}; trend since {first.isoformat()} "
            f"{_a_month(slope)}{sure} a month"
        )

    def reached(self, users: float) -> Reached:
        """Beyond the file with the interval of the trend's slope (least squares of the logarithms, Student's t)."""
        first, at_first = self.points[0]
        if users <= at_first:
            return Reached(first)
        for (before, low), (after, high) in pairwise(self.points):
            if users <= high:
                share = math.log(users / low) / math.log(high / low)
                return Reached(before + timedelta(days=math.ceil(share * (after - before).days - 1e-9)))
        last, at_last = self.points[-1]
        slope, half = self._trend()
        distance = math.log(users / at_last)
        steep, flat = (None, None) if half is None else (slope + half, slope - half)
        return Reached(
            on=_after(last, _days(distance, slope)),
            early=None if steep is None else _after(last, _days(distance, steep)),
            late=None if flat is None else _after(last, _days(distance, flat)),
            extrapolated=True,
        )

    def _trend(self) -> tuple[float, float | None]:
        """(slope of log users a day, half of its 90 % interval; None for two points)."""
        origin = self.points[0][0]
        days = [float((day - origin).days) for day, _ in self.points]
        logs = [math.log(users) for _, users in self.points]
        mean_day, mean_log = sum(days) / len(days), sum(logs) / len(logs)
        weight = sum((day - mean_day) ** 2 for day in days)
        slope = sum((day - mean_day) * (log - mean_log) for day, log in zip(days, logs, strict=True)) / weight
        if len(days) < _FEWEST_FOR_INTERVAL:
            return slope, None
        freedom = len(days) - 2
        residual = sum((log - mean_log - slope * (day - mean_day)) ** 2 for day, log in zip(days, logs, strict=True)) / freedom
        return slope, student_t_95(freedom) * math.sqrt(residual / weight)


def parse_growth(text: str, *, start: date, users: float) -> SteadyGrowth:
    """`5%/month`, `0.2%/day` or `500/week` from that many users on that day. Raises BadInputError."""
    match = _RATE.fullmatch(text.replace(" ", ""))
    rate = float(match[1]) if match else 0.0
    if match is None or not 0 < rate < 1e9:  # noqa: PLR2004  no platform grows faster
        raise BadInputError(
            f"--growth: expected a growth above 0 such as 5%/month, 40%/year or 500/week, found {text!r}",
            hint="leave it out to plan without dates",
        )
    compound = bool(match[2])
    return SteadyGrowth(start, users, rate / 100 if compound else rate, match[3], compound)


def recorded_growth(points: Sequence[UsersOnDate], name: str) -> RecordedGrowth:
    """Of a growth file; `name` is what it is called in the plan."""
    return RecordedGrowth(tuple(points), name)


def _days(distance: float, slope: float) -> float:
    return distance / slope if slope > 0 else math.inf


def _after(day: date, days: float) -> date | None:
    return day + timedelta(days=math.ceil(days - 1e-9)) if days <= _FARTHEST_DAYS else None


def _a_month(slope: float) -> str:
    """The slope of log users a day as per cent a month; a slope that steep is no growth but a slip of the pen."""
    return f"{math.expm1(min(slope * PERIOD_DAYS['month'], _STEEPEST)):+.1%}"
