"""How one dependency may be called: frozen settings, each with a default that suits a service with an SLO of half a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from services.common.settings import SettingsError

MOST_SECONDS = 60.0
MOST_CALLS = 10_000


@dataclass(frozen=True, kw_only=True)
class TimeoutPolicy:
    """Time limits in seconds. They stay well above the 100 ms periods of a CPU limit, in which a whole process stands still."""

    connect_seconds: float = 1.0
    """To get a connection."""
    read_seconds: float = 2.0
    """Longest silence while an answer is awaited or read."""
    call_seconds: float = 4.0
    """One call with all its attempts and the waits between them."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a call is repeated. The budget bounds what all calls together may add to the dependency's load."""

    attempts: int = 3
    """Of one call, the first one included."""
    base_seconds: float = 0.05
    """The first wait is drawn from 0 to this; the range doubles with each further one."""
    longest_wait_seconds: float = 1.0
    """Where that doubling ends."""
    longest_retry_after_seconds: float = 2.0
    """A dependency that asks for more patience is not asked again by this call."""
    budget_share: float = 0.08
    """Retries per first attempt, over the window."""
    budget_per_second: float = 0.5
    """Retries that are allowed besides, so that a caller with few calls may repeat one at all."""
    budget_window_seconds: float = 10.0
    """How far back both are counted."""


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """When a dependency is left alone."""

    window_attempts: int = 100
    """So many of the last attempts are judged."""
    least_attempts: int = 20
    """Fewer say nothing."""
    failure_share: float = 0.5
    """From that share of failures on the breaker opens."""
    open_seconds: float = 2.0
    """Nothing is sent for that long; then one attempt at a time probes."""
    probes: int = 2
    """So many must succeed in a row before everything is sent again."""


@dataclass(frozen=True, kw_only=True)
class BulkheadPolicy:
    """How much of the caller one dependency may occupy. Below `most_in_flight` of the service, or its other routes would starve."""

    most_attempts: int = 24
    """At once."""
    most_waiting: int = 8
    """More than these are refused at once."""
    wait_seconds: float = 0.5
    """For a place: several periods of a CPU limit."""


@dataclass(frozen=True, kw_only=True)
class DependencyPolicy:
    """All of them for one dependency."""

    timeouts: TimeoutPolicy = field(default_factory=TimeoutPolicy)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    bulkhead: BulkheadPolicy = field(default_factory=BulkheadPolicy)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, dependency: str) -> Self:
        """Read `<DEPENDENCY>_ATTEMPTS` and so on (docs/retry.md lists them). Raises SettingsError."""
        read = _Reader(environment, dependency.upper().replace("-", "_"))
        timeouts, retry, breaker, bulkhead = TimeoutPolicy(), RetryPolicy(), BreakerPolicy(), BulkheadPolicy()
        return cls(
            timeouts=TimeoutPolicy(
                connect_seconds=read.seconds("CONNECT_SECONDS", timeouts.connect_seconds),
                read_seconds=read.seconds("READ_SECONDS", timeouts.read_seconds),
                call_seconds=read.seconds("CALL_SECONDS", timeouts.call_seconds),
            ),
            retry=RetryPolicy(
                attempts=read.count("ATTEMPTS", retry.attempts),
                base_seconds=read.seconds("BACKOFF_SECONDS", retry.base_seconds),
                longest_wait_seconds=read.seconds("LONGEST_BACKOFF_SECONDS", retry.longest_wait_seconds),
                longest_retry_after_seconds=read.seconds("LONGEST_RETRY_AFTER_SECONDS", retry.longest_retry_after_seconds),
                budget_share=read.number("RETRY_SHARE", retry.budget_share, 0.0, 1.0),
                budget_per_second=read.number("RETRIES_PER_SECOND", retry.budget_per_second, 0.0, 1000.0),
            ),
            breaker=BreakerPolicy(
                window_attempts=read.count("BREAKER_WINDOW", breaker.window_attempts),
                least_attempts=read.count("BREAKER_LEAST", breaker.least_attempts),
                failure_share=read.number("BREAKER_SHARE", breaker.failure_share, 0.01, 1.0),
                open_seconds=read.seconds("BREAKER_OPEN_SECONDS", breaker.open_seconds),
                probes=read.count("BREAKER_PROBES", breaker.probes),
            ),
            bulkhead=BulkheadPolicy(
                most_attempts=read.count("MOST_CALLS", bulkhead.most_attempts),
                most_waiting=read.count("MOST_WAITING", bulkhead.most_waiting, least=0),
                wait_seconds=read.seconds("WAIT_SECONDS", bulkhead.wait_seconds),
            ),
        )


@dataclass(frozen=True)
class _Reader:
    """Numbers out of the environment; what is wrong is named."""

    environment: Mapping[str, str]
    prefix: str

    def seconds(self, name: str, default: float) -> float:
        """Above 0: to aiohttp and asyncio a limit of 0 is none at all, or none that can be kept."""
        return self.number(name, default, 0.001, MOST_SECONDS)

    def count(self, name: str, default: int, *, least: int = 1) -> int:
        """A whole number."""
        number = self.number(name, default, least, MOST_CALLS)
        if number != int(number):
            raise SettingsError(f"{self.prefix}_{name} is {number:g}; expected a whole number")
        return int(number)

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """A number from `least` to `most`."""
        text = self.environment.get(f"{self.prefix}_{name}")
        if text is None:
            return default
        try:
            number = float(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise SettingsError(f"{self.prefix}_{name} is {text!r}; expected a number from {least:g} to {most:g}")
        return number
