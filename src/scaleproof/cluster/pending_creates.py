"""What the engine was creating when it was killed: it may exist without being in the stack's state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Adoption:
    """A stack's state in which the pending creations count as made; a refresh finds out which of them were."""

    deployment: dict[str, Any]
    urns: tuple[str, ...]
    ids: tuple[str, ...]
    """As the provider names them: `namespace/name`, or `name`."""


def adopted(deployment: Mapping[str, Any]) -> Adoption:
    """Out of an exported state. Only objects and helm releases, whose ids follow from their inputs; the rest stays pending.

    Pulumi's own `refresh --import-pending-creates` drops them without a word (engine 3.250).
    """
    resources, left = list(deployment.get("resources") or []), []
    urns, ids = [], []
    for operation in deployment.get("pending_operations") or []:
        resource = operation["resource"]
        identity = _id_of(resource)
        if operation.get("type") != "creating" or identity is None:
            left.append(operation)
            continue
        resources.append({**resource, "id": identity, "outputs": resource.get("inputs") or {}})
        urns.append(resource["urn"])
        ids.append(identity)
    return Adoption({**deployment, "resources": resources, "pending_operations": left}, tuple(urns), tuple(ids))


def _id_of(resource: Mapping[str, Any]) -> str | None:
    inputs = resource.get("inputs") or {}
    named = inputs if str(resource.get("type", "")).endswith(":Release") else inputs.get("metadata") or {}
    if not str(resource.get("type", "")).startswith("kubernetes:") or not named.get("name"):
        return None
    return f"{named['namespace']}/{named['name']}" if named.get("namespace") else str(named["name"])
