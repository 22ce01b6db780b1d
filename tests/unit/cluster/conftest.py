from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.kube_api_server import SPACE, FakeKube, autoscaler, deployment
from scaleproof.cluster.kube_api import KubeApi, connect


class Clock:
    """Time that passes only when somebody sleeps, or looks away for a moment."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kube(clock: Clock):
    with FakeKube(clock=clock) as server:
        server.put(f"/api/v1/namespaces/{SPACE}", {"kind": "Namespace", "metadata": {"name": SPACE}})
        yield server


@pytest.fixture
def api(kube: FakeKube, tmp_path: Path) -> KubeApi:
    file = tmp_path / "kubeconfig"
    file.write_text(kube.kubeconfig())
    connected = connect(file)
    yield connected
    connected.close()


@pytest.fixture
def services(kube: FakeKube) -> FakeKube:
    """Two services with their autoscalers, each at one replica."""
    for name in ("alpha", "beta"):
        kube.put(f"/apis/apps/v1/namespaces/{SPACE}/deployments/{name}", deployment(name, SPACE, cpu="300m", memory="64Mi"))
        path = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/{name}"
        kube.answer(
            "PATCH",
            f"{path}?fieldManager=pulumi-kubernetes-1&force=true",
            json.dumps(autoscaler(name, SPACE, most=4)).encode(),
            "application/apply-patch+yaml",
        )
    return kube
