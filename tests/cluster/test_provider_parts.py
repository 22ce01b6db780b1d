"""The test-only provider's own rules: what it calls a difference, how it names, what it reads off the wire."""

from __future__ import annotations

import pytest
from cluster.provider import properties
from cluster.provider.difference import differences, is_immutable, normalized, property_path, prune
from cluster.provider.objects import AUTONAMED, kind_of, named
from cluster.provider.server import _parsed
from google.protobuf.struct_pb2 import Struct

URN = "urn:pulumi:dev::p::scaleproof:components:Redis$kubernetes:apps/v1:Deployment::orders"


def test_only_what_the_inputs_name_is_compared() -> None:
    live = {"spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "a", "image": "x", "added": True}]}}}}
    inputs = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}}
    assert dict(differences(prune(live, inputs), inputs)) == {}


@pytest.mark.parametrize(
    ("live", "new", "found"),
    [
        ({"spec": {"limits": {"cpu": "1"}}}, {"spec": {"limits": {"cpu": "1000m"}}}, {}),
        ({"spec": {"limits": {"cpu": "1"}}}, {"spec": {"limits": {"cpu": "2"}}}, {"spec.limits.cpu": "update"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "delete"}),
        ({"a": {}}, {"a": {"b.c/d": 1}}, {'a["b.c/d"]': "add"}),
        ({"image": "1"}, {"image": "1.0"}, {"image": "update"}),
    ],
)
def test_differences(live: dict, new: dict, found: dict) -> None:
    assert {property_path(place): kind for place, kind in differences(live, new)} == found


def test_what_cannot_be_changed_is_replaced() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert is_immutable(config, ("data", "a"))
    assert is_immutable(config, ("metadata", "name"))
    assert not is_immutable(config, ("metadata", "labels", "a"))


def test_a_secrets_text_is_its_data() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "s", "uid": "1"}, "stringData": {"a": "b"}}
    assert normalized(secret) == {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}


def test_a_name_is_made_once_and_kept() -> None:
    first = named({"metadata": {}}, {}, URN, b"seed")
    assert first["metadata"]["name"].startswith("orders-")
    assert named({"metadata": {}}, first, URN, b"other")["metadata"]["name"] == first["metadata"]["name"]
    assert AUTONAMED not in named({"metadata": {"name": "n"}}, {}, URN, b"")["metadata"].get("annotations", {})
    assert kind_of(URN) == "kubernetes:apps/v1:Deployment"


def test_secrets_and_numbers_survive_the_wire() -> None:
    wire = Struct()
    wire.update({"a": {properties.SIGNATURE: properties.SECRET, "value": {"b": 2.0}}, "c": [None], "d": None, "e": 1.5})
    plain, secrets = properties.read(wire)
    assert plain == {"a": {"b": 2}, "c": [None], "e": 1.5}
    assert secrets == {("a",)}
    assert properties.read(properties.write(plain, secrets)) == (plain, secrets)
    assert properties.has_unknowns({"a": [properties.UNKNOWN]})


def test_paths_as_pulumi_writes_them() -> None:
    assert _parsed('spec.template["a.b"].c[0]') == ("spec", "template", "a.b", "c", 0)
