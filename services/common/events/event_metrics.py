"""Metrics of events: of who publishes them, and of who handles them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class PublishingMetrics:
    """A producer's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._published = Counter(
            "events_published", "Events added to the stream, repetitions included.", ["type"], registry=registry
        )
        self._waiting = Gauge(
            "outbox_oldest_waiting_seconds", "How long the oldest event has been waiting to be published.", registry=registry
        )

    def watch(self, *, waiting_seconds: Callable[[], float]) -> None:
        """Read it when scraped."""
        self._waiting.set_function(waiting_seconds)

    def published(self, event_type: str) -> None:
        """One event is in the stream."""
        self._published.labels(event_type).inc()


class HandlingMetrics:
    """A consumer's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Counter("events_handled", "Events handled, repetitions included.", ["type"], registry=registry)
        self._failed = Counter(
            "events_failed",
            "Events not handled; reason is unreadable (given up) or failed (tried again).",
            ["type", "reason"],
            registry=registry,
        )

    def handled(self, event_type: str) -> None:
        """One event is done."""
        self._handled.labels(event_type).inc()

    def failed(self, event_type: str, reason: str) -> None:
        """`unreadable` or `failed`. The type of what is no event at all is `unknown`."""
        self._failed.labels(event_type, reason).inc()
