"""Leaving a dependency alone that mostly fails. Time is an argument (seconds, monotonic)."""

from __future__ import annotations

import logging
from collections import deque
from enum import IntEnum

from services.common.http_client.policy import BreakerPolicy

log = logging.getLogger(__name__)


class BreakerState(IntEnum):
    """Also the value of the metric."""

    CLOSED = 0
    """Everything is sent."""
    HALF_OPEN = 1
    """One attempt at a time probes."""
    OPEN = 2
    """Nothing is sent."""


class CircuitBreaker:
    """Closed → open by the share of failures among the last attempts → half-open after a while → closed, or open again.

    `admit` gives a permit that the attempt hands back with its result. What was admitted before the state last changed says nothing
    about now: its result is left out.
    Source: resilience4j, "CircuitBreaker", count-based sliding window.
    """

    def __init__(self, dependency: str, policy: BreakerPolicy) -> None:
        self.state = BreakerState.CLOSED
        self._dependency = dependency
        self._policy = policy
        self._window: deque[bool] = deque(maxlen=policy.window_attempts)
        self._failures = 0
        self._permit = 0
        """Counts changes of state."""
        self._opened_at = 0.0
        self._probing = False
        self._probed = 0

    def admit(self, now: float) -> int | None:
        """A permit for one attempt, None where there is none to be had."""
        if self.state is BreakerState.CLOSED:
            return self._permit
        if self.state is BreakerState.OPEN:
            if self.seconds_left(now) > 0:
                return None
            self._change(BreakerState.HALF_OPEN, "probing")
        if self._probing:
            return None
        self._probing = True
        return self._permit

    def record(self, permit: int, now: float, *, failed: bool) -> None:
        """The attempt of that permit is over."""
        if permit != self._permit:
            return
        if self.state is BreakerState.CLOSED:
            self._judge(now, failed=failed)
        elif failed:
            self._open(now, "a probe failed")
        else:
            self._probing = False
            self._probed += 1
            if self._probed >= self._policy.probes:
                self._change(BreakerState.CLOSED, f"{self._probed} probes succeeded")

    def give_back(self, permit: int) -> None:
        """The attempt of that permit told nothing of the dependency: it was cancelled, or never sent."""
        if permit == self._permit:
            self._probing = False

    def seconds_left(self, now: float) -> float:
        """How long nothing will be sent."""
        return max(0.0, self._policy.open_seconds - (now - self._opened_at)) if self.state is BreakerState.OPEN else 0.0

    def _judge(self, now: float, *, failed: bool) -> None:
        window = self._window
        if len(window) == window.maxlen:
            self._failures -= window[0]
        window.append(failed)
        self._failures += failed
        if (
            failed
            and len(window) >= min(self._policy.least_attempts, self._policy.window_attempts)
            and self._failures >= self._policy.failure_share * len(window)
        ):
            self._open(now, f"{self._failures} of the last {len(window)} attempts failed")

    def _open(self, now: float, reason: str) -> None:
        self._opened_at = now
        self._change(BreakerState.OPEN, reason)

    def _change(self, state: BreakerState, reason: str) -> None:
        log.warning("%s: circuit breaker %s: %s", self._dependency, state.name.lower().replace("_", "-"), reason)
        self.state = state
        self._permit += 1
        self._window.clear()
        self._failures = 0
        self._probing = False
        self._probed = 0
