"""Pulumi's properties on the wire as plain JSON documents, and back."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
WIRE_NAMES = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
Path = tuple[str | int, ...]


def read(struct: Struct) -> tuple[dict[str, Any], set[Path]]:
    """The plain document, and the paths of what is secret in it. Nulls are left out."""
    secrets: set[Path] = set()
    plain = _plain(json_format.MessageToDict(struct), (), secrets)
    return plain, secrets


def write(document: dict[str, Any], secrets: set[Path] = frozenset()) -> Struct:
    """A document on the wire, with these paths marked as secret."""
    return json_format.ParseDict(_wired(document, (), secrets), Struct())


def has_unknowns(value: Any) -> bool:
    """Whether a value is only known after another resource is there."""
    if isinstance(value, dict):
        return any(has_unknowns(each) for each in value.values())
    if isinstance(value, list):
        return any(has_unknowns(each) for each in value)
    return value == UNKNOWN


def _plain(value: Any, at: Path, secrets: set[Path]) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            secrets.add(at)
            return _plain(value.get("value"), at, secrets)
        return {
            (name := WIRE_NAMES.get(key, key)): _plain(each, (*at, name), secrets)
            for key, each in value.items()
            if each is not None
        }
    if isinstance(value, list):
        return [_plain(each, (*at, index), secrets) for index, each in enumerate(value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _wired(value: Any, at: Path, secrets: set[Path]) -> Any:
    if isinstance(value, dict):
        wired: Any = {
            key.replace("-", "_") if key in WIRE_NAMES.values() else key: _wired(each, (*at, key), secrets)
            for key, each in value.items()
            if each is not None
        }
    elif isinstance(value, list):
        wired = [_wired(each, (*at, index), secrets) for index, each in enumerate(value)]
    else:
        wired = value
    return {SIGNATURE: SECRET, "value": wired} if at in secrets else wired
