"""Windows of a schedule out of what the days of a pattern have needed. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.kernel import PERIOD
from scaleproof.simulator.traffic.schedule import DAY_MINUTES, Schedule, Window, shifted
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.tuner.traffic.daily_pattern import QUARTER_MINUTES, QUARTERS, QuarterHours

Ints = NDArray[np.int64]

MOST_WINDOWS: Final = 6
"""Of a schedule: each is a trigger that a person has to understand."""
QUANTILES: Final = (0.5, 0.8)
"""Over days, of a quarter hour's peak: one day of many may be anything."""
SHARES: Final = (0.6, 0.75, 0.9, 1.0, 1.15)
"""Of what the peak needs: below 1 the autoscaler itself adds the rest, above there is room for more than was seen."""
COUNTS: Final = (1, 2, 3, 4, 6)
MORE_LEAD_MINUTES: Final = (0, 2)
"""A large step takes the autoscaler several decisions."""


@dataclass(frozen=True)
class Piece:
    """Quarter hours in a row, counted from the begin of the day, with the same minimum."""

    begin: int
    end: int
    replicas: int


def lead_minutes(service: ServiceModel) -> int:
    """How long before it is needed a replica must be asked for: its start, the wait for a node, a decision and a sample. At most 5."""
    return math.ceil((service.start_seconds[1] + service.node_seconds + 2 * PERIOD) / 60)


def schedules_of(
    days: QuarterHours,
    kinds: Sequence[tuple[int, ...]],
    zone: str,
    service: ServiceModel,
    *,
    least: int,
    most: int,
) -> list[Schedule]:
    """Schedules worth a try, each once: windows after what the days needed, with minimums of `least` + 1 to `most` replicas."""
    found: dict[Schedule, None] = {}
    lead = lead_minutes(service)
    for quantile, share in product(QUANTILES, SHARES):
        fitted = [
            fitted_pieces(needed(days, kind, service, quantile=quantile, share=share, least=least, most=most), least)
            for kind in kinds
        ]
        for count, more in product(COUNTS, MORE_LEAD_MINUTES):
            of_kind = count if len(kinds) == 1 else min(count, MOST_WINDOWS // len(kinds))
            windows = [
                window
                for kind, pieces in zip(kinds, fitted, strict=True)
                for window in _windows(pieces[of_kind], kind, days.begins, lead + more)
            ]
            if windows:
                found[Schedule(tuple(sorted(windows)), zone)] = None
    return list(found)


def needed(
    days: QuarterHours, kind: Sequence[int], service: ServiceModel, *, quantile: float, share: float, least: int, most: int
) -> Ints:
    """Replicas for that share of the quantile, over days of that kind, of each quarter hour's peak; int64[96]. `least` where no day tells."""
    mine = days.peaks[np.isin(days.weekdays, list(kind))]
    told = ~np.isnan(mine).all(axis=0) if mine.shape[0] else np.zeros(QUARTERS, np.bool_)
    peaks = np.zeros(QUARTERS)
    if told.any():
        peaks[told] = np.nanquantile(mine[:, told], quantile, axis=0)
    counts: Ints = np.clip(np.ceil(share * peaks / service.capacity_per_second - 1e-9), least, most).astype(np.int64)
    return counts


def fitted_pieces(wanted: Ints, least: int) -> list[list[Piece]]:
    """For every number of windows from 0 to MOST_WINDOWS: at most so many, that differ least from what is wanted, summed over the day.

    Outside of windows there are `least`. The first quarter hour, the quietest, belongs to none: so no window lasts a whole day.
    An exact search over all partitions, by dynamic programming; of equals the one with fewer windows.
    """
    heights = np.unique(wanted[wanted > least])
    best = np.concatenate(([0], np.cumsum(np.abs(wanted - least))))
    pieces: list[list[list[Piece]]] = [[[] for _ in range(QUARTERS + 1)]]
    if heights.size == 0:
        return [[] for _ in range(MOST_WINDOWS + 1)]
    beside = np.abs(heights[:, None] - wanted[None, :])
    sums = np.concatenate((np.zeros((heights.size, 1), np.int64), np.cumsum(beside, axis=1)), axis=1)
    for _ in range(MOST_WINDOWS):
        before, before_pieces = best, pieces[-1]
        best = before.copy()
        now = list(before_pieces)
        for end in range(2, QUARTERS + 1):
            stays = best[end - 1] + abs(int(wanted[end - 1]) - least)
            if stays < best[end]:
                best[end], now[end] = stays, now[end - 1]
            # costs[height, begin - 1] of a window from `begin` to `end`, after the best with one window less
            costs = before[None, 1:end] + sums[:, end, None] - sums[:, 1:end]
            height, at = np.unravel_index(int(np.argmin(costs)), costs.shape)
            if costs[height, at] < best[end]:
                begin = int(at) + 1
                best[end] = costs[height, at]
                now[end] = [*before_pieces[begin], Piece(begin, end, int(heights[height]))]
        pieces.append(now)
    return [each[QUARTERS] for each in pieces]


def _windows(pieces: Sequence[Piece], days: tuple[int, ...], begins: int, lead: int) -> Iterator[Window]:
    """On the clock, and open so many minutes earlier."""
    for piece in pieces:
        later, opens = divmod((begins + piece.begin) * QUARTER_MINUTES - lead, DAY_MINUTES)
        yield Window(shifted(days, later), opens, (piece.end - piece.begin) * QUARTER_MINUTES + lead, piece.replicas)
