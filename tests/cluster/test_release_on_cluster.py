"""helm.v3.Release on a real Kubernetes: installed, changed, drifted, uninstalled."""

from __future__ import annotations

import uuid
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
import pytest
from cluster.small_stack import small_project

from fakes.progress import FakeProgress
from scaleproof.cluster.kube_api import connect
from scaleproof.cluster.stack import KubeStack

pytestmark = pytest.mark.timeout(300)

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  colour: {{ .Values.colour | quote }}
"""


def test_a_release(tmp_path: Path, kubeconfig: Path, attached, progress: FakeProgress) -> None:
    space = f"tiny-{uuid.uuid4().hex[:6]}"
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text("colour: red\n")
    (chart / "templates" / "settings.yaml").write_text(TEMPLATE)
    values = {"colour": "green"}

    def program() -> None:
        namespace = k8s.core.v1.Namespace("space", metadata={"name": space})
        release = k8s.helm.v3.Release(
            "tiny",
            name="tiny",
            namespace=space,
            chart=str(chart),
            values=dict(values),
            timeout=60,
            opts=pulumi.ResourceOptions(depends_on=[namespace]),
        )
        pulumi.export("status", release.status.status)

    attached(kubeconfig)
    stack = KubeStack(small_project(tmp_path / "project"), "dev", program)
    api = connect(kubeconfig)
    settings = f"/api/v1/namespaces/{space}/configmaps/tiny-settings"
    try:
        assert stack.up(progress) == {"status": "deployed"}
        assert api.get(settings)["data"] == {"colour": "green"}
        assert not stack.preview(progress, refresh=True).any
        values["colour"] = "blue"
        assert {change.kind for change in stack.preview(progress).resources} == {"Release"}
        stack.up(progress)
        assert api.get(settings)["data"] == {"colour": "blue"}
    finally:
        assert stack.down(progress) is True
    assert api.find(settings) is None
    assert api.find(f"/api/v1/namespaces/{space}") is None
    api.close()
