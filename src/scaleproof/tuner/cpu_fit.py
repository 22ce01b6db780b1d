"""CPU a request by how busy the replica is: rare requests find cold caches and cost more. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaleproof.spec.errors import CannotMeasureError
from scaleproof.tuner.staircase import Climb, Spent
from scaleproof.tuner.statistics import student_t_95

_IDLE_SECONDS: Final = (0.01, 0.02, 0.035, 0.06, 0.1, 0.2)
_LEAST_BUSY: Final = 0.3
"""Without an overload to tell: a request never costs less than this share of what it had in the busiest step."""
_UNTHROTTLED: Final = 0.85
"""Above this share of the quota requests queue, and those that follow another at once are cheaper than the gaps tell."""
_USUAL_SPREAD: Final = 0.08
"""By so much a request's CPU differs from step to step on a machine that is shared; weighs as much as some steps of one's own."""
_USUAL_DEGREES: Final = 4
_ENOUGH_REQUESTS: Final = 300.0
"""More in a step do not make it weigh more: what differs from step to step then is the machine's mood, not chance."""


@dataclass(frozen=True)
class CpuCurve:
    """CPU seconds a request of one replica."""

    busy_seconds: float
    """Of a request that follows another at once."""
    idle_seconds: float
    """What a request to a long idle replica costs on top."""
    time_constant_seconds: float
    relative_error: float
    """Half of the 90 % interval of another few minutes' mean: machines have moods that outlast a step and are not averaged out."""

    def at(self, rate: float) -> float:
        """At so many requests/s of one replica, at random times: the mean over exponential gaps, as long as none queues."""
        return self.busy_seconds + self.idle_seconds / (1 + rate * self.time_constant_seconds)

    def rate_at(self, cores: float) -> float:
        """Requests/s that use so many cores: the root of rate x at(rate) = cores, which grows with the rate."""
        # busy tau rate^2 + (busy + idle - cores tau) rate - cores = 0
        square = self.busy_seconds * self.time_constant_seconds
        line = self.busy_seconds + self.idle_seconds - cores * self.time_constant_seconds
        return (-line + math.sqrt(line**2 + 4 * square * cores)) / (2 * square)


def cpu_curve(
    name: str, climbs: Sequence[Climb], *, idle_cores: float, limit_cores: float, busy_seconds: float | None = None
) -> CpuCurve:
    """The curve nearest to the steps that were not overloaded; `busy_seconds` is what an overload told.

    Raises CannotMeasureError where there is nothing to be seen.
    """
    parts = [spent for climb in climbs for spent in climb.spent(name)]
    if not parts:
        raise CannotMeasureError(
            f"calibration of {name}: no CPU sample while requests were answered",
            hint="run the calibration again, without --quick",
        )
    rates = np.array([part.requests / part.seconds / part.replicas for part in parts])
    each = np.array([cpu_a_request(part, idle_cores) for part in parts])
    requests = np.minimum([part.requests for part in parts], _ENOUGH_REQUESTS)
    if float((each * requests).sum()) <= 0:
        raise CannotMeasureError(
            f"calibration of {name}: its CPU does not grow with its requests", hint="do its requests reach this service at all?"
        )
    quiet = np.array([(part.cpu_seconds / part.seconds / part.replicas) <= _UNTHROTTLED * limit_cores for part in parts])
    if quiet.any():
        rates, each, requests = rates[quiet], each[quiet], requests[quiet]
    least = _LEAST_BUSY * float(each[np.argmax(rates)])
    best: tuple[float, float, float, float] | None = None
    for constant in _IDLE_SECONDS:
        column = 1 / (1 + rates * constant)
        if busy_seconds is None:
            busy, idle = _two_parts(column, each, requests, least)
        else:
            busy, idle = busy_seconds, _idle_part(column, each, requests, busy_seconds)
        error = float(np.sum(requests * (busy + idle * column - each) ** 2))
        if best is None or error < best[0]:
            best = (error, busy, idle, constant)
    assert best is not None
    _, busy, idle, constant = best
    curve = CpuCurve(busy, idle, constant, 0.0)
    off = each / np.array([curve.at(rate) for rate in rates]) - 1
    own = float((requests * off**2).sum()) / float(requests.sum()) * len(each)
    degrees = _USUAL_DEGREES + max(0, len(each) - 3)
    spread = math.sqrt((_USUAL_DEGREES * _USUAL_SPREAD**2 + own) / degrees)
    error = student_t_95(degrees) * spread * math.sqrt(1 + 1 / len(each))
    return CpuCurve(busy, idle, constant, min(error, 0.9))


def cpu_a_request(part: Spent, idle_cores: float) -> float:
    """CPU seconds a request beyond idle use."""
    return (part.cpu_seconds - idle_cores * part.seconds * part.replicas) / part.requests


def _two_parts(column: np.ndarray, each: np.ndarray, weights: np.ndarray, least: float) -> tuple[float, float]:
    """Weighted least squares of each = busy + idle x column with busy >= least > 0 and idle >= 0."""
    root = np.sqrt(weights)
    rows = np.column_stack([np.ones_like(column), column]) * root[:, None]
    busy, idle = (float(value) for value in np.linalg.lstsq(rows, each * root, rcond=None)[0])
    if idle < 0 or len(each) < 3:  # noqa: PLR2004  two points say nothing about a curve
        return max(least, float((weights * each).sum() / weights.sum())), 0.0
    if busy < least:
        return least, _idle_part(column, each, weights, least)
    return busy, idle


def _idle_part(column: np.ndarray, each: np.ndarray, weights: np.ndarray, busy: float) -> float:
    """The idle part >= 0 of the same fit where the busy part is known."""
    return max(0.0, float((weights * column * (each - busy)).sum() / (weights * column**2).sum()))
