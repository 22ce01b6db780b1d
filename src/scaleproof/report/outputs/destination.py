"""Where an exported policy will be used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.spec.autoscaler_manifest import autoscaler_fields
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import ServicePolicy

_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Destination:
    """A cluster, as far as the text depends on it."""

    source: str
    """Where the policy comes from, such as `stack dev`."""
    namespace: str | None = None
    """None: that of whoever applies it."""
    container: str | None = None
    """The container that a policy's resources are for. None: it is called like its service."""
    tolerance: bool = True
    """Whether the cluster's HPA has that field (Kubernetes 1.35)."""

    def container_of(self, service: str) -> str:
        """Name of the service's main container."""
        return self.container or service

    def manifest(self, api_version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
        """An object; `rest` are its fields beside `metadata`, `annotations` goes into that."""
        metadata: dict[str, Any] = {"name": name}
        if self.namespace is not None:
            metadata["namespace"] = self.namespace
        if annotations := rest.pop("annotations", None):
            metadata["annotations"] = dict(annotations)
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}

    def heading(self, format_: str, *notes: str) -> list[str]:
        """The comments a file begins with."""
        first = f"Policy of {self.source}, written by `scaleproof export --format {format_}`: change the policy, not this file."
        return [first, *notes]

    def lost_tolerance(self, name: str, spec: AutoscalingSpec) -> list[str]:
        """A note where the policy states a tolerance that the cluster would drop."""
        if self.tolerance or autoscaler_fields(spec, tolerance=True) == autoscaler_fields(spec, tolerance=False):
            return []
        return [f"{name}: tolerance is left out, Kubernetes has that field from 1.35 on; the controller's own (10 %) holds."]


def check_names(names: Iterable[str]) -> None:
    """Raises BadInputError where a service cannot be called so in Kubernetes (or a file on disk)."""
    for name in names:
        if _OBJECT_NAME.fullmatch(name) is None:
            raise BadInputError(
                f"service {name!r}: Kubernetes takes lower-case letters, digits, - and . as a name",
                hint="rename the service, or choose others with --service",
            )


def resources_note(name: str, service: ServicePolicy) -> str:
    """What must be so beside an autoscaler: a target in per cent is one of the request."""
    requests, limits = service.resources.requests, service.resources.limits
    return (
        f"{name}: the policy goes with requests cpu {requests.cpu}, memory {requests.memory} and limits cpu {limits.cpu}, "
        f"memory {limits.memory}; this format does not set them, and a target in per cent is one of the request."
    )
