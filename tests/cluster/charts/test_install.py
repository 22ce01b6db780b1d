"""The charts on a real cluster: installed, tested by `helm test`, and a load played by the pods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kubernetes import config as kube_config

from fakes.progress import FakeProgress
from scaleproof.load.distributed import DistributedGenerator
from scaleproof.load.pod_exec import KubeGeneratorPods
from scaleproof.spec.platform import Platform
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan
from scripts.cluster.places import default_places
from tests.cluster.charts.helm import CHARTS, LOCUST_IMAGE, NO_METRICS, REDIS_IMAGE, VALKEY_IMAGE, helm, values_file

NAMESPACE = "charts-test"
SMALL = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
SERVER = """
import asyncio
async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    await (await asyncio.start_server(serve, "0.0.0.0", 8080, backlog=4096)).serve_forever()
asyncio.run(main())
"""
RESOURCES = {"cpu": "1", "memory": "64Mi"}
SHOP = {
    "version": 1,
    "name": "shop",
    "services": {
        "orders": {
            "image": "x",
            "routes": ["/orders"],
            "resources": {"requests": RESOURCES, "limits": RESOURCES},
            "slo": {"latency_ms": 200, "share": 0.9},
        }
    },
}
LOCUSTFILE = """
from locust import task
from scaleproof.load import JourneyUser, serves

class Shopper(JourneyUser):
    @task
    @serves("orders")
    def look(self):
        self.client.get(f"/orders/{self.random.randrange(100)}", name="/orders/[id]")
"""


class Cluster:
    """kubectl and helm on one namespace of the test cluster."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self._folder = folder

    def kubectl(self, *words: str, text: str | None = None) -> str:
        program = shutil.which("kubectl", path=f"{default_places().programs}{os.pathsep}{os.environ['PATH']}")
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [str(program), "-n", NAMESPACE, *words], input=text, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *documents: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", text="\n---\n".join(json.dumps(each) for each in documents))

    def install(self, release: str, chart: str, values: dict[str, Any]) -> None:
        self.helm(
            "install",
            release,
            str(CHARTS / chart),
            "--values",
            str(values_file(self._folder, values)),
            "--wait",
            "--timeout",
            "120s",
        )

    def helm(self, *words: str) -> str:
        done = helm(*words, "--namespace", NAMESPACE, KUBECONFIG=str(self.kubeconfig))
        assert done.returncode == 0, done.stderr + self.kubectl("get", "pods,events")
        return done.stdout


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(kubeconfig, tmp_path_factory.mktemp("values"))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    yield made
    made.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=120s")


@pytest.mark.parametrize(
    ("release", "values"),
    [
        ("cache", {"role": "cache", "image": VALKEY_IMAGE, "metrics": NO_METRICS}),
        ("state", {"role": "state", "image": REDIS_IMAGE, "engine": "redis", "metrics": NO_METRICS}),
    ],
)
def test_redis_serves_with_the_settings_it_was_given(cluster: Cluster, release: str, values: dict[str, Any]) -> None:
    secret = f"{release}-auth"
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {"password": "not-a-real-one"}}
    )
    cluster.install(release, "redis", values | {"auth": {"existingSecret": secret}, "persistence": {"whenDeleted": "Delete"}})
    assert "Succeeded" in cluster.helm("test", release)
    # What is written survives the server: it is killed, and the claim keeps the append-only file.
    pod = f"{release}-redis-0"
    cli = f"REDISCLI_AUTH=not-a-real-one {values.get('engine', 'valkey')}-cli"
    assert cluster.kubectl("exec", pod, "--", "sh", "-c", f"{cli} set kept yes && sleep 2").strip() == "OK"
    cluster.kubectl("delete", "pod", pod, "--wait=true")
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")
    assert cluster.kubectl("exec", pod, "--", "sh", "-c", f"{cli} get kept").strip() == "yes"
    cluster.helm("uninstall", release, "--wait")


def test_locust_with_its_page_finds_all_workers(cluster: Cluster) -> None:
    cluster.install("page", "locust", {"image": LOCUST_IMAGE, "worker": {"resources": SMALL}, "master": {"resources": SMALL}})
    assert "Succeeded" in cluster.helm("test", "page")
    cluster.helm("uninstall", "page", "--wait")


def test_the_pods_play_the_schedule_and_the_record_comes_home(cluster: Cluster, tmp_path: Path) -> None:
    image = f"{LOCUST_IMAGE['registry']}/{LOCUST_IMAGE['repository']}:{LOCUST_IMAGE['tag']}"
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 10_001,
    }
    container = {
        "name": "server",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": restricted | {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    metadata = {"name": "gateway", "labels": {"app": "gateway"}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": {"app": "gateway"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )
    values = {
        "mode": "standby",
        "image": LOCUST_IMAGE,
        "worker": {"replicas": 2, "resources": SMALL},
        "master": {"resources": SMALL},
    }
    cluster.install("locust", "locust", values)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/gateway", "--timeout=60s")

    client = kube_config.new_client_from_config(config_file=str(cluster.kubeconfig))
    pods = KubeGeneratorPods(client, NAMESPACE, "locust")
    generator = DistributedGenerator(f"http://gateway.{NAMESPACE}.svc", Platform.model_validate(SHOP), tmp_path / "work", pods)
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    plan = LoadPlan(
        users=1_000,
        shape=Shape("ramp", ((0.0, 0.2), (10.0, 1.0), (20.0, 1.0))),
        seed=3,
        think_seconds=(2.0, 4.0),
        locustfile=tmp_path / "locustfile.py",
    )
    result = generator.run(plan, FakeProgress())

    requests = result.tables["requests"]
    pd.testing.assert_frame_equal(result.tables["schedule"], generator.draw(plan))
    assert sorted(requests["action"]) == list(result.tables["schedule"]["action"])
    assert requests["ok"].mean() > 0.99
    assert result.tables["generator"]["generator_cores"].max() > 0
    # Nothing of the load stays in the pods.
    names = cluster.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=locust", "-o", "name").split()
    assert len(names) == 3
    for name in names:
        assert cluster.kubectl("exec", name, "--", "sh", "-c", "ls /tmp; pgrep -f locust/__main__ || true").strip() == ""
    cluster.helm("uninstall", "locust", "--wait")
