"""What Pod Security's level `restricted` asks of a pod, of its containers and of a namespace (kubernetes.io, "Pod Security Standards")."""

from __future__ import annotations

from typing import Any, Final

from scaleproof.components.manifest import PART_OF_LABEL, Manifest, manifest

USER_ID: Final = 10_001
"""Above 10,000, so that it is no user of the node."""
EPHEMERAL_STORAGE: Final = ("64Mi", "512Mi")
"""Request and limit: logs and /tmp of a container."""
LEVEL: Final = "restricted"


def pod_context(user_id: int = USER_ID) -> dict[str, Any]:
    """`spec.securityContext` of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user_id,
        "runAsGroup": user_id,
        "fsGroup": user_id,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_context() -> dict[str, Any]:
    """`securityContext` of a container: writes go to volumes."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }


def with_ephemeral_storage(resources: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The resources plus what a container may write outside of volumes: a full node would evict its neighbours."""
    request, limit = EPHEMERAL_STORAGE
    return {
        "requests": {**resources["requests"], "ephemeral-storage": request},
        "limits": {**resources["limits"], "ephemeral-storage": limit},
    }


def restricted_namespace(name: str, part_of: str) -> Manifest:
    """A namespace in which the API server refuses any pod beyond `restricted`, and says so to whoever tries."""
    modes = {f"pod-security.kubernetes.io/{mode}": LEVEL for mode in ("enforce", "audit", "warn")}
    return manifest("v1", "Namespace", name, None, {PART_OF_LABEL: part_of, **modes})
