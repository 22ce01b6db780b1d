from __future__ import annotations

import pytest

from scaleproof.components.horizontal_autoscaler import horizontal_pod_autoscaler, scaled_object, states_tolerance
from scaleproof.components.manifests import render
from scaleproof.spec.autoscaling import AutoscalingSpec

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
SPEC = {
    "minReplicas": 2,
    "maxReplicas": 9,
    "metrics": [CPU],
    "behavior": {"scaleUp": {"tolerance": "0.05", "stabilizationWindowSeconds": 0}, "scaleDown": {"tolerance": "0.1"}},
}


def rendered(spec: dict, *, tolerance: bool = True) -> dict:
    parsed = AutoscalingSpec.model_validate(spec)
    return horizontal_pod_autoscaler("orders", "shop", {"a": "b"}, parsed, tolerance=tolerance)["spec"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(SPEC, SPEC, id="as the policy says it"),
        pytest.param({"maxReplicas": 3}, {"minReplicas": 1, "maxReplicas": 3}, id="no metrics: the API server's default"),
        pytest.param(
            {"maxReplicas": 3, "behavior": {}},
            {"minReplicas": 1, "maxReplicas": 3, "behavior": {}},
            id="an empty behaviour stays",
        ),
    ],
)
def test_what_the_policy_says(spec, expected):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    assert rendered(spec) == {**expected, "scaleTargetRef": target}


def test_an_older_cluster_gets_no_tolerance():
    assert rendered(SPEC, tolerance=False)["behavior"] == {"scaleUp": {"stabilizationWindowSeconds": 0}, "scaleDown": {}}


@pytest.mark.parametrize(
    ("spec", "states"),
    [(SPEC, True), ({"maxReplicas": 3}, False), ({"maxReplicas": 3, "behavior": {"scaleUp": {}}}, False)],
)
def test_states_tolerance(spec, states):
    assert states_tolerance(AutoscalingSpec.model_validate(spec)) is states


@pytest.mark.parametrize(("version", "known"), [("1.33", False), ("1.34", False), ("1.35", True), ("1.36", True)])
def test_the_clusters_version_decides(inputs, version, known):
    autoscalers = [item for item in render(inputs(kubernetes_version=version)) if item["kind"] == "HorizontalPodAutoscaler"]
    assert [("tolerance" in item["spec"]["behavior"]["scaleUp"]) for item in autoscalers] == [known, known]


class TestKeda:
    keda = {"prometheus_url": "http://prometheus:9090", "requests_per_replica": {"orders": 87.5}}

    def test_requests_a_replica_instead_of_cpu(self):
        item = scaled_object(
            "orders",
            "shop",
            {},
            AutoscalingSpec.model_validate(SPEC),
            prometheus_url="http://p:9090",
            query="sum(rate(x[1m]))",
            requests_per_replica=87.5,
            tolerance=True,
        )
        assert (item["apiVersion"], item["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
        assert item["spec"] == {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
            "minReplicaCount": 2,
            "maxReplicaCount": 9,
            "pollingInterval": 15,
            "advanced": {"horizontalPodAutoscalerConfig": {"name": "orders", "behavior": SPEC["behavior"]}},
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {"serverAddress": "http://p:9090", "query": "sum(rate(x[1m]))", "threshold": "87.5"},
                }
            ],
        }

    def test_for_the_services_that_are_named(self, inputs):
        found = {
            item["metadata"]["name"]: item["kind"] for item in render(inputs(keda=self.keda)) if "scaleTargetRef" in str(item)
        }
        assert found == {"orders": "ScaledObject", "front-page": "HorizontalPodAutoscaler"}

    def test_the_query_is_the_services_own_rate_at_this_platforms_gateway(self, inputs):
        item = next(item for item in render(inputs(keda=self.keda)) if item["kind"] == "ScaledObject")
        assert item["spec"]["triggers"][0]["metadata"]["query"] == (
            'sum(rate(envoy_cluster_upstream_rq_total{pod=~"shop-dev-(gateway|internal)-.+",envoy_cluster_name="orders"}[1m]))'
        )
