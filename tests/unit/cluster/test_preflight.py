from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from fakes.tiny_platform import tiny_platform, tiny_policy
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.preflight import METRICS_API, Plan, check
from scaleproof.spec.errors import BadInputError, CannotMeasureError

PLATFORM = tiny_platform(("alpha", "beta"))
PLAN = Plan(PLATFORM, tiny_policy(PLATFORM), SPACE)


def quota(kube: FakeKube, **hard: str) -> None:
    path = f"/api/v1/namespaces/{SPACE}/resourcequotas/small"
    names = {name.replace("_", "."): amount for name, amount in hard.items()}
    kube.put(path, {"kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": names}, "status": {"used": {}}})


def test_a_whole_cluster_is_fine(api: KubeApi) -> None:
    check(api, PLAN)


def test_no_metrics_server(kube: FakeKube, api: KubeApi) -> None:
    del kube.objects[METRICS_API]
    with pytest.raises(CannotMeasureError, match="has no metrics-server") as caught:
        check(api, PLAN)
    assert "install it" in (caught.value.hint or "")


def test_a_metrics_server_that_does_not_answer(kube: FakeKube, api: KubeApi) -> None:
    kube.available("v1beta1.metrics.k8s.io", "False", "failing or missing response")
    with pytest.raises(CannotMeasureError, match="does not answer \\(failing or missing response"):
        check(api, PLAN)


def test_who_may_not_ask_for_it_is_let_through(kube: FakeKube, api: KubeApi) -> None:
    kube.denied.add(METRICS_API)
    check(api, PLAN)


def test_no_gateway_api_unless_the_stack_installs_it(kube: FakeKube, api: KubeApi) -> None:
    del kube.kinds["gateway.networking.k8s.io/v1"]
    with pytest.raises(CannotMeasureError, match="no Gateway API \\(GatewayClass, Gateway, HTTPRoute"):
        check(api, PLAN)
    check(api, Plan(PLATFORM, PLAN.policy, SPACE, installs_gateway=True))


def test_an_old_cluster(kube: FakeKube, api: KubeApi) -> None:
    kube.texts["/version"] = '{"major": "1", "minor": "22+", "gitVersion": "v1.22.1"}'
    answer = kube.answer
    kube.answer = lambda method, target, *rest: (
        (200, kube.texts["/version"]) if target == "/version" else answer(method, target, *rest)
    )
    with pytest.raises(CannotMeasureError, match=r"v1\.22\.1; at least 1\.26"):
        check(api, PLAN)


def test_a_quota_that_holds_everything_at_its_maximum(kube: FakeKube, api: KubeApi) -> None:
    quota(kube, requests_cpu="2400m", limits_memory="512Mi", pods="8", count_pods="1")
    check(api, PLAN)


@pytest.mark.parametrize(
    ("hard", "words"),
    [
        ({"requests_cpu": "2"}, "requests.cpu 2, but all services at maxReplicas need 2400m, beside 0m of others"),
        ({"cpu": "2"}, "cpu 2, but"),
        ({"limits_memory": "500Mi"}, "limits.memory 500Mi, but all services at maxReplicas need 512Mi"),
        ({"pods": "7"}, "pods 7, but all services at maxReplicas need 8"),
    ],
)
def test_a_quota_that_is_too_small(kube: FakeKube, api: KubeApi, hard: dict, words: str) -> None:
    quota(kube, **hard)
    with pytest.raises(BadInputError) as caught:
        check(api, PLAN)
    assert words in str(caught.value)
    assert "maxReplicas" in (caught.value.hint or "")


def test_what_others_use_of_a_quota_counts_and_what_the_services_use_does_not(services: FakeKube, api: KubeApi) -> None:
    services.pods(SPACE)
    quota(services, requests_cpu="2500m")
    services.objects[f"/api/v1/namespaces/{SPACE}/resourcequotas/small"]["status"] = {"used": {"requests.cpu": "700m"}}
    check(api, PLAN)  # 600m of the 700m are alpha's and beta's own
    services.objects[f"/api/v1/namespaces/{SPACE}/resourcequotas/small"]["status"] = {"used": {"requests.cpu": "800m"}}
    with pytest.raises(BadInputError, match="beside 200m of others"):
        check(api, PLAN)


def test_a_quota_for_some_pods_only_is_left_alone(kube: FakeKube, api: KubeApi) -> None:
    quota(kube, pods="1")
    kube.objects[f"/api/v1/namespaces/{SPACE}/resourcequotas/small"]["spec"]["scopes"] = ["BestEffort"]
    check(api, PLAN)
