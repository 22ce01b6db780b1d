"""`scaleproof watch --target kube`, as a program reads it: Deployments, autoscalers, and what the gateway's proxies count."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fakes.command import typed
from fakes.kube_api_server import FakeKube, autoscaler, deployment

REPOSITORY = Path(__file__).parents[3]
SPACE = "reference-cluster"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("platform.yaml", "Pulumi.yaml", "Pulumi.cluster.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def watched(project: Path, kube: FakeKube, *arguments: str):
    (project / "kubeconfig").write_text(kube.kubeconfig())
    target = ("--target", "kube", "--stack", "cluster", "--interval", "0.2")
    return typed(project, "watch", *target, *arguments, KUBECONFIG=str(project / "kubeconfig"))


def running(kube: FakeKube) -> None:
    kube.put(f"/api/v1/namespaces/{SPACE}", {"kind": "Namespace", "metadata": {"name": SPACE}})
    for name in ("orders", "dashboard"):
        kube.put(f"/apis/apps/v1/namespaces/{SPACE}/deployments/{name}", deployment(name, SPACE, cpu="100m"))
        path = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/{name}"
        kube.put(path, autoscaler(name, SPACE, most=6))


def proxy(kube: FakeKube, *counts: int) -> None:
    """A proxy of the gateway that has so many answers more each time it is asked."""
    labels = {
        "gateway.envoyproxy.io/owning-gateway-name": "gateway",
        "gateway.envoyproxy.io/owning-gateway-namespace": SPACE,
    }
    space = "envoy-gateway-system"
    pod = {"kind": "Pod", "metadata": {"name": "envoy-1", "namespace": space, "labels": labels}}
    kube.put(f"/api/v1/namespaces/{space}/pods/envoy-1", pod)
    answers = iter(counts)

    def text() -> str:
        count = next(answers)
        series = f'envoy_cluster_name="orders"}} {count}\n'
        return (
            "# TYPE envoy_cluster_upstream_rq_time histogram\n"
            f'envoy_cluster_upstream_rq_time_bucket{{le="50",{series}'
            f'envoy_cluster_upstream_rq_time_bucket{{le="+Inf",{series}'
            "# TYPE envoy_cluster_upstream_rq_xx counter\n"
            f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{series}'
        )

    kube.texts[f"/api/v1/namespaces/{space}/pods/envoy-1:19001/proxy/stats/prometheus"] = text


def test_what_runs_on_a_cluster(project):
    with FakeKube() as kube:
        running(kube)
        proxy(kube, 100, 150)
        done = watched(project, kube, "--once", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["target"] == "kube"
    orders = document["services"]["orders"]
    assert (orders["ready"], orders["desired"], orders["maximum"], orders["source"]) == (1, 1, 6, "gateway")
    assert orders["rate"] > 50
    assert orders["keeps_slo"] is True
    assert document["services"]["dashboard"]["keeps_slo"] is None


def test_a_stack_that_does_not_run(project):
    with FakeKube() as kube:
        done = watched(project, kube, "--once")
    assert done.returncode == 3
    assert "scaleproof up --target kube --stack cluster" in done.stderr
