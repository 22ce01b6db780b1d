"""Whether traffic repeats itself: how much of it the time of day explains, and the time together with the kind of day. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.schedule import EVERY_DAY, wall_minutes, zone_of
from scaleproof.spec.trace_file import Trace
from scaleproof.tuner.traffic.question import rates_by_second

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUARTER_MINUTES: Final = 15
QUARTERS: Final = 96
"""Of a day."""
LEAST_EXPLAINED: Final = 0.2
"""Below this share of the variance, what comes at which time is no pattern that a schedule could be made of. Noise explains less than nothing."""
WORTH_TWO_KINDS: Final = 0.05
"""Working days and weekends are told apart where that explains so much more of the variance."""
WORKING_DAYS: Final = (1, 2, 3, 4, 5)
WEEKEND: Final = (0, 6)
_DAYS_OF_A_KIND: Final = 2
"""At least half of each must be known: hours of a single weekend day say nothing of the next one."""


@dataclass(frozen=True)
class QuarterHours:
    """A day a row, a quarter of an hour a column; NaN where a trace has none. Days begin at the quietest time, not at midnight."""

    means: Floats
    """Requests/s."""
    peaks: Floats
    """The highest second's, requests/s."""
    weekdays: Ints
    """On which each day begins; 0 is Sunday."""
    begins: int
    """The quarter hour of the clock at which days begin."""


@dataclass(frozen=True)
class DailyPattern:
    """What the time says of the traffic."""

    explained: float
    """Share of the variance of quarter hours that the time explains, on days that it has not seen; negative: it misleads."""
    kinds: tuple[tuple[int, ...], ...]
    """Weekdays that are alike: every day, or working days and weekends."""
    days: int
    """That were looked at, begun ones included."""

    @property
    def is_one(self) -> bool:
        """Whether a schedule can be made of it."""
        return self.explained >= LEAST_EXPLAINED


def pattern_of(days: QuarterHours) -> DailyPattern:
    """The kinds of days that explain most; two only where they are worth it."""
    alike = explained_share(days.means, np.zeros(days.weekdays.shape[0], np.int64))
    weekend = np.isin(days.weekdays, WEEKEND).astype(np.int64)
    number = days.weekdays.shape[0]
    known = (~np.isnan(days.means)).sum(axis=1) >= QUARTERS / 2
    if min(np.count_nonzero(known & (weekend == kind)) for kind in (0, 1)) >= _DAYS_OF_A_KIND:
        apart = explained_share(days.means, weekend)
        if apart >= alike + WORTH_TWO_KINDS:
            return DailyPattern(apart, (WORKING_DAYS, WEEKEND), number)
    return DailyPattern(alike, (EVERY_DAY,), number)


def explained_share(means: Floats, kinds: Ints) -> float:
    """Each day is predicted by the mean of the other days of its kind at the same time; 1 − squared errors / squared distances from the mean.

    Leave-one-out: in its own mean a day would find itself, and noise would look like a pattern. 0 where nothing varies or nothing can be predicted.
    """
    predicted = np.full_like(means, np.nan)
    for kind in np.unique(kinds):
        mine = means[kinds == kind]
        known = ~np.isnan(mine)
        values = np.where(known, mine, 0.0)
        others = known.sum(axis=0) - known
        rest = values.sum(axis=0) - values
        predicted[kinds == kind] = np.divide(rest, others, out=np.full_like(rest, np.nan), where=others > 0)
    both = ~np.isnan(means) & ~np.isnan(predicted)
    if not both.any():
        return 0.0
    spread = float(np.sum((means[both] - means[both].mean()) ** 2))
    return 1.0 - float(np.sum((means[both] - predicted[both]) ** 2)) / spread if spread > 0 else 0.0


def quarter_hours(traces: Sequence[Trace], zone: str) -> QuarterHours:
    """All days of all traces, by the zone's clocks. Every trace must say when it began."""
    parts = [_by_quarter(trace, zone) for trace in traces]
    sums = np.zeros(QUARTERS)
    counts = np.zeros(QUARTERS)
    for first, means, _ in parts:
        known = ~np.isnan(means)
        times = (first + np.flatnonzero(known)) % QUARTERS
        sums += np.bincount(times, weights=means[known], minlength=QUARTERS)
        counts += np.bincount(times, minlength=QUARTERS)
    profile = np.divide(sums, counts, out=np.full(QUARTERS, np.inf), where=counts > 0)
    begins = int(np.argmin(profile))
    rows = [_in_days(first, means, peaks, begins) for first, means, peaks in parts]
    return QuarterHours(
        np.concatenate([means for means, _, _ in rows]),
        np.concatenate([peaks for _, peaks, _ in rows]),
        np.concatenate([weekdays for _, _, weekdays in rows]),
        begins,
    )


def _by_quarter(trace: Trace, zone: str) -> tuple[int, Floats, Floats]:
    """(first quarter hour, means, peaks), counted by the zone's clocks from a Sunday on."""
    assert trace.began is not None  # whoever asks has made sure
    rates = rates_by_second(trace)
    first = math.floor(trace.began)
    walls = wall_minutes(first, rates.shape[0], zone_of(zone))
    full_minute = -first % 60
    begins = np.unique(np.concatenate(([0], np.arange(full_minute, rates.shape[0], 60))))
    lengths = np.diff(np.concatenate((begins, [rates.shape[0]])))
    quarters = walls // QUARTER_MINUTES
    at = quarters - quarters.min()
    seconds = np.bincount(at, weights=lengths)
    sums = np.bincount(at, weights=np.add.reduceat(rates, begins))
    peaks = np.full(seconds.shape[0], -np.inf)
    np.maximum.at(peaks, at, np.maximum.reduceat(rates, begins))
    means = np.divide(sums, seconds, out=np.full_like(sums, np.nan), where=seconds > 0)
    return int(quarters.min()), means, np.where(seconds > 0, peaks, np.nan)


def _in_days(first: int, means: Floats, peaks: Floats, begins: int) -> tuple[Floats, Floats, Ints]:
    """(means, peaks, weekdays) of days that begin at that quarter hour."""
    at = first + np.arange(means.shape[0]) - begins
    days = at // QUARTERS
    number = int(days[-1] - days[0]) + 1
    place = at - days[0] * QUARTERS
    tables = np.full((2, number * QUARTERS), np.nan)
    tables[0, place], tables[1, place] = means, peaks
    return tables[0].reshape(number, QUARTERS), tables[1].reshape(number, QUARTERS), (days[0] + np.arange(number)) % 7
