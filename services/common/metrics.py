"""The metrics of a service in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the text and nobody reads them

LATENCY_BUCKETS_SECONDS = (
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    0.75,
    1.0,
    2.0,
    5.0,
)
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """One registry an app, so that two apps in one process (tests) do not meet.

    `labels()` costs as much as the observation itself; children are therefore kept by their labels.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._requests = Counter("http_requests", "Requests served.", ["method", "route", "status"], registry=self.registry)
        self._latency = Histogram(
            "http_request_duration_seconds",
            "From the request's arrival in the application to the end of its response.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._cache = Counter("cache_lookups", "Look-ups in the cache.", ["cache", "result"], registry=self.registry)
        self._in_flight = Gauge("http_requests_in_flight", "Requests being served.", registry=self.registry)
        self._draining = Gauge("draining", "1 while the replica drains.", registry=self.registry)
        self._request_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._cache_children: dict[tuple[str, str], Counter] = {}

    def watch(self, *, in_flight: Callable[[], float], draining: Callable[[], float]) -> None:
        """Read these two when scraped."""
        self._in_flight.set_function(in_flight)
        self._draining.set_function(draining)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request served."""
        key = (method, route, status)
        children = self._request_children.get(key)
        if children is None:
            name = method if method in KNOWN_METHODS else "other"
            children = (self._requests.labels(name, route, str(status)), self._latency.labels(name, route))
            if name == method:
                self._request_children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def looked_up(self, cache: str, result: str) -> None:
        """One look-up; the results are listed in `services.common.cache.tiered`."""
        key = (cache, result)
        child = self._cache_children.get(key)
        if child is None:
            child = self._cache_children[key] = self._cache.labels(cache, result)
        child.inc()

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
