from __future__ import annotations

import json

import pytest

from scaleproof.components.grafana_dashboard import dashboard, panels
from scaleproof.components.manifests import releases
from scaleproof.components.network_policy import Flow, namespace_peer
from scaleproof.components.observability import grafana_url, observability_manifests, prometheus_url
from scaleproof.components.platform_parts import observability_args, service_args
from scaleproof.components.recording_rules import alerts, rule_file

EXISTING = {"mode": "existing", "prometheus_url": "http://p:9090", "grafana_url": "http://g", "namespace": "watch"}


def args(inputs, **observability):
    return observability_args(inputs(observability=observability))


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({"mode": "none"}, []),
        ({"mode": "install"}, ["ConfigMap", "PrometheusRule", "PodMonitor", "PodMonitor"]),
        (EXISTING, ["ConfigMap", "PrometheusRule", "PodMonitor", "PodMonitor"]),
        ({**EXISTING, "operator": False}, ["ConfigMap", "ConfigMap"]),
    ],
    ids=["none", "install", "existing", "existing without operator"],
)
def test_what_is_made(inputs, settings, kinds):
    assert [item["kind"] for item in observability_manifests(args(inputs, **settings))] == kinds


@pytest.mark.parametrize(
    ("settings", "prometheus", "grafana"),
    [
        ({"mode": "none"}, None, None),
        (EXISTING, "http://p:9090", "http://g"),
        (
            {"mode": "install"},
            "http://monitoring-kube-prometheus-prometheus.shop-dev-monitoring.svc.cluster.local:9090",
            "http://monitoring-grafana.shop-dev-monitoring.svc.cluster.local",
        ),
        ({"mode": "install", "prometheus_url": "https://p", "grafana_url": "https://g"}, "https://p", "https://g"),
    ],
)
def test_addresses(inputs, settings, prometheus, grafana):
    made = args(inputs, **settings)
    assert (prometheus_url(made), grafana_url(made)) == (prometheus, grafana)


@pytest.mark.parametrize(
    ("settings", "url", "namespace", "port"),
    [
        (EXISTING, "http://p:9090", "watch", 9090),
        ({**EXISTING, "prometheus_url": "https://p"}, "https://p", "watch", 443),
        (
            {"mode": "install"},
            "http://monitoring-kube-prometheus-prometheus.shop-dev-monitoring.svc.cluster.local:9090",
            "shop-dev-monitoring",
            9090,
        ),
    ],
)
def test_who_may_read_prometheus_is_told_where_and_let_through_and_nobody_else(inputs, settings, url, namespace, port):
    made = inputs(observability={**settings, "read_by": ["orders"]})
    reader, other = (service_args(made, name, []) for name in ("orders", "front-page"))
    told = ("PROMETHEUS_URL", "PROMETHEUS_NAMESPACE")
    assert [reader.container.environment.get(name) for name in told] == [url, "shop-dev"]
    assert [other.container.environment.get(name) for name in told] == [None, None]
    way = Flow([namespace_peer(namespace)], [port])
    assert way in reader.egress
    assert way not in other.egress


def test_the_stack_is_installed_without_what_restricted_refuses(inputs):
    release = next(each for each in releases(inputs(observability={"mode": "install"})) if each["name"] == "monitoring")
    assert release["values"]["nodeExporter"] == {"enabled": False}
    assert release["namespace"] == "shop-dev-monitoring"
    assert release["values"]["fullnameOverride"] + "-prometheus" in prometheus_url(args(inputs, mode="install"))


def test_a_folder_has_its_own_version(inputs):
    made = inputs(observability={"mode": "install", "chart": "/charts/kps"})
    assert next(each for each in releases(made) if each["name"] == "monitoring")["version"] is None


def test_monitors_find_replicas_and_this_platforms_proxies(inputs):
    monitors = {
        item["metadata"]["name"]: item["spec"]
        for item in observability_manifests(args(inputs, mode="install"))
        if item["kind"] == "PodMonitor"
    }
    assert monitors["services"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/component": "service",
    }
    assert monitors["services"]["podMetricsEndpoints"] == [{"port": "http", "path": "/metrics", "interval": "15s"}]
    assert monitors["gateway"]["namespaceSelector"] == {"matchNames": ["envoy-gateway-system"]}
    assert monitors["gateway"]["selector"]["matchLabels"] == {"gateway.envoyproxy.io/owning-gateway-namespace": "shop-dev"}


def test_rules_as_a_file_where_there_is_no_operator(inputs):
    items = observability_manifests(args(inputs, **EXISTING, operator=False))
    text = next(item for item in items if item["metadata"]["name"] == "scaleproof-rules")["data"]["scaleproof.rules.json"]
    assert json.loads(text) == rule_file(inputs().platform, "shop-dev")


class TestRules:
    def test_records_are_named_level_metric_operations(self, inputs):
        groups = rule_file(inputs().platform, "shop-dev")["groups"]
        records = [rule["record"] for group in groups for rule in group["rules"] if "record" in rule]
        assert len(records) == 7
        assert all(record.count(":") == 2 for record in records)

    def test_ratios_are_never_recorded_nor_averaged(self, inputs):
        groups = rule_file(inputs().platform, "shop-dev")["groups"]
        for group in groups:
            for rule in group["rules"]:
                if "record" in rule:
                    assert "/" not in rule["expr"]
                assert "avg" not in rule["expr"]

    def test_the_slo_is_the_specs(self, inputs):
        burns = [alert for alert in alerts(inputs().platform, "shop-dev") if alert.name == "ScaleproofSloBurn"]
        assert len(burns) == 4  # two services, two windows
        fast = next(alert for alert in burns if alert.summary.startswith("front-page") and alert.severity == "critical")
        assert 'le="512"' in fast.expression
        assert fast.expression.endswith("> 0.144")  # 14.4 times 1 %
        assert "[1h]" in fast.expression
        assert "[5m]" in fast.expression

    def test_no_two_alerts_are_the_same_to_prometheus(self, inputs):
        found = [alert.rule() for alert in alerts(inputs().platform, "shop-dev")]
        names = [(rule["alert"], *sorted(rule["labels"].items())) for rule in found]
        assert len(set(names)) == len(names)

    def test_a_burn_rate_beyond_all_requests_can_still_ring(self, inputs):
        services = inputs().platform.model_dump(mode="json")["services"]
        services["orders"]["slo"] = {"latency_ms": 300, "share": 0.9}
        found = alerts(inputs(platform={"services": services}).platform, "n")
        assert any(alert.expression.endswith("> 0.99") for alert in found)

    def test_every_alert_says_what_to_do(self, inputs):
        rules = [alert.rule() for alert in alerts(inputs().platform, "shop-dev")]
        assert {rule["alert"] for rule in rules} == {
            "ScaleproofSloBurn",
            "ScaleproofAtMaxReplicas",
            "ScaleproofAutoscalerBlind",
            "ScaleproofThrottled",
            "ScaleproofGatewayOverflow",
        }
        assert all(rule["annotations"]["description"] and rule["for"] and rule["labels"]["severity"] for rule in rules)

    def test_overflow_of_the_circuit_breakers_rings(self, inputs):
        overflow = next(alert for alert in alerts(inputs().platform, "n") if alert.name == "ScaleproofGatewayOverflow")
        for metric in ("upstream_cx_overflow", "upstream_rq_pending_overflow", "upstream_rq_retry_overflow"):
            assert metric in overflow.expression


class TestDashboard:
    def test_panels_do_not_overlap_and_ask_what_is_recorded(self, inputs):
        model = dashboard(inputs().platform, "shop-dev")
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in model["panels"]]
        assert len(set(places)) == len(places) == 8
        recorded = {
            rule["record"]
            for group in rule_file(inputs().platform, "shop-dev")["groups"]
            for rule in group["rules"]
            if "record" in rule
        }
        asked = " ".join(query for panel in panels(inputs().platform, "shop-dev") for query in panel.queries.values())
        assert {name for name in recorded if name in asked} == recorded - {
            "service_le:envoy_cluster_upstream_rq_time_bucket:rate1m"
        }

    def test_any_prometheus_will_do(self, inputs):
        model = dashboard(inputs().platform, "shop-dev")
        assert model["templating"]["list"][0]["type"] == "datasource"
        assert {panel["datasource"]["uid"] for panel in model["panels"]} == {"${datasource}"}

    def test_its_id_fits_grafana(self, inputs):
        assert len(dashboard(inputs().platform, "n" * 54)["uid"]) <= 40
