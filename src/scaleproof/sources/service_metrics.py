"""A service's own `/metrics`: how many requests it served, whom it called, what its cache spared it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from scaleproof.spec.errors import CannotMeasureError

PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are asked whether or not there is load."""
TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class ServiceMetrics:
    """Counts since a replica's start, or between two scrapes, of one replica or of several added up."""

    requests: float = 0.0
    failed: float = 0.0
    """Of them answered with 5xx."""
    calls: Mapping[str, float] = field(default_factory=dict)
    """Callee → calls to it."""
    lookups: Mapping[str, float] = field(default_factory=dict)
    """Result (`hit`, `miss`, …) → look-ups in a cache."""
    in_flight: float = 0.0
    """Requests being served at the scrape."""

    @property
    def calls_per_request(self) -> dict[str, float]:
        """Callee → calls a request; empty where no request was served."""
        return {callee: count / self.requests for callee, count in self.calls.items()} if self.requests > 0 else {}

    @property
    def hit_share(self) -> float | None:
        """Share of look-ups that hit; None where there was none."""
        total = sum(self.lookups.values())
        return self.lookups.get("hit", 0.0) / total if total > 0 else None

    def __add__(self, other: ServiceMetrics) -> ServiceMetrics:
        """Two replicas together."""
        return ServiceMetrics(
            self.requests + other.requests,
            self.failed + other.failed,
            _added(self.calls, other.calls),
            _added(self.lookups, other.lookups),
            self.in_flight + other.in_flight,
        )

    def since(self, earlier: ServiceMetrics) -> ServiceMetrics:
        """What happened after an earlier scrape of the same replica. Fewer requests than then mean that it started anew."""
        if self.requests < earlier.requests:
            return self
        return ServiceMetrics(
            self.requests - earlier.requests,
            max(0.0, self.failed - earlier.failed),
            {callee: max(0.0, count - earlier.calls.get(callee, 0.0)) for callee, count in self.calls.items()},
            {result: max(0.0, count - earlier.lookups.get(result, 0.0)) for result, count in self.lookups.items()},
            self.in_flight,
        )


def parse_service_metrics(text: str, ignored_routes: Collection[str] = PROBES) -> ServiceMetrics:
    """Read Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats).

    Names: `http_requests_total{route,status}`, `http_client_requests_total{callee}`, `cache_lookups_total{result}`,
    `http_requests_in_flight`. What a service does not export counts as zero. Raises ValueError where the text is not of that format.
    """
    requests = failed = in_flight = 0.0
    calls: Counter[str] = Counter()
    lookups: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name:
                case "http_requests_total" if sample.labels.get("route") not in ignored_routes:
                    requests += sample.value
                    failed += sample.value if sample.labels.get("status", "").startswith("5") else 0.0
                case "http_client_requests_total":
                    calls[sample.labels.get("callee", "")] += sample.value  # type: ignore[assignment]  # Counter adds floats too
                case "cache_lookups_total":
                    lookups[sample.labels.get("result", "")] += sample.value  # type: ignore[assignment]  # Counter adds floats too
                case "http_requests_in_flight":
                    in_flight += sample.value
                case _:
                    pass
    return ServiceMetrics(requests, failed, dict(calls), dict(lookups), in_flight)


def fetch_service_metrics(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> ServiceMetrics:
    """Scrape one replica. Raises CannotMeasureError where it does not answer, or not with metrics."""
    try:
        answer = httpx.get(url, timeout=timeout_seconds)
        answer.raise_for_status()
        return parse_service_metrics(answer.text)
    except (httpx.HTTPError, ValueError) as error:
        raise CannotMeasureError(
            f"{url}: no metrics ({error})", hint="does the service export Prometheus metrics there, and is it ready?"
        ) from None


def _added(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    return {key: left.get(key, 0.0) + right.get(key, 0.0) for key in (*left, *(key for key in right if key not in left))}
