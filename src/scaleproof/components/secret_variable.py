"""A secret that a container is told: by a mounted file, or by a variable for programs that know nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

FOLDER: Final = "/run/secrets/scaleproof"


@dataclass(frozen=True)
class SecretVariable:
    """`name` as the program knows it, and where its value lies."""

    name: str
    secret: str
    """A Secret of the same namespace."""
    key: str
    version: Any = None
    """A `pulumi.Output[str]` (or str) that changes with the value: pods are replaced then. None: nobody knows."""


def environment(variables: Sequence[SecretVariable], *, as_file: bool) -> list[dict[str, Any]]:
    """`env` of a container: `<NAME>_FILE` with a path, or `<NAME>` by reference."""
    if as_file:
        return [{"name": f"{variable.name}_FILE", "value": f"{FOLDER}/{variable.name}"} for variable in variables]
    return [
        {"name": variable.name, "valueFrom": {"secretKeyRef": {"name": variable.secret, "key": variable.key}}}
        for variable in variables
    ]


def volume(variables: Sequence[SecretVariable]) -> dict[str, Any]:
    """One volume that holds all of them, readable by the pod's group alone."""
    sources = [
        {"secret": {"name": variable.secret, "items": [{"key": variable.key, "path": variable.name}]}} for variable in variables
    ]
    return {"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}}


def mount() -> dict[str, Any]:
    """Where it is found."""
    return {"name": "secrets", "mountPath": FOLDER, "readOnly": True}


def pod_annotations(variables: Sequence[SecretVariable]) -> dict[str, Any]:
    """Of the pod template: a changed value replaces the pods. Says nothing of the value itself."""
    return {
        f"scaleproof.dev/secret-{variable.name.lower().replace('_', '-')}": variable.version
        for variable in variables
        if variable.version is not None
    }
