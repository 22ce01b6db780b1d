"""Shapes: users over time, as straight lines between points. Pure.

A shape knows shares of the peak, so that one shape serves 200 and 10,000 users.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.spec.errors import BadInputError

SHAPE_NAMES = ("spike", "ramp", "diurnal", "steps")


@dataclass(frozen=True)
class Shape:
    """Users over time relative to the peak.

    `points` are (seconds since the start, share of the peak in 0..1), in order of time; between two points the share
    changes linearly. The last point ends the load.
    """

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def duration_seconds(self) -> float:
        """Length of the load in seconds."""
        return self.points[-1][0]

    def users_at(self, seconds: NDArray[np.float64], peak_users: int) -> NDArray[np.float64]:
        """Users at each of `seconds` (same shape as the argument, not rounded)."""
        times, shares = zip(*self.points, strict=True)
        users: NDArray[np.float64] = np.interp(seconds, times, shares, right=0.0) * peak_users
        return users

    def peak_window(self) -> tuple[float, float]:
        """(start, end) in seconds of the longest stretch at the highest share."""
        top = max(share for _, share in self.points)
        best = (0.0, 0.0)
        for (t0, s0), (t1, s1) in zip(self.points, self.points[1:], strict=False):
            if s0 == s1 == top and t1 - t0 > best[1] - best[0]:
                best = (t0, t1)
        return best


def spike(
    *, base: float = 0.1, lead: float = 15, rise: float = 10, hold: float = 75, fall: float = 5, tail: float = 115
) -> Shape:
    """A flash crowd: `base` share, up within `rise` seconds, held, gone within `fall` seconds, and a quiet tail."""
    return _through("spike", [(lead, base, base), (rise, base, 1.0), (hold, 1.0, 1.0), (fall, 1.0, base), (tail, base, base)])


def ramp(*, base: float = 0.05, rise: float = 150, hold: float = 60, fall: float = 30, tail: float = 60) -> Shape:
    """A steady climb to the peak, held, then down."""
    return _through("ramp", [(rise, base, 1.0), (hold, 1.0, 1.0), (fall, 1.0, base), (tail, base, base)])


def steps(*, count: int = 4, each: float = 60) -> Shape:
    """Equal steps up to the peak; every step is held for `each` seconds."""
    points: list[tuple[float, float]] = []
    for step in range(count):
        share = (step + 1) / count
        points += [(step * each + (0.001 if step else 0.0), share), ((step + 1) * each, share)]
    return Shape("steps", tuple(points))


def diurnal(*, period: float = 300, trough: float = 0.2, cycles: int = 1, resolution: float = 5) -> Shape:
    """Days in short: a raised cosine from the trough to the peak and back, `cycles` times."""
    times = np.arange(0.0, period * cycles + resolution / 2, resolution)
    shares = trough + (1 - trough) * (1 - np.cos(2 * np.pi * times / period)) / 2
    return Shape("diurnal", tuple((float(t), float(s)) for t, s in zip(times, shares, strict=True)))


def replay(name: str, rates: NDArray[np.float64], *, interval_seconds: float = 1.0) -> Shape:
    """A trace of requests/s as a shape relative to its own highest rate."""
    top = float(np.max(rates)) if rates.size else 0.0
    if top <= 0:
        raise BadInputError(f"trace {name}: no rate above 0", hint="give a trace with at least one request")
    points = tuple((i * interval_seconds, float(rate) / top) for i, rate in enumerate(rates))
    return Shape(f"replay:{name}", points)


def named(name: str) -> Shape:
    """The shape of that name with its defaults."""
    makers: dict[str, Callable[[], Shape]] = {"spike": spike, "ramp": ramp, "diurnal": diurnal, "steps": steps}
    if name not in makers:
        raise BadInputError(
            f"shape {name!r} is not known: expected one of {', '.join(SHAPE_NAMES)} or replay:FILE",
            hint="see `scaleproof load --help`",
        )
    return makers[name]()


def _through(name: str, legs: list[tuple[float, float, float]]) -> Shape:
    points: list[tuple[float, float]] = [(0.0, legs[0][1])]
    now = 0.0
    for seconds, _, to_share in legs:
        now += seconds
        points.append((now, to_share))
    return Shape(name, tuple(points))
