"""What others think of the rendered manifests: kubeconform, kube-score, promtool, and the cluster's own Pod Security admission."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cluster.json_schemas import LOCATION, write_schemas
from ruamel.yaml import YAML

from scaleproof.cluster.kube_api import KubeError, connect
from scaleproof.components import manifests
from scaleproof.components.platform_inputs import check
from scripts.cluster import programs
from scripts.cluster.places import default_places

ROOT = Path(__file__).parents[2]
STACKS = ("cluster", "dev")
PLACES = default_places()

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", autouse=True)
def judges() -> None:
    # Not built here: in the network of the cluster, where these tests run, there is no registry.
    if not programs.is_built(programs.JUDGES, PLACES):
        pytest.fail("kube-score and kubeconform are not built: python -m scripts.cluster build --judges")


def run(program: str, *arguments: str, text: str = "", expect: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [PLACES.program(program), *arguments], input=text, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode in expect, done.stdout + done.stderr
    return done.stdout


def charts(stack: str) -> str:
    """What our own charts make of the values that the stack gives them."""
    found = []
    for release in manifests.releases(check(ROOT, stack)):
        if "/" in release["chart"] and Path(release["chart"]).is_dir():
            values = json.dumps(release["values"])
            arguments = ("template", release["name"], release["chart"], "--namespace", release["namespace"], "-f", "-")
            found.append(run("helm", *arguments, text=values))
    return "\n".join(found)


def everything(stack: str) -> str:
    return manifests.to_yaml(manifests.render(check(ROOT, stack))) + "\n---\n" + charts(stack)


@pytest.fixture(scope="module")
def schemas(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    api = connect(kubeconfig)
    try:
        assert write_schemas(api.get("/openapi/v2", timeout_seconds=60), folder) > 100
    finally:
        api.close()
    return folder


@pytest.mark.parametrize("stack", STACKS)
def test_kubeconform_knows_every_field(schemas: Path, stack: str) -> None:
    options = ("-strict", "-summary", "-output", "json", "-schema-location", f"{schemas}/{LOCATION}")
    # PodMonitor and its like belong to an operator that this cluster has not.
    without = ("-skip", "PodMonitor,PrometheusRule")
    answer = json.loads(run("kubeconform", *options, *without, text=everything(stack)))
    assert answer["summary"]["invalid"] == answer["summary"]["errors"] == 0
    assert answer["summary"]["valid"] > 30


def test_kubeconform_would_see_a_wrong_field(schemas: Path) -> None:
    wrong = manifests.to_yaml(manifests.render(check(ROOT, "cluster"))).replace("minReplicas:", "minReplica:", 1)
    options = ("-strict", "-summary", "-output", "json", "-schema-location", f"{schemas}/{LOCATION}")
    answer = json.loads(run("kubeconform", *options, "-skip", "PodMonitor,PrometheusRule", text=wrong, expect=(1,)))
    assert answer["summary"]["invalid"] == 1


@pytest.mark.parametrize("stack", STACKS)
def test_kube_score_finds_nothing_critical(stack: str) -> None:
    # The cluster for tests has images of its own, which nothing can pull.
    local = ("container-image-tag", "container-image-pull-policy") if stack == "cluster" else ()
    ignored = [word for test in local for word in ("--ignore-test", test)]
    answer = run("kube-score", "score", "--output-format", "ci", *ignored, "-", text=everything(stack), expect=(0, 1))
    assert [line for line in answer.splitlines() if line.startswith("[CRITICAL]")] == []


def test_promtool_accepts_the_rules(kubeconfig: Path) -> None:
    (rules,) = [
        item["data"]
        for item in manifests.render(check(ROOT, "cluster"))
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "scaleproof-rules"
    ]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    for name, text in rules.items():
        assert YAML(typ="safe").load(text)["groups"], name
        done = subprocess.run(
            [
                PLACES.program("kubectl"), "-n", "monitoring", "exec", "-i", "deployment/prometheus", "--",
                "sh", "-c", "cat > /prometheus/judged.yaml && promtool check rules /prometheus/judged.yaml",
            ],
            input=text, capture_output=True, text=True, env=environment, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_our_namespaces_let_no_unrestricted_pod_in(kubeconfig: Path) -> None:
    api = connect(kubeconfig)
    spaces = [item for item in manifests.render(check(ROOT, "cluster")) if item["kind"] == "Namespace"]
    assert len(spaces) == 2
    # Not `privileged`: this cluster's API server refuses that everywhere.
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rude"},
        "spec": {"hostNetwork": True, "containers": [{"name": "rude", "image": "x"}]},
    }
    try:
        for space in spaces:
            name = f"judged-{space['metadata']['name']}"
            copy = {**space, "metadata": {"name": name, "labels": space["metadata"]["labels"]}}
            api.create("/api/v1/namespaces", copy)
            try:
                with pytest.raises(KubeError, match=r'violates PodSecurity "restricted'):
                    api.create(f"/api/v1/namespaces/{name}/pods", pod)
            finally:
                api.delete(f"/api/v1/namespaces/{name}")
    finally:
        api.close()
