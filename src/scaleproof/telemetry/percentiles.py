"""Quantiles from raw latencies, per group, and from cumulative histograms. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def quantiles(values: ArrayLike, shares: Sequence[float]) -> NDArray[np.float64]:
    """The quantiles of `values` at `shares` (each in 0..1), linear between ranks; NaN where no value is finite."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size == 0:
        return np.full(len(shares), np.nan)
    return np.asarray(np.quantile(numbers, shares), dtype=np.float64)


def grouped_quantiles(
    groups: NDArray[np.int64], values: NDArray[np.float64], group_count: int, shares: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles of each group's values: an array of shape (group_count, len(shares)), NaN for an empty group.

    `groups` numbers each value's group from 0; values that are not finite and groups outside are left out.
    """
    keep = np.isfinite(values) & (groups >= 0) & (groups < group_count)
    groups, values = groups[keep], values[keep]
    order = np.lexsort((values, groups))
    groups, values = groups[order], values[order]
    counts = np.bincount(groups, minlength=group_count)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    result = np.full((group_count, len(shares)), np.nan)
    filled = counts > 0
    for column, share in enumerate(shares):
        rank = starts[filled] + share * (counts[filled] - 1)
        below = np.floor(rank).astype(np.int64)
        above = np.minimum(below + 1, starts[filled] + counts[filled] - 1)
        result[filled, column] = values[below] + (values[above] - values[below]) * (rank - below)
    return result


def histogram_quantile(upper_bounds: ArrayLike, cumulative_counts: ArrayLike, share: float) -> float:
    """The quantile of a cumulative histogram, linear within the bucket it falls into; NaN where nothing was counted.

    `upper_bounds` rise and may end with +inf, whose values count as the highest finite bound: Prometheus' histogram_quantile
    (prometheus/promql/quantile.go, bucketQuantile).
    """
    bounds = np.asarray(upper_bounds, dtype=np.float64)
    counts = (
        np.maximum.accumulate(np.asarray(cumulative_counts, dtype=np.float64)) if np.size(cumulative_counts) else np.zeros(0)
    )
    if counts.size == 0 or counts[-1] <= 0:
        return float("nan")
    rank = share * counts[-1]
    bucket = int(np.searchsorted(counts, rank, side="left"))
    if not np.isfinite(bounds[bucket]):
        return float(bounds[bucket - 1]) if bucket else float("nan")
    low_bound = float(bounds[bucket - 1]) if bucket else 0.0
    low_count = float(counts[bucket - 1]) if bucket else 0.0
    inside = counts[bucket] - low_count
    if inside <= 0:
        return float(bounds[bucket])
    return float(low_bound + (bounds[bucket] - low_bound) * (rank - low_count) / inside)


def histogram_between(
    gateway: pd.DataFrame, start_s: float, end_s: float, service: str | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(upper bounds in seconds, cumulative counts) of what a `gateway` table counted in (start_s, end_s].

    A count that falls was reset by a restart: it then counts from zero, as in Prometheus' increase().
    """
    rows = gateway if service is None else gateway[gateway["service"] == service]
    rows = rows[rows["time_s"] <= end_s]
    if rows.empty:
        return np.zeros(0), np.zeros(0)
    totals: pd.Series[float] | None = None
    for _, series in rows.groupby("service", sort=True):
        wide = series.pivot_table(index="time_s", columns="upper_bound_s", values="count", aggfunc="last").sort_index().ffill()
        steps = wide.diff()
        steps = steps.where(steps >= 0, wide).fillna(0.0)
        # The first scrape is a baseline: what it counts happened before anyone looked.
        steps.iloc[0] = 0.0
        increase = steps[steps.index > start_s].sum()
        totals = increase if totals is None else totals.add(increase, fill_value=0.0)
    if totals is None:
        return np.zeros(0), np.zeros(0)
    totals = totals.sort_index()
    bounds = np.asarray(totals.index, dtype=np.float64)
    return bounds, np.asarray(totals, dtype=np.float64)
