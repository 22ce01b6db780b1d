"""An Envoy's own statistics as the `gateway` table: for an Envoy that this program did not start."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import GATEWAY

MILLISECONDS: Final = 1000.0


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


def gateway_rows(time_s: float, histograms: Mapping[str, Sequence[tuple[float, int]]]) -> pd.DataFrame:
    """One scrape as rows of the `gateway` table. `time_s`: seconds since the run's start."""
    rows = [(time_s, service, bound, count) for service, buckets in histograms.items() for bound, count in buckets]
    if not rows:
        return empty_table("gateway")
    return pd.DataFrame(rows, columns=GATEWAY.names)
