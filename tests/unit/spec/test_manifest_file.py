"""Manifests: several documents, Lists, folders; lines that are right; Secrets that are never read."""

from __future__ import annotations

import json

import pytest

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.manifest_file import read_manifests

TEXT = """\
# values of a chart are no object
replicas: 3
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: hunter2}
---
apiVersion: v1
kind: List
items:
  - apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
    spec:
      replicas: 3
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: shop
spec:
  minAvailable: 1
---
"""


def test_objects_of_all_documents_with_their_lines(tmp_path):
    file = tmp_path / "all.yaml"
    file.write_text(TEXT)
    deployment, budget = read_manifests([file])
    assert (deployment.kind, deployment.name, deployment.namespace) == ("Deployment", "web", "")
    assert (budget.kind, budget.namespace) == ("PodDisruptionBudget", "shop")
    lines = TEXT.splitlines()
    line = deployment.document.line_of([*deployment.at, "spec", "replicas"])
    assert lines[line - 1] == "      replicas: 3"
    assert lines[budget.document.line_of([*budget.at, "spec", "minAvailable"]) - 1] == "  minAvailable: 1"
    assert "hunter2" not in repr((deployment, budget))


def test_what_is_not_there_is_none(tmp_path):
    file = tmp_path / "all.yaml"
    file.write_text(TEXT)
    deployment, _ = read_manifests([file])
    assert deployment.value("spec", "template", "spec") is None
    assert deployment.mapping("spec", "replicas") == {}
    assert deployment.listing("spec") == []
    assert deployment.value("items", 3) is None


def test_json_as_kubectl_prints_it_and_typed_lists(tmp_path):
    items = [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, None]
    file = tmp_path / "deployments.json"
    file.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": items}, indent=4))
    assert [(each.kind, each.name) for each in read_manifests([file])] == [("Deployment", "a"), ("Deployment", "b")]


def test_folders_are_read_in_order_without_hidden_ones(tmp_path):
    for name in ("b/x.yaml", "a/y.yml", ".git/z.yaml", "a/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert [each.document.file.name for each in read_manifests([tmp_path])] == ["y.yml", "x.yaml"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", "not valid YAML"),
        (b"a: 1\n", "no Kubernetes object in it"),
        (b"", "no Kubernetes object in it"),
        (b"\xff", "not UTF-8"),
        (b"- 1\n- 2\n", "no Kubernetes object"),
        (b"apiVersion: v1\nkind: List\nitems: [1, [2], a]\n", "no Kubernetes object"),
    ],
)
def test_what_is_no_manifest(tmp_path, content, message):
    file = tmp_path / "m.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        read_manifests([file])


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match="no such file or folder"):
        read_manifests([tmp_path / "gone.yaml"])
