"""Objects out of every text that people have, and never a Secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.adoption.documents import documents_of
from scaleproof.adoption.objects import objects_of
from scaleproof.spec.errors import BadInputError

CART = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"}}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("kind: A\nmetadata: {name: a}\n---\nkind: B\nmetadata: {name: b}\n", ["a", "b"], id="several documents"),
        pytest.param("---\n# nothing\n---\nkind: A\nmetadata: {name: a}\n---\n", ["a"], id="empty ones between"),
        pytest.param(json.dumps(CART), ["cart"], id="JSON"),
        pytest.param(json.dumps({"kind": "List", "items": [CART, CART]}), ["cart", "cart"], id="kubectl get -o json"),
        pytest.param(
            "kind: List\nitems: [{kind: List, items: [{kind: A, metadata: {name: a}}]}]", ["a"], id="a list in a list"
        ),
        pytest.param("replicas: 3\nimage: {tag: 1}\n", [], id="a chart's values"),
        pytest.param("- 1\n- 2\n", [], id="a plain list"),
        pytest.param("", [], id="nothing"),
        pytest.param("kind: A\nmetadata: {name: a}\nmetadata: {name: a}\n", ["a"], id="a field twice, as charts print"),
    ],
)
def test_what_is_an_object(text, names):
    assert [each.name for each in documents_of(text, "f")] == names


def test_items_of_a_typed_list_get_its_kind():
    text = json.dumps({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{"metadata": {"name": "cart"}}]})
    (found,) = documents_of(text, "f")
    assert (found.group, found.kind, found.name) == ("apps", "Deployment", "cart")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Secret\nmetadata: {name: s}\nstringData: {p: hunter2}\n",
        'kind: List\nitems: [{kind: Secret, stringData: {p: "hunter2"}}]\n',
        '{"kind": "SecretList", "items": [{"stringData": {"p": "hunter2"}}]}',
    ],
)
def test_a_secret_is_dropped_where_it_is_met(text):
    assert documents_of(text, "f") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "f:2: not valid YAML"),
        ("a: b: c\n", "f:1: not valid YAML"),
        ("a: !!python/object:os.system x\n", "f:1: not valid YAML"),
        ("a: &x [*x, *nope]\n", "f:1: not valid YAML"),
        ("[" * 5000, "f"),
        ('{"a":' * 5000, "f"),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(text, message):
    with pytest.raises(BadInputError) as caught:
        documents_of(text, "f")
    assert message in str(caught.value)


def test_a_chart_that_was_not_rendered_is_recognised():
    with pytest.raises(BadInputError) as caught:
        documents_of("kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}-cart\n  {{- if .x }}\n", "templates/cart.yaml")
    assert "helm template" in (caught.value.hint or "")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_json_makes_it_stumble(value):
    for kind in ("Deployment", "Service", "List"):
        version = "apps/v1" if kind == "Deployment" else "v1"
        body = {"apiVersion": version, "kind": kind, "metadata": value, "spec": value, "items": value}
        objects_of(documents_of(json.dumps(body), "f"))


def test_the_same_object_from_two_files_counts_once_and_two_variants_are_refused(workload):
    deployment = workload().document
    assert len(objects_of([deployment, deployment]).workloads) == 1
    other = workload(image="registry.example/x:2").document
    with pytest.raises(BadInputError, match=r"Deployment cart \(x.yaml\) is also in x.yaml") as caught:
        objects_of([deployment, other])
    assert "kustomize build" in (caught.value.hint or "")


def test_a_patch_beside_its_base_does_not_count(workload):
    patch = workload().document
    patch.body["spec"]["template"]["spec"]["containers"] = [{"name": "cart", "env": []}]
    base = workload().document
    for documents in ([base, patch], [patch, base]):
        found = objects_of(documents)
        assert [str(each) for each in found.workloads] == ["Deployment cart (x.yaml)"]
        assert not found.partial
    assert len(objects_of([patch]).partial) == 1


def test_other_kinds_and_groups_are_ignored(shop):
    assert shop.ignored == {"ConfigMap": 1, "Namespace": 1}
    knative = documents_of("apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n", "f")
    assert objects_of(knative).services == ()
