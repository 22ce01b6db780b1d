"""What retries may add to a dependency's load, all calls together. Time is an argument (seconds, monotonic)."""

from __future__ import annotations

from services.common.http_client.policy import RetryPolicy

SLICES = 10
"""The window moves on by a tenth of its length."""


class RetryBudget:
    """Retries of the last seconds stay within a share of the first attempts of the same seconds, plus a small reserve.

    A dependency that fails altogether would otherwise get `attempts` times its load just when it has trouble enough. With a share
    of 0.08 and a reserve of 0.5 a second, load grows by at most a tenth from 25 calls a second on.
    Source: Finagle's RetryBudget (tokens that expire after 10 s); gRFC A6, "Throttling Retry Attempts", has the same purpose.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._share = policy.budget_share
        self._reserve = policy.budget_per_second * policy.budget_window_seconds
        self._slice_seconds = policy.budget_window_seconds / SLICES
        self._slice = 0
        self._asked = [0] * SLICES
        self._retried = [0] * SLICES
        self._all_asked = 0
        self._all_retried = 0

    def asked(self, now: float) -> None:
        """A first attempt is sent."""
        self._move_on(now)
        self._asked[self._slice % SLICES] += 1
        self._all_asked += 1

    def take(self, now: float) -> bool:
        """Whether one more retry fits; it is then counted."""
        self._move_on(now)
        if self._all_retried + 1 > self._share * self._all_asked + self._reserve:
            return False
        self._retried[self._slice % SLICES] += 1
        self._all_retried += 1
        return True

    def _move_on(self, now: float) -> None:
        slice_now = int(now / self._slice_seconds)
        passed = slice_now - self._slice
        if passed <= 0:
            return
        for step in range(1, min(passed, SLICES) + 1):
            old = (self._slice + step) % SLICES
            self._all_asked -= self._asked[old]
            self._all_retried -= self._retried[old]
            self._asked[old] = self._retried[old] = 0
        self._slice = slice_now
