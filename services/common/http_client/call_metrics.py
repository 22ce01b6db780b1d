"""Metrics of calls to other services."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class CallMetrics:
    """The families of one registry. What retries add to a dependency's load: `http_client_retries` over `http_client_requests`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "http_client_requests",
            "Requests sent to other services, retries included; status is HTTP's, or unconnected, disconnected, timeout, cancelled.",
            ["callee", "status"],
            registry=registry,
        )
        self.calls = Counter(
            "http_client_calls",
            "Calls to other services, however often each was tried; result is answered, failed or cancelled.",
            ["callee", "result"],
            registry=registry,
        )
        self.retries = Counter("http_client_retries", "Requests that repeat one that failed.", ["callee"], registry=registry)
        self.refusals = Counter(
            "http_client_refusals",
            "Requests not sent; reason is breaker, bulkhead, deadline, or budget (a retry).",
            ["callee", "reason"],
            registry=registry,
        )
        self.breaker = Gauge(
            "http_client_breaker_state", "Circuit breaker: 0 closed, 1 half-open, 2 open.", ["callee"], registry=registry
        )
        self.latency = Histogram(
            "http_client_request_duration_seconds",
            "One request to another service, from sending it to the end of its answer or of waiting for it.",
            ["callee"],
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )

    def of(self, callee: str) -> DependencyMetrics:
        """The metrics of one dependency."""
        return DependencyMetrics(self, callee)


class DependencyMetrics:
    """One dependency's children, kept by their labels: `labels()` costs as much as the observation itself."""

    def __init__(self, families: CallMetrics, callee: str) -> None:
        self._families = families
        self._callee = callee
        self._latency = families.latency.labels(callee)
        self._retries = families.retries.labels(callee)
        self._breaker = families.breaker.labels(callee)
        self._attempts: dict[str, Counter] = {}
        self._calls = {result: families.calls.labels(callee, result) for result in ("answered", "failed", "cancelled")}

    def watch(self, *, breaker_state: Callable[[], float]) -> None:
        """Read it when scraped."""
        self._breaker.set_function(breaker_state)

    def attempted(self, status: str, seconds: float) -> None:
        """One request is over."""
        child = self._attempts.get(status)
        if child is None:
            child = self._attempts[status] = self._families.attempts.labels(self._callee, status)
        child.inc()
        self._latency.observe(seconds)

    def retried(self) -> None:
        """A failed request is about to be repeated."""
        self._retries.inc()

    def refused(self, reason: str) -> None:
        """Something was not sent: `breaker`, `bulkhead`, `deadline` or `budget`."""
        self._families.refusals.labels(self._callee, reason).inc()

    def called(self, result: str) -> None:
        """A call is over: `answered`, `failed`, or `cancelled` by whoever called."""
        self._calls[result].inc()
