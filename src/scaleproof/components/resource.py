"""Registers a manifest as the typed Pulumi resource of its kind, and whatever has no typed one as a CustomResource."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from scaleproof.components.manifest import Manifest

_TYPED: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    ("v1", "Namespace"): Namespace,
    ("v1", "ConfigMap"): ConfigMap,
    ("v1", "Secret"): Secret,
    ("v1", "Service"): Service,
    ("v1", "ServiceAccount"): ServiceAccount,
    ("apps/v1", "Deployment"): Deployment,
    ("apps/v1", "StatefulSet"): StatefulSet,
    ("batch/v1", "Job"): Job,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): HorizontalPodAutoscaler,
    ("policy/v1", "PodDisruptionBudget"): PodDisruptionBudget,
    ("networking.k8s.io/v1", "NetworkPolicy"): NetworkPolicy,
}
_SNAKE_CASE: Final = {
    "automountServiceAccountToken": "automount_service_account_token",
    "imagePullSecrets": "image_pull_secrets",
}
"""Top-level fields are keyword arguments in Python; everything below them is passed on as it is."""


def declare(
    item: Manifest,
    *,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
    ignore_changes: Sequence[str] = (),
) -> Any:
    """Register one object. Its logical name is namespace/name, so that what is renamed is made anew before the old one goes."""
    api_version, kind, metadata = item["apiVersion"], item["kind"], item["metadata"]
    namespace = metadata.get("namespace")
    logical = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    options = pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on), ignore_changes=list(ignore_changes) or None)
    rest = {_SNAKE_CASE.get(key, key): value for key, value in item.items() if key not in {"apiVersion", "kind", "metadata"}}
    typed = _TYPED.get((api_version, kind))
    if typed is None:
        return CustomResource(logical, api_version=api_version, kind=kind, metadata=metadata, opts=options, **rest)
    return typed(logical, metadata=metadata, opts=options, **rest)
