"""What runs on a cluster, as `scaleproof status --target kube` tells it."""

from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from fakes.tiny_platform import tiny_platform
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.stack_status import cluster_facts, pod_logs, stack_status
from scaleproof.report.status import status_lines
from scaleproof.spec.errors import BadInputError

PLATFORM = tiny_platform(("alpha", "beta"))
URL = "http://gateway.svc:8080"


def test_services_their_replicas_and_everything_else(services: FakeKube, api: KubeApi) -> None:
    redis = {
        "kind": "StatefulSet",
        "metadata": {"name": "redis", "namespace": SPACE},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "redis"}]}}},
    }
    services.put(f"/apis/apps/v1/namespaces/{SPACE}/statefulsets/redis", redis)
    state = stack_status(api, SPACE, PLATFORM, URL)
    assert state is not None
    alpha = state["services"]["alpha"]
    assert (alpha["ready"], alpha["desired"], alpha["min"], alpha["max"], alpha["held"]) == (1, 1, 1, 4, False)
    assert [replica["state"] for replica in alpha["replicas"]] == ["ready"]
    assert state["components"] == [{"name": "redis", "ready": True, "restarts": 0}]
    lines = "\n".join(status_lines(state))
    assert "gateway  http://gateway.svc:8080" in lines
    assert "alpha" in lines
    assert "redis" in lines


def test_a_namespace_that_is_not_there(api: KubeApi) -> None:
    assert stack_status(api, "elsewhere", PLATFORM, URL) is None


def test_logs_of_one_service_and_of_nobody(services: FakeKube, api: KubeApi) -> None:
    names = [pod["metadata"]["name"] for pod in services.pods(SPACE)]
    for name in names:
        services.texts[f"/api/v1/namespaces/{SPACE}/pods/{name}/log"] = f"first of {name}\nlast of {name}\n"
    (only,) = pod_logs(api, SPACE, "alpha", 2).items()
    assert only[0].startswith("alpha-")
    assert only[1] == [f"first of {only[0]}", f"last of {only[0]}"]
    assert len(pod_logs(api, SPACE, None, 2)) == 2
    with pytest.raises(BadInputError, match=r"no pod of gamma in namespace .*\n?.*there are: alpha, beta"):
        pod_logs(api, SPACE, "gamma", 2)


def test_the_nodes_are_the_machine(api: KubeApi) -> None:
    facts = cluster_facts(api)
    assert facts == {
        "nodes": 1,
        "cores": 2.0,
        "memory_bytes": 8 * 2**30,
        "kubernetes": "v1.36.3",
        "kernel": "6.1",
    }
