from __future__ import annotations

import base64
import json

import pytest
from ruamel.yaml import YAML

from scaleproof.components.manifests import PLACEHOLDER, releases, render, to_yaml
from scaleproof.components.pod_security import restricted_namespace
from scaleproof.components.resource import _TYPED
from scaleproof.spec.database_roles import scram_verifier

EVERYTHING = {"load_test": {"enabled": True}, "observability": {"mode": "install"}}


def test_yaml_reads_back_as_it_was(inputs):
    items = render(inputs(**EVERYTHING))
    text = to_yaml(items)
    assert list(YAML(typ="safe").load_all(text)) == json.loads(json.dumps(items))
    assert "&id" not in text


def test_every_object_has_one_identity(inputs):
    items = render(inputs(**EVERYTHING))
    keys = [(item["apiVersion"], item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in items]
    assert len(set(keys)) == len(keys)


def test_a_rendering_holds_no_secret(inputs):
    for item in render(inputs()):
        if item["kind"] == "Secret":
            values = {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
            if "verifier" in values:
                assert values.pop("verifier") == scram_verifier(PLACEHOLDER, PLACEHOLDER.encode())
            assert all(PLACEHOLDER in value for value in values.values())


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["shop-dev", "envoy-gateway-system"]),
        (EVERYTHING, ["shop-dev", "envoy-gateway-system", "shop-dev-monitoring", "shop-dev-load"]),
        ({"gateway": {"controller": "existing"}, "namespace": "mine"}, ["mine"]),
        ({"gateway": {"namespace": "shop-dev"}}, ["shop-dev"]),
    ],
)
def test_every_namespace_we_own_enforces_restricted(inputs, settings, names):
    found = [item for item in render(inputs(**settings)) if item["kind"] == "Namespace"]
    assert [item["metadata"]["name"] for item in found] == names
    assert found == [restricted_namespace(name, "shop") for name in names]
    modes = {key.rsplit("/", 1)[1]: value for key, value in found[0]["metadata"]["labels"].items() if "pod-security" in key}
    assert modes == {"enforce": "restricted", "audit": "restricted", "warn": "restricted"}


def test_what_lies_in_a_namespace_says_so_and_its_labels_are_legal(inputs):
    for item in render(inputs(**EVERYTHING)):
        if item["kind"] not in {"Namespace", "GatewayClass"}:
            assert item["metadata"]["namespace"] == "shop-dev"
        assert all(len(value) <= 63 for value in item["metadata"]["labels"].values())


def test_core_kinds_are_typed_resources(inputs):
    untyped = {item["apiVersion"].split("/")[0] for item in render(inputs(**EVERYTHING))} - {
        version.split("/")[0] for version, _ in _TYPED
    }
    assert untyped == {"gateway.networking.k8s.io", "gateway.envoyproxy.io", "monitoring.coreos.com"}


def test_releases_in_the_order_of_installation(inputs):
    assert [each["name"] for each in releases(inputs(**EVERYTHING))] == ["envoy-gateway", "monitoring", "redis", "locust"]
    assert set(releases(inputs())[0]) == {"name", "namespace", "chart", "version", "values"}
