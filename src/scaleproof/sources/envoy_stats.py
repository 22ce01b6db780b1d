"""An Envoy's own statistics as the `gateway` table: for an Envoy that this program did not start."""

from __future__ import annotations

import http.client
import math
import re
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from scaleproof.telemetry.live import Served
from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import GATEWAY

MILLISECONDS: Final = 1000.0
TIMEOUT_SECONDS: Final = 2.0
ROUTES: Final = "envoy_route"
"""The label of a virtual host's routes."""
CLUSTERS: Final = "envoy_cluster_name"
"""The label of clusters."""
ROUTE_FILTER: Final = r"^vhost\.gateway\.route\..*\.upstream_rq_(time|timeout|[1-5]xx)$"
"""Of the embedded default's gateway; all of its statistics would be a megabyte."""


def parse_clusters(stats_text: str, cluster_patterns: Mapping[str, str]) -> dict[str, list[tuple[float, int]]]:
    """Service → (upper bound in seconds, cumulative count) out of Envoy's `/stats/prometheus`, bounds rising, +inf last.

    Reads `envoy_cluster_upstream_rq_time`, whose bounds are milliseconds. `cluster_patterns`: service → regular expression
    that a cluster's whole name must match, such as `httproute/shop/orders/rule/.*` of Envoy Gateway; the clusters of one
    service are added up. A service without requests is absent.
    """
    patterns = {service: re.compile(pattern) for service, pattern in cluster_patterns.items()}
    found: dict[str, dict[float, int]] = {}
    for family in text_string_to_metric_families(stats_text):
        for sample in family.samples:
            if sample.name != "envoy_cluster_upstream_rq_time_bucket":
                continue
            bound = float(sample.labels["le"]) / MILLISECONDS
            for service, pattern in patterns.items():
                if pattern.fullmatch(sample.labels.get("envoy_cluster_name", "")):
                    series = found.setdefault(service, {})
                    series[bound] = series.get(bound, 0) + int(sample.value)
    return {service: sorted(series.items()) for service, series in found.items()}


def parse_served(stats_text: str, label: str, patterns: Mapping[str, str]) -> dict[str, Served]:
    """What an Envoy counted of each service: its latency histogram, its answers, and those that failed (5xx).

    `label` tells whose a series is: `envoy_route` for the routes of a virtual host (what was given up waiting counts above every finite
    bound: Envoy leaves it out of its histogram), `envoy_cluster_name` for clusters. `patterns` as in `parse_clusters`.
    """
    known = {service: re.compile(pattern) for service, pattern in patterns.items()}
    counts: dict[str, _Counts] = {}
    for family in text_string_to_metric_families(stats_text):
        for sample in family.samples:
            whose = sample.labels.get(label)
            service = None if whose is None else next((name for name, each in known.items() if each.fullmatch(whose)), None)
            if service is not None:
                counts.setdefault(service, _Counts()).add(sample.name, sample.labels, int(sample.value))
    return {service: found.served() for service, found in counts.items()}


def added(several: Iterable[Mapping[str, Served]]) -> dict[str, Served]:
    """What several proxies counted together."""
    sums: dict[str, Served] = {}
    for each in several:
        for service, found in each.items():
            so_far = sums.get(service, Served((), 0, 0))
            buckets = dict(so_far.buckets)
            for bound, count in found.buckets:
                buckets[bound] = buckets.get(bound, 0) + count
            sums[service] = Served(
                sorted(buckets.items()),
                so_far.answers + found.answers,
                so_far.failures + found.failures,
                so_far.timeouts + found.timeouts,
            )
    return sums


def fetch_served(stats_url: str, patterns: Mapping[str, str]) -> dict[str, Served]:
    """`parse_served` of the embedded default's gateway; `stats_url` is any address of its statistics.

    One that is being restarted has nothing to say.
    """
    url = f"http://{urlsplit(stats_url).netloc}/stats/prometheus?filter={quote(ROUTE_FILTER, safe='')}"
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with directly.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return parse_served(answer.read().decode(), ROUTES, patterns)
    except (OSError, http.client.HTTPException):
        return {}


class _Counts:
    """The series of one service, added up."""

    def __init__(self) -> None:
        self._buckets: dict[float, int] = {}
        self._answers = self._failures = self._timeouts = 0

    def add(self, name: str, labels: Mapping[str, str], value: int) -> None:
        """One sample. Prometheus' parser keeps a counter's own name, with or without `_total`."""
        if name.endswith("_upstream_rq_time_bucket"):
            bound = float(labels["le"]) / MILLISECONDS
            self._buckets[bound] = self._buckets.get(bound, 0) + value
        elif name.removesuffix("_total").endswith("_upstream_rq_timeout"):
            self._timeouts += value
        elif name.removesuffix("_total").endswith("_upstream_rq_xx"):
            self._answers += value
            self._failures += value if labels.get("envoy_response_code_class") == "5" else 0

    def served(self) -> Served:
        """The sums."""
        buckets = [
            (bound, count + (self._timeouts if math.isinf(bound) else 0)) for bound, count in sorted(self._buckets.items())
        ]
        return Served(buckets, self._answers, self._failures, self._timeouts)


def gateway_rows(time_s: float, histograms: Mapping[str, Sequence[tuple[float, int]]]) -> pd.DataFrame:
    """One scrape as rows of the `gateway` table. `time_s`: seconds since the run's start."""
    rows = [(time_s, service, bound, count) for service, buckets in histograms.items() for bound, count in buckets]
    if not rows:
        return empty_table("gateway")
    return pd.DataFrame(rows, columns=GATEWAY.names)
