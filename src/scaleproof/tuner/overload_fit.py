"""What a replica does with more than it can serve: it lets everybody wait, or refuses what is too much. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.tuner.staircase import Climb

OVERLOAD: Final = 1.6
"""Rate of the overload, relative to what uses up a replica's quota: far enough beyond for a full queue, within a load test's reach."""
OVERLOAD_SECONDS: Final = 6.0
FILL_SECONDS: Final = 2.0
"""Until the queue is full; what follows counts."""
_UNAVAILABLE: Final = 503
_SHEDS: Final = 0.05
"""Below this share of refused requests, they are accidents and no limit."""


@dataclass(frozen=True)
class Shedding:
    """A replica that refuses."""

    queue_limit: float
    """Requests that wait for its CPU when it begins to refuse."""
    rejection_cpu_seconds: float
    """CPU seconds that refusing one costs."""


def fit_shedding(name: str, climb: Climb, *, cpu_seconds: float, idle_cores: float, wait_seconds: float) -> Shedding | None:
    """From one step of overload on one replica; None where hardly anybody was refused.

    The limit follows from Little's law (Little 1961): requests in the queue = served per second x seconds that they waited for
    the CPU. A refusal costs what CPU is left beyond the served ones, shared among the refused, and never more than serving does.
    """
    table = climb.tables["requests"]
    begin, end = FILL_SECONDS, climb.staircase.duration_seconds
    rows = table[(table["service"] == name) & (table["sent_s"] >= begin) & (table["sent_s"] < end)]
    refused = float((rows["status"] == _UNAVAILABLE).sum()) / (end - begin)
    served = rows[rows["ok"]]
    if served.empty or refused < _SHEDS * len(rows) / (end - begin):
        return None
    rate = climb.completed(name, np.array([begin]), np.array([end]))[0] / (end - begin)
    waited = float((served["finished_s"] - served["sent_s"]).mean()) - wait_seconds
    samples = climb.samples(name)
    busy = samples[(samples["start_s"] >= begin) & (samples["end_s"] <= end)]
    starts, ends = busy["start_s"].to_numpy(dtype=np.float64), busy["end_s"].to_numpy(dtype=np.float64)
    seconds = float((ends - starts).sum())
    spare = 0.0
    if seconds > 0:
        # Requests of exactly the samples' time: what is left over is a difference of two large numbers.
        cores = float((busy["cores"].to_numpy(dtype=np.float64) * (ends - starts)).sum()) / seconds
        spare = cores - idle_cores - float(climb.completed(name, starts, ends).sum()) / seconds * cpu_seconds
    return Shedding(
        queue_limit=max(1.0, rate * waited),
        rejection_cpu_seconds=min(max(0.0, spare / refused), cpu_seconds),
    )
