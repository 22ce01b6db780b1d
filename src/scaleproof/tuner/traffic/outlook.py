"""How far a search is: the rounds of a race are known in advance, how many policies survive each one is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

SURVIVORS: Final = (0.2, 0.5, 0.7)
"""Shares of the policies that a first, a second … round of a race usually leaves; as seen on real traffic."""


def race_seconds(policies: float, least: int, rounds: Sequence[float], whole: float, *, begin: int = 0) -> float:
    """Policy-seconds that a race between so many policies is expected to play from the round `begin` on.

    `rounds`: seconds of traffic that each round plays for every policy still in it; `whole`: of all runs, which the survivors play.
    """
    total = 0.0
    alive = policies
    for number, seconds in enumerate(rounds[begin:], begin):
        if alive <= least:
            break
        total += alive * seconds
        alive = max(float(least), alive * SURVIVORS[min(number, len(SURVIVORS) - 1)])
    return total + alive * whole


@dataclass
class Outlook:
    """Policy-seconds done, and those expected."""

    done: float = 0.0
    current: float = 0.0
    """Of the step at work, still to come."""
    coming: list[tuple[str, float]] = field(default_factory=list)
    """Steps after it, with what they are expected to play."""
    _share: float = 0.0

    def begin(self, step: str, policy_seconds: float) -> None:
        """A step begins: the first expected one of that name is at work now."""
        names = [name for name, _ in self.coming]
        if step in names:
            del self.coming[names.index(step)]
        self.current = policy_seconds

    def expect_one(self, step: str, policy_seconds: float) -> None:
        """At least one more step of that name may come."""
        if step not in [name for name, _ in self.coming]:
            self.coming.append((step, policy_seconds))

    def drop(self, step: str) -> None:
        """No further step of that name will come."""
        self.coming = [entry for entry in self.coming if entry[0] != step]

    def played(self, policy_seconds: float) -> None:
        """So much is done."""
        self.done += policy_seconds
        self.current = max(0.0, self.current - policy_seconds)

    @property
    def total(self) -> float:
        """What is done and what is expected."""
        return self.done + self.current + sum(seconds for _, seconds in self.coming)

    def share(self) -> float:
        """Of the whole search that is done, 0..1; it never falls, though expectations change."""
        self._share = max(self._share, self.done / self.total if self.total > 0 else 0.0)
        return self._share

    def seconds_left(self, elapsed_seconds: float) -> float:
        """At the speed so far."""
        return elapsed_seconds * (self.total - self.done) / self.done if self.done > 0 else 0.0
