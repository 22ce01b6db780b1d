"""What a replica does with more than it can serve: what a request costs then, and whether it refuses what is too much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.tuner.staircase import Climb

OVERLOADS: Final = (1.8, 3.0)
"""Rates relative to what seems to use up a replica's quota: two, since requests and refusals both cost CPU."""
FILL_SECONDS: Final = 1.5
"""Until the queue is full; what follows of a step counts."""
_UNAVAILABLE: Final = 503
_SHEDS: Final = 0.05
"""Below this share of refused requests, they are accidents and no limit."""
_SATURATED: Final = 0.95
_USUAL_REJECTION: Final = 0.2
"""Of what an answer costs: FastAPI behind uvicorn, measured over a minute of overload."""
_PRIOR_WEIGHT: Final = 1.0
"""The machine is up to a fifth faster or slower in the next step, which is more than refusals cost: two steps alone often make them free."""


@dataclass(frozen=True)
class Overload:
    """A replica that is always busy."""

    busy_seconds: float | None
    """CPU seconds a request, which all follow another at once; None where the quota was not used up."""
    queue_limit: float | None
    """Requests that wait for its CPU when it begins to refuse; None where it lets everybody wait."""
    rejection_cpu_seconds: float
    """CPU seconds that refusing one costs."""


@dataclass(frozen=True)
class _Step:
    served: float
    """Requests/s."""
    refused: float
    waited_seconds: float
    cores: float
    """Beyond idle use."""


def fit_overload(name: str, climb: Climb, *, limit_cores: float, idle_cores: float, wait_seconds: float = 0.0) -> Overload:
    """From a staircase of `OVERLOADS` on one replica. `wait_seconds` is what requests wait for others than the CPU.

    In each saturated step served x busy + refused x rejection = CPU, which gives both costs. The limit follows from Little's law
    (Little 1961): requests in the queue = served per second x seconds that they waited.
    """
    steps = _steps(name, climb, idle_cores)
    full = [step for step in steps if step.cores >= _SATURATED * (limit_cores - idle_cores) and step.served > 0]
    sheds = [step for step in steps if step.served > 0 and step.refused > _SHEDS * (step.served + step.refused)]
    busy, rejection = _costs(full) if full else (None, 0.0)
    if not sheds:
        return Overload(busy_seconds=busy, queue_limit=None, rejection_cpu_seconds=0.0)
    deepest = sheds[-1]
    limit = max(1.0, deepest.served * (deepest.waited_seconds - wait_seconds))
    return Overload(busy_seconds=busy, queue_limit=limit, rejection_cpu_seconds=rejection)


def _steps(name: str, climb: Climb, idle_cores: float) -> list[_Step]:
    table = climb.tables["requests"]
    mine = table[table["service"] == name]
    samples = climb.samples(name)
    found: list[_Step] = []
    for index in range(len(climb.staircase.rates)):
        begin = index * climb.staircase.each_seconds + FILL_SECONDS
        end = (index + 1) * climb.staircase.each_seconds
        rows = samples[(samples["start_s"] >= begin) & (samples["end_s"] <= end)]
        if rows.empty:
            continue
        # Requests of exactly the samples' time, so that edges blur nothing.
        starts, ends = rows["start_s"].to_numpy(dtype=np.float64), rows["end_s"].to_numpy(dtype=np.float64)
        seconds = float((ends - starts).sum())
        sent = mine[(mine["sent_s"] >= begin) & (mine["sent_s"] < end)]
        served = sent[sent["ok"]]
        found.append(
            _Step(
                served=float(climb.completed(name, starts, ends).sum()) / seconds,
                refused=float((sent["status"] == _UNAVAILABLE).sum()) / (end - begin),
                waited_seconds=float((served["finished_s"] - served["sent_s"]).mean()) if len(served) else 0.0,
                cores=float((rows["cores"].to_numpy(dtype=np.float64) * (ends - starts)).sum()) / seconds - idle_cores,
            )
        )
    return found


def _costs(steps: Sequence[_Step]) -> tuple[float, float]:
    """(busy, rejection) CPU seconds by least squares; a weak prior says what a refusal costs where the steps hardly tell."""
    served = np.array([step.served for step in steps])
    refused = np.array([step.refused for step in steps])
    cores = np.array([step.cores for step in steps])
    weight = _PRIOR_WEIGHT * float(served.mean())
    rows = np.vstack([np.column_stack([served, refused]), [[-_USUAL_REJECTION * weight, weight]]])
    busy, rejection = (float(value) for value in np.linalg.lstsq(rows, np.append(cores, 0.0), rcond=None)[0])
    if 0 <= rejection <= busy:
        return busy, rejection
    rejection_share = 0.0 if rejection < 0 else 1.0
    busy = float(cores.sum() / (served + rejection_share * refused).sum())
    return busy, rejection_share * busy
