"""Observability: what Prometheus scrapes, records and rings for, and the dashboard; kube-prometheus-stack where there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from scaleproof.components.grafana_dashboard import dashboard
from scaleproof.components.helm_release import HelmRelease, merged
from scaleproof.components.manifest import COMPONENT_LABEL, PART_OF_LABEL, Manifest, manifest, standard_labels
from scaleproof.components.network_policy import Peer, namespace_peer
from scaleproof.components.recording_rules import rule_file
from scaleproof.components.replica_pod import PORT_NAME
from scaleproof.components.resource import declare
from scaleproof.components.settings import ObservabilitySettings
from scaleproof.spec.platform import Platform

TYPE: Final = "scaleproof:components:Observability"
API_VERSION: Final = "monitoring.coreos.com/v1"
RELEASE: Final = "monitoring"
SCRAPE_SECONDS: Final = 15


@dataclass(frozen=True)
class ObservabilityArgs:
    """What is watched, and by whom."""

    platform: Platform
    namespace: str
    """Of the platform."""
    gateway_namespace: str
    monitoring_namespace: str
    """Of Prometheus; ours where we install it."""
    settings: ObservabilitySettings


def prometheus_url(args: ObservabilityArgs) -> str | None:
    """Where Prometheus answers; None where there is none."""
    if args.settings.mode == "install" and args.settings.prometheus_url is None:
        return f"http://{RELEASE}-kube-prometheus-prometheus.{args.monitoring_namespace}.svc.cluster.local:9090"
    return args.settings.prometheus_url


def grafana_url(args: ObservabilityArgs) -> str | None:
    """Where Grafana answers; None where there is none."""
    if args.settings.mode == "install" and args.settings.grafana_url is None:
        return f"http://{RELEASE}-grafana.{args.monitoring_namespace}.svc.cluster.local"
    return args.settings.grafana_url


def scraper_peers(settings: ObservabilitySettings, monitoring_namespace: str) -> list[Peer]:
    """Who may scrape, for network policies."""
    return [] if settings.mode == "none" else [namespace_peer(monitoring_namespace)]


def stack_release(args: ObservabilityArgs) -> HelmRelease | None:
    """kube-prometheus-stack without its node exporter: that needs the host's file system, which `restricted` refuses."""
    settings = args.settings
    if settings.mode != "install":
        return None
    everywhere = {f"{kind}SelectorNilUsesHelmValues": False for kind in ("podMonitor", "serviceMonitor", "rule")}
    values: dict[str, Any] = {
        "fullnameOverride": f"{RELEASE}-kube-prometheus",
        "nodeExporter": {"enabled": False},
        "prometheus": {"prometheusSpec": everywhere},
        "grafana": {"fullnameOverride": f"{RELEASE}-grafana", "sidecar": {"dashboards": {"searchNamespace": "ALL"}}},
    }
    local = not settings.chart.startswith("oci://")
    return HelmRelease(
        RELEASE,
        args.monitoring_namespace,
        settings.chart,
        version=None if local else settings.chart_version,
        values=merged(values, settings.values),
    )


def observability_manifests(args: ObservabilityArgs) -> list[Manifest]:
    """With the Prometheus Operator its own kinds, otherwise the rules as a file in a ConfigMap; always the dashboard."""
    if args.settings.mode == "none":
        return []
    name, namespace = args.platform.name, args.namespace
    labels = standard_labels("observability", name, "observability")
    rules = rule_file(args.platform, namespace)
    shown = json.dumps(dashboard(args.platform, namespace), indent=1)
    found = [
        manifest(
            "v1",
            "ConfigMap",
            "scaleproof-dashboard",
            namespace,
            {**labels, "grafana_dashboard": "1"},
            data={f"scaleproof-{namespace}.json": shown},
        )
    ]
    if args.settings.mode == "existing" and not args.settings.operator:
        data = {"scaleproof.rules.json": json.dumps(rules, indent=1)}  # JSON is YAML: Prometheus reads it
        return [*found, manifest("v1", "ConfigMap", "scaleproof-rules", namespace, labels, data=data)]
    return [
        *found,
        manifest(API_VERSION, "PrometheusRule", "scaleproof", namespace, labels, spec=rules),
        _pod_monitor("services", args, labels, namespace, {PART_OF_LABEL: name, COMPONENT_LABEL: "service"}, PORT_NAME),
        _pod_monitor(
            "gateway",
            args,
            labels,
            args.gateway_namespace,
            {"gateway.envoyproxy.io/owning-gateway-namespace": namespace},
            "metrics",
            path="/stats/prometheus",
        ),
    ]


class Observability(pulumi.ComponentResource):
    """Monitors, rules, alerts, dashboard; `prometheus_url` and `grafana_url` are None where there is none."""

    def __init__(
        self,
        name: str,
        args: ObservabilityArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`depends_on`: the namespaces."""
        super().__init__(TYPE, name, None, opts)
        before: list[pulumi.Resource] = list(depends_on)
        release = stack_release(args)
        if release is not None:
            before.append(release.declare(parent=self, depends_on=before))
        for item in observability_manifests(args):
            declare(item, parent=self, depends_on=before)
        self.prometheus_url = prometheus_url(args)
        self.grafana_url = grafana_url(args)
        self.register_outputs({"prometheusUrl": self.prometheus_url, "grafanaUrl": self.grafana_url})


def _pod_monitor(
    name: str,
    args: ObservabilityArgs,
    labels: dict[str, str],
    namespace: str,
    pods: dict[str, str],
    port: str,
    path: str = "/metrics",
) -> Manifest:
    spec = {
        "namespaceSelector": {"matchNames": [namespace]},
        "selector": {"matchLabels": pods},
        "podMetricsEndpoints": [{"port": port, "path": path, "interval": f"{SCRAPE_SECONDS}s"}],
    }
    return manifest(API_VERSION, "PodMonitor", name, args.namespace, labels, spec=spec)
