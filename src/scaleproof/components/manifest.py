"""Kubernetes objects as plain dicts: their labels, their names and their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

Manifest = dict[str, Any]
"""One object as `kubectl` prints it in JSON. Before it is registered, a value may be a `pulumi.Output`."""

NAME_LABEL: Final = "app.kubernetes.io/name"
PART_OF_LABEL: Final = "app.kubernetes.io/part-of"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server."""


def standard_labels(name: str, part_of: str, component: str) -> dict[str, str]:
    """The recommended labels (kubernetes.io, "Recommended Labels") that we set."""
    return {NAME_LABEL: name, PART_OF_LABEL: part_of, COMPONENT_LABEL: component}


def manifest(
    api_version: str, kind: str, name: str, namespace: str | None, labels: Mapping[str, str] | None = None, **rest: Any
) -> Manifest:
    """An object; `rest` are its fields beside `metadata`, such as `spec`. `annotations` goes to the metadata."""
    metadata: dict[str, Any] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    annotations = rest.pop("annotations", None)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def content_hash(content: object) -> str:
    """Ten hexadecimal digits that change with the content: a name that carries them makes a change a new object."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def identity(item: Manifest) -> tuple[str, str | None, str]:
    """Kind, namespace and name."""
    return item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]
