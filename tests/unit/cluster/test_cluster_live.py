"""A cluster's services as `scaleproof watch --target kube` sees them."""

from __future__ import annotations

import math

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.live import gateway_texts, service_readings
from scaleproof.cluster.observer import Watched
from scaleproof.cluster.suspension import ANNOTATION
from scaleproof.spec.errors import CannotMeasureError

WATCHED = Watched(SPACE, {"alpha": 8000, "beta": 8000, "not-there": 8000}, gateway_namespace="gw", gateway_labels="app=envoy")


def pods_of(kube: FakeKube, service: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in kube.pods(SPACE) if pod["metadata"]["owner"] == service]


def use(kube: FakeKube, service: str, cpu: str) -> None:
    """What metrics-server says of each of its pods."""
    for name in pods_of(kube, service):
        entry = {
            "kind": "PodMetrics",
            "metadata": {"name": name, "namespace": SPACE},
            "timestamp": "2027-01-15T08:00:00Z",
            "window": "15s",
            "containers": [{"name": service, "usage": {"cpu": cpu, "memory": "10Mi"}}],
        }
        kube.put(f"/apis/metrics.k8s.io/v1beta1/namespaces/{SPACE}/pods/{name}", entry)


def decide(kube: FakeKube, service: str, current: int, desired: int, **more: object) -> None:
    """What the autoscaler has published."""
    path = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/{service}"
    conditions = [
        {"type": "AbleToScale", "status": "True", "reason": "SucceededRescale", "message": "the HPA was able to update"},
        {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": ""},
        {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange", "message": ""},
    ]
    metric = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 95, "averageValue": "285m"}}}
    status = {
        "currentReplicas": current,
        "desiredReplicas": desired,
        "conditions": conditions,
        "currentMetrics": [metric],
        **more,
    }
    kube.put(path, {**kube.objects[path], "status": status})


def test_replicas_cpu_and_the_autoscalers_last_word(services: FakeKube, api: KubeApi) -> None:
    service_readings(api, WATCHED)  # the fake's pods come with the first question
    use(services, "alpha", "240m")
    decide(services, "alpha", 1, 2, lastScaleTime="2027-01-15T08:00:00Z")
    found = service_readings(api, WATCHED)
    assert set(found) == {"alpha", "beta"}
    alpha = found["alpha"]
    assert (alpha.ready, alpha.desired, alpha.minimum, alpha.maximum, alpha.held) == (1, 1, 1, 4, False)
    assert alpha.states == {"ready": 1}
    assert alpha.request_millicores == 300
    assert alpha.cpu_cores == pytest.approx(0.24)
    assert alpha.decision is not None
    assert (alpha.decision.current, alpha.decision.desired, alpha.decision.reason) == (1, 2, "MetricAboveTarget")
    assert (alpha.decision.utilization, alpha.decision.target) == (95.0, 80.0)
    assert alpha.decision.time == 1_800_000_000.0
    beta = found["beta"]
    assert beta.cpu_cores is None, "metrics-server has nothing of it"
    assert beta.decision is None, "before the first sync"


def test_a_count_that_stays_has_no_time(services: FakeKube, api: KubeApi) -> None:
    decide(services, "alpha", 2, 2, lastScaleTime="2027-01-15T08:00:00Z")
    decision = service_readings(api, WATCHED)["alpha"].decision
    assert decision is not None
    assert decision.time is None


def test_a_service_that_is_held_says_so(services: FakeKube, api: KubeApi) -> None:
    path = f"/apis/apps/v1/namespaces/{SPACE}/deployments/alpha"
    held = services.objects[path]
    services.put(path, {**held, "metadata": {**held["metadata"], "annotations": {ANNOTATION: "{}"}}})
    assert service_readings(api, WATCHED)["alpha"].held


def test_without_metrics_server_the_cpu_is_not_known(services: FakeKube, api: KubeApi) -> None:
    services.denied.add(f"/apis/metrics.k8s.io/v1beta1/namespaces/{SPACE}/pods")
    assert service_readings(api, WATCHED)["alpha"].cpu_cores is None


def test_an_autoscaler_without_a_usable_metric(services: FakeKube, api: KubeApi) -> None:
    decide(services, "alpha", 1, 1, currentMetrics=None)
    decision = service_readings(api, WATCHED)["alpha"].decision
    assert decision is not None
    assert math.isnan(decision.utilization)


def test_every_proxy_of_the_gateway_is_asked_and_one_that_is_gone_is_left_out(services: FakeKube, api: KubeApi) -> None:
    for name in ("envoy-1", "envoy-2"):
        pod = {"kind": "Pod", "metadata": {"name": name, "namespace": "gw", "labels": {"app": "envoy"}}}
        services.put(f"/api/v1/namespaces/gw/pods/{name}", pod)
    services.texts["/api/v1/namespaces/gw/pods/envoy-1:19001/proxy/stats/prometheus"] = "statistics"
    assert list(gateway_texts(api, WATCHED)) == ["statistics"]
    assert list(gateway_texts(api, Watched(SPACE, {}))) == []


def test_a_cluster_that_does_not_answer_is_said(services: FakeKube, api: KubeApi) -> None:
    services.denied.add(f"/apis/apps/v1/namespaces/{SPACE}/deployments")
    with pytest.raises(CannotMeasureError):
        service_readings(api, WATCHED)
