"""`--target kube` without Pulumi's engine: what is said where the cluster, or the stack's file, is not as it must be."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.command import typed
from fakes.kube_api_server import FakeKube, autoscaler, deployment

REPOSITORY = Path(__file__).parents[3]
SPACE = "reference-cluster"


@pytest.fixture
def kube() -> Iterator[FakeKube]:
    with FakeKube() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("platform.yaml", "Pulumi.yaml", "Pulumi.cluster.yaml", "Pulumi.dev.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def on_kube(project: Path, verb: str, *arguments: str, kube: FakeKube | None = None):
    file = project / "kubeconfig"
    if kube is not None:
        file.write_text(kube.kubeconfig())
    # Without an engine on PATH, so that it is the same on every machine.
    target = ("--target", "kube", "--stack", "cluster")
    return typed(project, verb, *target, *arguments, KUBECONFIG=str(file), PATH="/usr/bin:/bin")


def running(kube: FakeKube) -> None:
    """The platform's services, as the stack's file has them."""
    kube.put(f"/api/v1/namespaces/{SPACE}", {"kind": "Namespace", "metadata": {"name": SPACE}})
    for name, most in (("orders", 6), ("dashboard", 2)):
        item = deployment(name, SPACE, cpu="100m", memory="256Mi")
        item["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = "160Mi"
        kube.put(f"/apis/apps/v1/namespaces/{SPACE}/deployments/{name}", item)
        path = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/{name}"
        kube.put(path, autoscaler(name, SPACE, most=most))


def said(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    for part in parts:
        assert part in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_no_kubeconfig(project):
    said(on_kube(project, "up"), 2, "no such kubeconfig", "set KUBECONFIG")


def test_a_cluster_that_does_not_answer(project):
    with FakeKube() as gone:
        (project / "kubeconfig").write_text(gone.kubeconfig())
    said(on_kube(project, "status"), 3, "does not answer", "is the cluster up")


def test_no_metrics_server_is_said_before_anything_else(project, kube):
    kube.objects.pop("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io")
    said(on_kube(project, "up", kube=kube), 3, "no metrics-server", "install it")


def test_no_gateway_api(project, kube):
    kube.kinds.pop("gateway.networking.k8s.io/v1")
    said(on_kube(project, "up", kube=kube), 3, "no Gateway API", "controller: install")


def test_no_engine(project, kube):
    said(on_kube(project, "up", kube=kube), 2, "Pulumi's engine is not installed", "pulumi.com/docs/install")


def test_what_does_not_run(project, kube):
    said(on_kube(project, "status", kube=kube), 1, "does not run", "scaleproof up --target kube --stack cluster")
    said(on_kube(project, "load", kube=kube), 3, "does not run on this cluster", "scaleproof up --target kube")


def test_what_runs(project, kube):
    running(kube)
    said(on_kube(project, "status", kube=kube), 0, "orders", "1–6", "dashboard", "1–2")


def test_a_stack_without_a_load_generator(project, kube):
    text = (project / "Pulumi.cluster.yaml").read_text()
    (project / "Pulumi.cluster.yaml").write_text(text.replace("enabled: true", "enabled: false"))
    running(kube)
    said(on_kube(project, "load", kube=kube), 2, "no load generator", "load_test: {enabled: true}")


def test_a_wrong_setting_of_the_stack(project, kube):
    text = (project / "Pulumi.cluster.yaml").read_text()
    (project / "Pulumi.cluster.yaml").write_text(text.replace("workers: 1", "worker: 1"))
    said(on_kube(project, "up", kube=kube), 2, "Pulumi.cluster.yaml:", "worker", "did you mean 'workers'?")


def test_what_only_one_target_has(project, kube):
    said(on_kube(project, "up", "--attach", kube=kube), 2, "--attach is for --target local")
    said(typed(project, "preview"), 2, "scaleproof preview --target kube")
