"""A run second by second and in sliding windows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.percentiles import grouped_quantiles, quantiles
from scaleproof.telemetry.run import Run

SHARES = (0.5, 0.95, 0.99)

DEFAULT_BOUNDS_S: tuple[float, ...] = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0),
)


def per_second(run: Run, service: str | None = None) -> pd.DataFrame:
    """One row a second of the load, also the empty ones.

    Columns: second; intended, sent, completed, errors, never_sent (counts; intended and never_sent by intended time, sent by the
    time of sending, completed and errors by the time of the answer); p50_s, p95_s, p99_s of the latency from the intended time and
    sent_p50_s, … from the time of sending, over the answered requests intended in that second (NaN where none was).
    """
    rows = intended_requests(run, service)
    length = max(1, int(np.ceil(run.meta.duration_seconds - 1e-9)))
    finished = rows["finished_s"].to_numpy()
    last = np.nanmax(finished) if np.isfinite(finished).any() else 0.0
    length = max(length, int(last) + 1)
    seconds = _second(rows["intended_s"])
    frame = pd.DataFrame({"second": np.arange(length, dtype=np.int64)})
    frame["intended"] = _count(seconds, length)
    frame["sent"] = _count(_second(rows["sent_s"]), length)
    frame["completed"] = _count(_second(rows["finished_s"][rows["ok"]]), length)
    frame["errors"] = _count(_second(rows["finished_s"][rows["failed"]]), length)
    frame["never_sent"] = _count(seconds[rows["never_sent"].to_numpy()], length)
    for prefix, column in (("", "latency_s"), ("sent_", "sent_latency_s")):
        table = grouped_quantiles(seconds, rows[column].to_numpy(dtype=np.float64), length, SHARES)
        for index, share in enumerate(SHARES):
            frame[f"{prefix}p{share * 100:.0f}_s"] = table[:, index]
    return frame


def latency_histogram(run: Run, service: str | None = None, bounds_s: Sequence[float] = DEFAULT_BOUNDS_S) -> pd.DataFrame:
    """Answered requests by second of their intended time (index) and latency bucket (columns: upper bounds in seconds, +inf last)."""
    rows = intended_requests(run, service)
    rows = rows[rows["latency_s"].notna()]
    seconds = _second(rows["intended_s"])
    length = max(1, int(np.ceil(run.meta.duration_seconds - 1e-9)), int(seconds.max()) + 1 if len(seconds) else 0)
    buckets = np.searchsorted(np.asarray(bounds_s), rows["latency_s"].to_numpy(), side="left")
    width = len(bounds_s) + 1
    counts = np.bincount(seconds * width + buckets, minlength=length * width).reshape(length, width)
    return pd.DataFrame(counts, index=pd.RangeIndex(length, name="second"), columns=[*bounds_s, np.inf])


def sliding(run: Run, width_seconds: float, step_seconds: float = 1.0, service: str | None = None) -> pd.DataFrame:
    """Overlapping windows over the load: start_s, end_s, intended, rate_per_second, violation (share), p50_s, p95_s, p99_s.

    A window holds the requests intended in [start_s, end_s); only whole windows within the load are given.
    """
    rows = intended_requests(run, service)
    intended = rows["intended_s"].to_numpy()
    latency = rows["latency_s"].to_numpy(dtype=np.float64)
    bad = (rows["failed"] | rows["never_sent"] | rows["slow"]).to_numpy()
    starts = np.arange(0.0, run.meta.duration_seconds - width_seconds + 1e-9, step_seconds)
    records = []
    for start, low, high in zip(
        starts, np.searchsorted(intended, starts), np.searchsorted(intended, starts + width_seconds), strict=True
    ):
        p50, p95, p99 = quantiles(latency[low:high], SHARES)
        count = int(high - low)
        share = float(bad[low:high].mean()) if count else 0.0
        records.append((float(start), float(start) + width_seconds, count, count / width_seconds, share, p50, p95, p99))
    return pd.DataFrame(
        records, columns=["start_s", "end_s", "intended", "rate_per_second", "violation", "p50_s", "p95_s", "p99_s"]
    )


def _second(times: pd.Series[float]) -> NDArray[np.int64]:
    """The second each time lies in; -1 where there is none."""
    return np.floor(times.to_numpy(dtype=np.float64, na_value=-1.0)).astype(np.int64)


def _count(seconds: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.bincount(seconds[(seconds >= 0) & (seconds < length)], minlength=length).astype(np.int64)
