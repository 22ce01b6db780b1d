"""A Secret of values that Pulumi holds encrypted."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from scaleproof.components.manifest import Manifest, manifest
from scaleproof.components.resource import declare


def secret(name: str, namespace: str, labels: Mapping[str, str], values: Mapping[str, str]) -> Manifest:
    """An Opaque Secret."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return manifest("v1", "Secret", name, namespace, labels, type="Opaque", data=data)


def declare_secret(
    item: Manifest,
    *,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
    generated: bool = False,
) -> tuple[Any, pulumi.Output[str]]:
    """Register it; returns it and a text that changes with the value (the object's uid: a changed Secret is a new one).

    What was `generated` is drawn anew at every run, and only the first drawing counts.
    """
    data = pulumi.Output.secret(item["data"])
    resource = declare(
        {**item, "data": data}, parent=parent, depends_on=depends_on, ignore_changes=["data"] if generated else ()
    )
    return resource, resource.metadata.apply(lambda metadata: str((metadata or {}).get("uid") or ""))
