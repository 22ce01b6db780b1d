"""Prometheus rules as data: what is recorded (`level:metric:operations`; ratios are never averaged) and what rings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scaleproof.spec.platform import Platform

Rule = dict[str, Any]
BURN_WINDOWS: Final = (("1h", "5m", 14.4, "critical"), ("6h", "30m", 6.0, "warning"))
"""Long and short window, burn rate, severity (Google SRE workbook, "Alerting on SLOs": 2 % and 5 % of a month's budget)."""
DAYS_OF_BUDGET: Final = 30


@dataclass(frozen=True)
class Alert:
    """One alert: what is wrong, and what to do."""

    name: str
    expression: str
    for_: str
    severity: str
    summary: str
    fix: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside the severity. Two alerts of one name need different ones: Prometheus would mix their states."""

    def rule(self) -> Rule:
        """As Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.for_,
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {"summary": self.summary, "description": self.fix},
        }


def rule_file(platform: Platform, namespace: str) -> dict[str, Any]:
    """A rule file (`groups`), which is also the spec of a PrometheusRule. `namespace` is the platform's."""
    return {
        "groups": [
            {"name": f"{namespace}.gateway", "interval": "15s", "rules": _gateway_rules(platform, namespace)},
            {"name": f"{namespace}.replicas", "interval": "15s", "rules": _replica_rules(namespace)},
            {"name": f"{namespace}.alerts", "rules": [alert.rule() for alert in alerts(platform, namespace)]},
        ]
    }


def proxies(namespace: str) -> str:
    """Label matchers of this platform's own Envoy pods."""
    return f'pod=~"{namespace}-(gateway|internal)-.+"'


def request_rate(service: str, namespace: str, window: str = "1m") -> str:
    """Requests/s of one service over all proxies: what KEDA scales by."""
    return f'sum(rate(envoy_cluster_upstream_rq_total{{{proxies(namespace)},envoy_cluster_name="{service}"}}[{window}]))'


def alerts(platform: Platform, namespace: str) -> list[Alert]:
    """Everything that rings."""
    found = [*_burn_alerts(platform, namespace), *_capacity_alerts(namespace)]
    overflow = " + ".join(
        f"sum by (envoy_cluster_name) (rate(envoy_cluster_{name}{{{proxies(namespace)}}}[5m]))"
        for name in ("upstream_cx_overflow", "upstream_rq_pending_overflow", "upstream_rq_retry_overflow")
    )
    found.append(
        Alert(
            "ScaleproofGatewayOverflow",
            f"({overflow}) > 0",
            "2m",
            "critical",
            "A circuit breaker or the retry budget of {{ $labels.envoy_cluster_name }} refuses requests.",
            "More connections than load.users allows for, or a service that fails: raise load.users in platform.yaml, or mend it.",
        )
    )
    return found


def _gateway_rules(platform: Platform, namespace: str) -> list[Rule]:
    names = "|".join(platform.services)
    select = f'{proxies(namespace)},envoy_cluster_name=~"{names}"'
    by = "sum by (envoy_cluster_name)"
    return [
        {
            "record": "service:envoy_cluster_upstream_rq:rate1m",
            "expr": f"{by} (rate(envoy_cluster_upstream_rq_total{{{select}}}[1m]))",
        },
        {
            "record": "service:envoy_cluster_upstream_rq_5xx:rate1m",
            "expr": f'{by} (rate(envoy_cluster_upstream_rq_xx{{{select},envoy_response_code_class="5"}}[1m]))',
        },
        {
            "record": "service_le:envoy_cluster_upstream_rq_time_bucket:rate1m",
            "expr": f"sum by (envoy_cluster_name, le) (rate(envoy_cluster_upstream_rq_time_bucket{{{select}}}[1m]))",
        },
        {
            "record": "service:envoy_cluster_upstream_rq_time:p95_1m",
            "expr": "histogram_quantile(0.95, service_le:envoy_cluster_upstream_rq_time_bucket:rate1m)",
        },
    ]


def _replica_rules(namespace: str) -> list[Rule]:
    select = f'namespace="{namespace}",container!="",container!="POD"'
    return [
        {
            "record": f"pod:{metric}:rate1m",
            "expr": f"sum by (pod) (rate({metric}_total{{{select}}}[1m]))",
            "labels": {"platform_namespace": namespace},
        }
        for metric in (
            "container_cpu_usage_seconds",
            "container_cpu_cfs_periods",
            "container_cpu_cfs_throttled_periods",
        )
    ]


def _burn_alerts(platform: Platform, namespace: str) -> list[Alert]:
    found = []
    for name, service in platform.services.items():
        for long, short, rate, severity in BURN_WINDOWS:
            limit = min(rate * service.slo.budget, 0.99)
            late = [_late_share(name, namespace, service.slo.latency_ms, window) for window in (long, short)]
            found.append(
                Alert(
                    "ScaleproofSloBurn",
                    " and ".join(f"({share}) > {limit:g}" for share in late),
                    "1m",
                    severity,
                    f"{name} misses its SLO of {service.slo.latency_ms:g} ms for {service.slo.share:.4g} of its requests, "
                    f"{rate:g} times faster than {DAYS_OF_BUDGET} days of budget allow.",
                    "Look at the dashboard: replicas at their maximum, throttled, or a slow dependency? Then `scaleproof tune`.",
                    {"service": name},
                )
            )
    return found


def _late_share(service: str, namespace: str, latency_ms: float, window: str) -> str:
    select = f'{proxies(namespace)},envoy_cluster_name="{service}"'
    metric = "envoy_cluster_upstream_rq_time"
    in_time = f'sum(rate({metric}_bucket{{{select},le="{latency_ms:g}"}}[{window}]))'
    return f"1 - {in_time} / sum(rate({metric}_count{{{select}}}[{window}]))"


def _capacity_alerts(namespace: str) -> list[Alert]:
    select, hpa = f'namespace="{namespace}"', "kube_horizontalpodautoscaler"
    by = "sum by (pod)"
    cfs = f'namespace="{namespace}",container!="",container!="POD"'
    throttled = f"{by} (rate(container_cpu_cfs_throttled_periods_total{{{cfs}}}[5m]))"
    return [
        Alert(
            "ScaleproofAtMaxReplicas",
            f"{hpa}_status_current_replicas{{{select}}} >= {hpa}_spec_max_replicas{{{select}}}",
            "10m",
            "warning",
            "{{ $labels.horizontalpodautoscaler }} has been at its maximum for ten minutes.",
            "It cannot grow any more: `scaleproof tune` with this load, or raise maxReplicas.",
        ),
        Alert(
            "ScaleproofAutoscalerBlind",
            f'{hpa}_status_condition{{{select},condition="ScalingActive",status="false"}} == 1',
            "5m",
            "critical",
            "{{ $labels.horizontalpodautoscaler }} gets no metrics and decides nothing.",
            "Is metrics-server (or KEDA's Prometheus) up? `kubectl describe hpa` says what is missing.",
        ),
        Alert(
            "ScaleproofThrottled",
            f"{throttled} / {by} (rate(container_cpu_cfs_periods_total{{{cfs}}}[5m])) > 0.5",
            "10m",
            "warning",
            "{{ $labels.pod }} spends half of its CPU periods waiting for quota.",
            "The tail comes from there: a lower target or a higher limit. `scaleproof calibrate` sizes both.",
        ),
    ]
