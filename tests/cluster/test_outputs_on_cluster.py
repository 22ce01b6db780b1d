"""What `export` writes, put to the real API server: the HPA it would make does what the policy says.

KEDA and VPA need controllers that this cluster has not: tests/unit/report/outputs compares the HPA that KEDA makes offline.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fakes.output_readers import effect
from scaleproof.components.horizontal_autoscaler import horizontal_pod_autoscaler
from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.helm_values import helm_values
from scaleproof.report.outputs.hpa import hpa
from scaleproof.report.outputs.json_patch import json_patch
from scaleproof.report.outputs.kustomize import kustomize
from scaleproof.report.outputs.pulumi import pulumi
from scaleproof.report.outputs.vpa import vpa
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile
from scripts.cluster.places import default_places
from tests.cluster.charts.helm import helm

pytestmark = pytest.mark.timeout(300)

PLACES = default_places()
RESOURCES = {"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}


def resource(name: str, share: int) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": share}}}


REQUESTS = {
    "type": "Pods",
    "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "87500m"}},
}
SPECS: dict[str, dict[str, Any]] = {
    "plain": {"minReplicas": 2, "maxReplicas": 5, "metrics": [resource("cpu", 65)]},
    "default": {"maxReplicas": 3},
    "empty-behaviour": {"maxReplicas": 3, "metrics": [resource("cpu", 65)], "behavior": {}},
    "everything": {
        "minReplicas": 3,
        "maxReplicas": 40,
        "metrics": [resource("cpu", 65), resource("memory", 90)],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 30,
                "selectPolicy": "Min",
                "tolerance": "0.05",
                "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
            },
            "scaleDown": {"selectPolicy": "Disabled"},
        },
    },
    "requests": {"maxReplicas": 9, "metrics": [REQUESTS], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}},
}
CHART = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: {{ .Release.Name }}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Release.Name }}}
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    {{- range $name, $share := dict "cpu" .Values.autoscaling.targetCPUUtilizationPercentage "memory" .Values.autoscaling.targetMemoryUtilizationPercentage }}
    {{- if $share }}
    - {type: Resource, resource: {name: {{ $name }}, target: {type: Utilization, averageUtilization: {{ $share }}}}}
    {{- end }}
    {{- end }}
  {{- with .Values.autoscaling.behavior }}
  behavior: {{ toJson . }}
  {{- end }}
"""
every = pytest.mark.parametrize("case", sorted(SPECS))


def policy_of(case: str) -> Policy:
    return Policy.model_validate({"version": 1, "services": {"orders": {"autoscaling": SPECS[case], "resources": RESOURCES}}})


@pytest.fixture(scope="module")
def kubectl(kubeconfig: Path):
    """kubectl in a namespace of its own."""
    space = f"outputs-{uuid.uuid4().hex[:6]}"

    def run(*words: str, text: str = "") -> str:
        done = subprocess.run(
            [PLACES.program("kubectl"), "--namespace", space, *words],
            input=text, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("create", "namespace", space)
    yield run
    run("delete", "namespace", space, "--wait=false")


def dry_run(kubectl, text: str) -> dict[str, Any]:
    """The HPA that the API server would have, with its defaults."""
    return json.loads(kubectl("apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-", text=text))


def check(live: dict[str, Any], case: str) -> None:
    assert effect(live["spec"]) == effect(SPECS[case])
    assert live["spec"]["scaleTargetRef"]["name"] == "orders"


@pytest.fixture
def to() -> Destination:
    return Destination("a test")


@pytest.fixture
def live(kubectl) -> Iterator[dict[str, Any]]:
    """An autoscaler that is there, with another policy."""
    other = Policy.model_validate(
        {
            "version": 1,
            "services": {
                "orders": {
                    "autoscaling": {
                        "maxReplicas": 7,
                        "metrics": [resource("cpu", 80)],
                        "behavior": {"scaleUp": {"tolerance": "0.2"}, "scaleDown": {"stabilizationWindowSeconds": 5}},
                    },
                    "resources": RESOURCES,
                }
            },
        }
    )
    kubectl("apply", "--server-side", "-f", "-", text=hpa(other, Destination("a test")).text)
    yield json.loads(kubectl("get", "hpa", "orders", "-o", "json"))
    kubectl("delete", "hpa", "orders")


@every
def test_an_autoscaler(kubectl, to: Destination, case: str) -> None:
    check(dry_run(kubectl, hpa(policy_of(case), to).text), case)


@every
def test_a_stack_s_configuration(kubectl, to: Destination, case: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(pulumi(policy_of(case), to).text)
    spec = StackFile(file).read().services["orders"].autoscaling
    made = horizontal_pod_autoscaler("orders", "", {}, spec, tolerance=True)
    del made["metadata"]["namespace"]
    check(dry_run(kubectl, json.dumps(made)), case)


@every
def test_a_vpa_s_autoscaler(kubectl, to: Destination, case: str) -> None:
    text = vpa(policy_of(case), to, update_mode="Off").text
    check(dry_run(kubectl, text.split("---\n")[0]), case)


@every
def test_a_json_patch(kubectl, live: dict[str, Any], to: Destination, case: str, tmp_path: Path) -> None:
    file = tmp_path / "patch.json"
    file.write_text(json_patch("orders", policy_of(case).services["orders"], live, to).text)
    words = ("patch", "hpa", "orders", "--type", "json", "--patch-file", str(file), "-o", "json")
    check(json.loads(kubectl(*words, "--dry-run=server")), case)
    kubectl(
        "patch", "hpa", "orders", "--type", "merge", "-p", '{"spec": {"maxReplicas": 8, "behavior": null, "metrics": null}}'
    )
    with pytest.raises(AssertionError):
        kubectl(*words, "--dry-run=server")


@every
def test_a_component(kubectl, to: Destination, case: str, tmp_path: Path) -> None:
    base, component = tmp_path / "base", tmp_path / "component"
    for folder in (base, component):
        folder.mkdir()
    for name, text in kustomize(policy_of(case), to).files.items():
        (component / name).write_text(text)
    other = {
        **SPECS["everything"],
        "behavior": {"scaleUp": {"tolerance": "0.2"}, "scaleDown": {"stabilizationWindowSeconds": 5}},
    }
    objects = [
        to.manifest(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "orders",
            spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}, **other},
        ),
        to.manifest(
            "apps/v1",
            "Deployment",
            "orders",
            spec={
                "selector": {"matchLabels": {"app": "orders"}},
                "template": {
                    "metadata": {"labels": {"app": "orders"}},
                    "spec": {"containers": [{"name": "orders", "image": "scaleproof.test/never"}]},
                },
            },
        ),
    ]
    (base / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    (base / "kustomization.yaml").write_text("resources: [all.json]\ncomponents: [../component]\n")
    made = {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(kubectl("kustomize", str(base)))}
    check(dry_run(kubectl, json.dumps(made["HorizontalPodAutoscaler"])), case)
    deployment = dry_run(kubectl, json.dumps(made["Deployment"]))
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"] == RESOURCES


@pytest.mark.parametrize("case", sorted(SPECS.keys() - {"requests"}))
def test_a_chart_with_these_values(kubectl, to: Destination, case: str, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: orders\nversion: 0.1.0\n")
    (chart / "templates/hpa.yaml").write_text(CHART)
    (chart / "values.yaml").write_text("autoscaling: {minReplicas: 1, maxReplicas: 100, targetCPUUtilizationPercentage: 80}\n")
    values = tmp_path / "values.yaml"
    values.write_text(helm_values(policy_of(case), to).text)
    done = helm("template", "orders", str(chart), "--values", str(values))
    assert done.returncode == 0, done.stderr
    check(dry_run(kubectl, done.stdout), case)
