"""What an update would change: new inputs against the live object, as far as the old inputs named its fields. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Path = tuple[str | int, ...]
READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
QUANTITIES = {"requests", "limits", "hard", "sizeLimit", "averageValue", "tolerance", "capacity", "used", "divisor"}
IDENTITY = (("metadata", "name"), ("metadata", "namespace"))
IMMUTABLE: dict[str, tuple[Path, ...]] = {
    "apps/v1/Deployment": (("spec", "selector"),),
    "apps/v1/DaemonSet": (("spec", "selector"),),
    "apps/v1/StatefulSet": (
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "batch/v1/Job": (("spec", "selector"), ("spec", "template"), ("spec", "completions"), ("spec", "completionMode")),
    "v1/ConfigMap": (("data",), ("binaryData",), ("immutable",)),
    "v1/Secret": (("data",), ("stringData",), ("type",), ("immutable",)),
    "v1/Service": (("spec", "clusterIP"),),
    "v1/PersistentVolumeClaim": (("spec",),),
    "v1/Pod": (("spec",),),
    "rbac.authorization.k8s.io/v1/RoleBinding": (("roleRef",),),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": (("roleRef",),),
}


def prune(live: Any, shape: Any) -> Any:
    """Of a live object only what the inputs name."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: prune(live[key], each) for key, each in shape.items() if key in live}
    if isinstance(live, list) and isinstance(shape, list):
        pruned = [prune(each, shape[index]) for index, each in enumerate(live[: len(shape)])]
        return pruned + live[len(shape) :]
    return live


def normalized(document: dict[str, Any]) -> dict[str, Any]:
    """Without what only the server writes; a Secret's stringData as the data that the server makes of it."""
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key not in READ_ONLY}
    found = {**document, "metadata": metadata}
    if found.get("kind") == "Secret" and "stringData" in found:
        texts = found.pop("stringData")
        found["data"] = {**found.get("data", {}), **{key: b64encode(text.encode()).decode() for key, text in texts.items()}}
    return found


def differences(base: Any, new: Any, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """(path, add | delete | update) of every leaf that differs. Quantities are compared by value."""
    if isinstance(base, dict) and isinstance(new, dict):
        for key in base.keys() | new.keys():
            if key not in new:
                yield (*at, key), "delete"
            elif key not in base:
                yield (*at, key), "add"
            else:
                yield from differences(base[key], new[key], (*at, key))
    elif isinstance(base, list) and isinstance(new, list):
        for index in range(max(len(base), len(new))):
            if index >= len(new):
                yield (*at, index), "delete"
            elif index >= len(base):
                yield (*at, index), "add"
            else:
                yield from differences(base[index], new[index], (*at, index))
    elif base != new and not _same_quantity(base, new, at):
        yield at, "update"


def is_immutable(document: dict[str, Any], at: Path) -> bool:
    """Whether a change there needs a new object."""
    places = (*IDENTITY, *IMMUTABLE.get(f"{document['apiVersion']}/{document['kind']}", ()))
    return any(at[: len(place)] == place or place[: len(at)] == at for place in places)


def property_path(at: Path) -> str:
    """As Pulumi writes it: `spec.template.spec.containers[0].image`, `metadata.labels["a.b/c"]`."""
    text = ""
    for part in at:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "a").replace("-", "a").isalnum():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def _same_quantity(base: Any, new: Any, at: Path) -> bool:
    if not QUANTITIES & set(at) and at[-1:] != ("value",):
        return False
    try:
        return Decimal(parse_quantity(str(base))) == Decimal(parse_quantity(str(new)))
    except ValueError:
        return False
