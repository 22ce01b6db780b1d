"""Who takes part in a load of ordinary Locust users: the class of each one, and when it is there. Pure.

Users follow the shape as those of a schedule do: the user number k is there while the shape holds more than k users. What each does,
and when, is its own business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.load.schedule import active_intervals, mixed
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import Shape


@dataclass(frozen=True)
class UserClass:
    """A Locust user class, as far as its number of users depends on it."""

    name: str
    weight: float = 1.0
    fixed_count: int = 0
    """Locust's own: so many of it, whatever the weights."""


@dataclass(frozen=True)
class Crowd:
    """The users, by number."""

    names: tuple[str, ...]
    """Of the classes."""
    class_of_user: NDArray[np.int32]
    """Per user, the index into `names`."""
    start_s: NDArray[np.float64]
    """Of every stretch, in order of users."""
    end_s: NDArray[np.float64]
    bounds: NDArray[np.int64]
    """Stretches of user k: from bounds[k] to bounds[k + 1]."""

    def counts(self) -> dict[str, int]:
        """Users per class."""
        found = np.bincount(self.class_of_user, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, found, strict=True)}

    def stretches(self, user: int) -> list[tuple[float, float]]:
        """(start, end) in seconds of every stretch in which the user is there."""
        mine = slice(self.bounds[user], self.bounds[user + 1])
        return list(zip(self.start_s[mine].tolist(), self.end_s[mine].tolist(), strict=True))


def gathered(classes: Sequence[UserClass], users: int, shape: Shape, seed: int) -> Crowd:
    """The crowd of `users` at the shape's peak. Classes with a fixed count come first, as Locust has it; the others share by weight.

    Raises BadInputError where no class has a weight, and users are left for it.
    """
    ordered = sorted(classes, key=lambda each: each.name)
    fixed = np.repeat(np.arange(len(ordered), dtype=np.int32), [max(each.fixed_count, 0) for each in ordered])[:users]
    weights = np.array([0.0 if each.fixed_count > 0 else max(each.weight, 0.0) for each in ordered])
    left = users - fixed.size
    if left and not weights.any():
        raise BadInputError(
            f"{left:,} of {users:,} users have no class: {', '.join(each.name for each in ordered)} have a fixed_count or no weight",
            hint="give a class a weight above 0, or --users as many as the fixed counts",
        )
    rng = np.random.default_rng([0xC105ED, seed])
    drawn = mixed(weights, left, float(rng.random())) if left else np.zeros(0, dtype=np.int32)
    who, start, end = active_intervals(shape, users)
    bounds = np.searchsorted(who, np.arange(users + 1))
    return Crowd(tuple(each.name for each in ordered), np.concatenate([fixed, drawn]), start, end, bounds)
