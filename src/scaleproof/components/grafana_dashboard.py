"""The Grafana dashboard of a platform, as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scaleproof.components.recording_rules import proxies
from scaleproof.spec.platform import Platform

SCHEMA_VERSION: Final = 39
WIDTH: Final = 12
HEIGHT: Final = 8


@dataclass(frozen=True)
class Panel:
    """One time series panel: what it answers, in which unit, from which expressions (legend → PromQL)."""

    title: str
    unit: str
    queries: dict[str, str]


def dashboard(platform: Platform, namespace: str) -> dict[str, Any]:
    """Grafana's JSON model. Its data source is a variable: any Prometheus."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    shown = [
        {
            "id": index + 1,
            "type": "timeseries",
            "title": panel.title,
            "datasource": source,
            "gridPos": {"x": WIDTH * (index % 2), "y": HEIGHT * (index // 2), "w": WIDTH, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": source, "expr": expression, "legendFormat": legend}
                for place, (legend, expression) in enumerate(panel.queries.items())
            ],
        }
        for index, panel in enumerate(panels(platform, namespace))
    ]
    variable = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": f"scaleproof-{namespace}"[:40],
        "title": f"scaleproof: {namespace}",
        "tags": ["scaleproof"],
        "schemaVersion": SCHEMA_VERSION,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "templating": {"list": [variable]},
        "panels": shown,
    }


def panels(platform: Platform, namespace: str) -> list[Panel]:
    """From the users' side inwards: demand, latency, errors, replicas, CPU, throttling, gateway."""
    names = "|".join(platform.services)
    replicas = f'namespace="{namespace}",horizontalpodautoscaler=~"{names}"'
    service = f'{{envoy_cluster_name=~"{names}"}}'
    pods = f'{{platform_namespace="{namespace}"}}'
    own = proxies(namespace)
    thresholds = {f"SLO {name}": f"vector({spec.slo.latency_ms:g})" for name, spec in platform.services.items()}
    return [
        Panel("Requests", "reqps", {"{{envoy_cluster_name}}": f"service:envoy_cluster_upstream_rq:rate1m{service}"}),
        Panel(
            "Latency, 95th percentile",
            "ms",
            {"{{envoy_cluster_name}}": f"service:envoy_cluster_upstream_rq_time:p95_1m{service}", **thresholds},
        ),
        Panel("Answers 5xx", "reqps", {"{{envoy_cluster_name}}": f"service:envoy_cluster_upstream_rq_5xx:rate1m{service}"}),
        Panel(
            "Replicas",
            "short",
            {
                "{{horizontalpodautoscaler}}": f"kube_horizontalpodautoscaler_status_current_replicas{{{replicas}}}",
                "{{horizontalpodautoscaler}} wanted": f"kube_horizontalpodautoscaler_status_desired_replicas{{{replicas}}}",
                "{{horizontalpodautoscaler}} at most": f"kube_horizontalpodautoscaler_spec_max_replicas{{{replicas}}}",
            },
        ),
        Panel("CPU a replica", "cores", {"{{pod}}": f"pod:container_cpu_usage_seconds:rate1m{pods}"}),
        Panel(
            "CPU periods throttled",
            "percentunit",
            {"{{pod}}": f"pod:container_cpu_cfs_throttled_periods:rate1m{pods} / pod:container_cpu_cfs_periods:rate1m{pods}"},
        ),
        Panel(
            "Connections of the gateway",
            "short",
            {
                "from users": f"sum(envoy_http_downstream_cx_active{{{own}}})",
                "to {{envoy_cluster_name}}": f"sum by (envoy_cluster_name) (envoy_cluster_upstream_cx_active{{{own}}})",
            },
        ),
        Panel(
            "Requests in flight",
            "short",
            {
                "{{envoy_cluster_name}}": f"sum by (envoy_cluster_name) (envoy_cluster_upstream_rq_active{{{own}}})",
            },
        ),
    ]
