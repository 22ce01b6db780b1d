"""Whether an object has become what it was applied for; what it still lacks, in words. Pure but for the questions it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scaleproof.cluster.kube_api import KubeApi

Document = dict[str, Any]


class NeverReadyError(Exception):
    """It has failed for good; waiting does not help."""


def lacking(api: KubeApi, live: Document) -> str | None:
    """What is missing until it is ready; None where nothing is. Raises NeverReadyError."""
    check = CHECKS.get(f"{live['apiVersion']}/{live['kind']}")
    return check(api, live) if check else None


def _deployment(_: KubeApi, live: Document) -> str | None:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "the controller has not seen it yet"
    progress = conditions.get("Progressing", {})
    if progress.get("reason") == "ProgressDeadlineExceeded":
        raise NeverReadyError(progress.get("message", "the rollout does not progress"))
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)}/{wanted} replicas updated"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return "old replicas are still there"
    if status.get("availableReplicas", 0) < wanted:
        return f"{status.get('availableReplicas', 0)}/{wanted} replicas available"
    return None


def _stateful_set(_: KubeApi, live: Document) -> str | None:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "the controller has not seen it yet"
    if status.get("readyReplicas", 0) < wanted or status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)}/{wanted} replicas ready"
    return None if status.get("currentRevision") == status.get("updateRevision") else "old replicas are still there"


def _job(_: KubeApi, live: Document) -> str | None:
    conditions = {each["type"]: each for each in live.get("status", {}).get("conditions", []) if each["status"] == "True"}
    if "Failed" in conditions:
        raise NeverReadyError(conditions["Failed"].get("message", "the job failed"))
    return None if "Complete" in conditions or live["spec"].get("suspend") else "not complete"


def _service(api: KubeApi, live: Document) -> str | None:
    spec, metadata = live["spec"], live["metadata"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return None
    if spec.get("type") == "LoadBalancer" and not live.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return "no address of a load balancer"
    slices = api.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{metadata['namespace']}/endpointslices",
        labels=f"kubernetes.io/service-name={metadata['name']}",
    )
    ready = any(endpoint.get("conditions", {}).get("ready") for each in slices for endpoint in each.get("endpoints") or [])
    return None if ready else "no ready endpoint"


def _claim(api: KubeApi, live: Document) -> str | None:
    if live.get("status", {}).get("phase") == "Bound":
        return None
    name = live["spec"].get("storageClassName")
    storage = api.find(f"/apis/storage.k8s.io/v1/storageclasses/{name}") if name else None
    return None if storage and storage.get("volumeBindingMode") == "WaitForFirstConsumer" else "not bound"


def _pod(_: KubeApi, live: Document) -> str | None:
    status = live.get("status", {})
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
    return None if ready or status.get("phase") == "Succeeded" else f"it is {status.get('phase', 'Pending')}"


def _definition(_: KubeApi, live: Document) -> str | None:
    conditions = {each["type"]: each["status"] for each in live.get("status", {}).get("conditions", [])}
    return None if conditions.get("Established") == "True" else "not established"


CHECKS: dict[str, Callable[[KubeApi, Document], str | None]] = {
    "apps/v1/Deployment": _deployment,
    "apps/v1/StatefulSet": _stateful_set,
    "batch/v1/Job": _job,
    "v1/Service": _service,
    "v1/PersistentVolumeClaim": _claim,
    "v1/Pod": _pod,
    "apiextensions.k8s.io/v1/CustomResourceDefinition": _definition,
}
