"""values.yaml, values.schema.json and README.md of each chart say the same, and the schema refuses what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

CHARTS = ("redis", "locust")
OPEN = {"labels", "objects"}
"""Definitions whose keys are the user's own."""


def values_of(chart: str) -> dict[str, Any]:
    return YAML(typ="safe").load((files("scaleproof") / "charts" / chart / "values.yaml").read_text())


def schema_of(chart: str) -> dict[str, Any]:
    return json.loads((files("scaleproof") / "charts" / chart / "values.schema.json").read_text())


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "allOf" in schema:
        reference = schema.get("$ref") or schema["allOf"][0].get("$ref")
        if reference is None:
            break
        schema = root["definitions"][reference.rsplit("/", 1)[1]]
    return schema


def paths(schema: dict[str, Any], root: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every value that the schema knows."""
    for name, each in schema["properties"].items():
        inner = resolved(each, root)
        if inner.get("properties"):
            yield from paths(inner, root, f"{prefix}{name}.")
        else:
            yield prefix + name


def leaves(values: dict[str, Any], known: set[str], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and prefix + name not in known:
            yield from leaves(value, known, f"{prefix}{name}.")
        else:
            yield prefix + name


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    values = copy.deepcopy(values)
    *above, last = path.split(".")
    inner = values
    for name in above:
        inner = inner[name]
    inner[last] = value
    return values


@pytest.mark.parametrize("chart", CHARTS)
def test_the_defaults_are_valid(chart: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema_of(chart))
    jsonschema.validate(values_of(chart), schema_of(chart))


@pytest.mark.parametrize("chart", CHARTS)
def test_schema_and_defaults_know_the_same_values(chart: str) -> None:
    schema = schema_of(chart)
    known = set(paths(schema, schema)) - {"global"}
    assert set(leaves(values_of(chart), known)) == known


@pytest.mark.parametrize("chart", CHARTS)
def test_no_object_takes_a_key_that_is_not_described(chart: str) -> None:
    schema = schema_of(chart)

    def check(each: dict[str, Any], where: str) -> None:
        if "properties" in each:
            assert each.get("additionalProperties") is False, where
            for name, inner in each["properties"].items():
                check(inner, f"{where}.{name}")

    check(schema, "")
    for name, each in schema["definitions"].items():
        if name not in OPEN:
            check(each, name)


@pytest.mark.parametrize(
    ("chart", "path", "value"),
    [
        ("redis", "rolle", "cache"),  # a typing error
        ("redis", "role", "queue"),
        ("redis", "engine", "keydb"),
        ("redis", "maxmemoryPercent", 90),  # the AOF's rewrite would be killed
        ("redis", "maxmemoryPercent", 40),
        ("redis", "resources.limits.memory", "128 MB"),
        ("redis", "resources.limits", {"cpu": "1"}),  # maxmemory is computed from the memory limit
        ("redis", "resources.requests", {"cpu": "1"}),
        ("redis", "image.digest", "sha256:short"),
        ("redis", "auth.password", "in the open"),
        ("redis", "auth.existingSecret", ""),
        ("redis", "auth.passwordKey", ""),  # neither a password nor an ACL file
        ("redis", "tls", {"enabled": True, "existingSecret": ""}),
        ("redis", "persistence.appendfsync", "sometimes"),
        ("redis", "probes.livenessSeconds", 5),  # would kill a busy server
        ("redis", "networkPolicy.clients", [{"podselector": {}}]),
        ("locust", "mode", "headless"),
        ("locust", "worker.replicas", 0),
        ("locust", "target.host", "gateway:80"),
        ("locust", "target.host", "http://gateway/path"),
        ("locust", "locustfiles.files", {"../escape.py": ""}),
        ("locust", "podSecurity.runAsUser", 0),
        ("locust", "worker.processes", -1),
        ("locust", "environment", {"A-B": "1"}),
        ("locust", "networkPolicy.targets", [{"from": []}]),
    ],
)
def test_wrong_values_are_refused(chart: str, path: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(values_of(chart), path, value), schema_of(chart))


@pytest.mark.parametrize(
    ("chart", "path", "value"),
    [
        ("redis", "auth", {"enabled": True, "existingSecret": "users", "passwordKey": "", "aclKey": "users.acl"}),
        ("redis", "auth", {"enabled": False}),
        ("redis", "networkPolicy.clients", [{"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {}}]),
        ("redis", "global", {"of": "a parent chart"}),
        ("locust", "locustfiles.files", {"journeys/buyer.py": "", "locustfile.py": ""}),
        ("locust", "networkPolicy.targets", [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}]),
    ],
)
def test_right_values_are_taken(chart: str, path: str, value: Any) -> None:
    jsonschema.validate(changed(values_of(chart), path, value), schema_of(chart))


@pytest.mark.parametrize("chart", CHARTS)
def test_images_are_pinned_by_digest(chart: str) -> None:
    values = values_of(chart)
    images = [values["image"], *([values["metrics"]["image"]] if "metrics" in values else [])]
    assert all(image["digest"].startswith("sha256:") for image in images)


@pytest.mark.parametrize("chart", CHARTS)
def test_no_value_is_a_secret(chart: str) -> None:
    schema = schema_of(chart)
    names = {path.rsplit(".", 1)[-1].lower() for path in paths(schema, schema)}
    assert not names & {"password", "token", "secret", "secretkey", "acl", "users.acl", "cert", "key"}
