"""What of a platform runs on a cluster, for a person: replicas, autoscalers, other workloads, logs, the nodes."""

from __future__ import annotations

from typing import Any, Final

from scaleproof.cluster import autoscaler_view, pods
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.suspension import ANNOTATION
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.quantity import byte_value, milli_value

Document = dict[str, Any]
WORKLOADS: Final = (("/apis/apps/v1", "deployments"), ("/apis/apps/v1", "statefulsets"))


def stack_status(api: KubeApi, namespace: str, platform: Platform, gateway_url: str) -> Document | None:
    """What `report.status` shows; None where the platform's namespace is not there."""
    if api.find(f"/api/v1/namespaces/{namespace}") is None:
        return None
    deployments = _by_name(api.items(f"/apis/apps/v1/namespaces/{namespace}/deployments"))
    autoscalers = {
        each["spec"]["scaleTargetRef"]["name"]: each
        for each in api.items(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
    }
    views = [pods.view(pod) for pod in api.items(f"/api/v1/namespaces/{namespace}/pods", labels=pods.COMPONENT)]
    services, decisions = {}, {}
    for name in platform.services:
        deployment, autoscaler = deployments.get(name, {}), autoscalers.get(name, {})
        mine = [seen for seen in views if seen.service == name and not seen.finished]
        spec = autoscaler.get("spec", {})
        services[name] = {
            "ready": sum(seen.ready and seen.deleted_at is None for seen in mine),
            "desired": int(deployment.get("spec", {}).get("replicas", 0)),
            "min": int(spec.get("minReplicas", 1)) if spec else 0,
            "max": int(spec.get("maxReplicas", 0)),
            "held": ANNOTATION in (deployment.get("metadata", {}).get("annotations") or {}),
            "replicas": [{"name": seen.name, "state": seen.state(was_ready=False)} for seen in mine],
        }
        seen_autoscaler = autoscaler_view.view(autoscaler) if autoscaler else None
        if seen_autoscaler is not None:
            decisions[name] = {"message": f"{seen_autoscaler.reason}: {seen_autoscaler.message}"}
    components = []
    for group, plural in WORKLOADS:
        for workload in api.items(f"{group}/namespaces/{namespace}/{plural}"):
            if workload["metadata"]["name"] not in platform.services:
                status = workload.get("status", {})
                ready = int(status.get("readyReplicas") or 0) >= int(workload["spec"].get("replicas", 1))
                components.append({"name": workload["metadata"]["name"], "ready": ready, "restarts": 0})
    return {
        "gateway_url": gateway_url,
        "cpu_limit": "kubelet",
        "services": services,
        "components": components,
        "decisions": decisions,
    }


def stack_runs(api: KubeApi, namespace: str) -> bool:
    """Whether the platform's namespace is there and stays."""
    found = api.find(f"/api/v1/namespaces/{namespace}")
    return found is not None and "deletionTimestamp" not in found["metadata"]


def pod_logs(api: KubeApi, namespace: str, component: str | None, lines: int) -> dict[str, list[str]]:
    """Pod → its last lines; of all pods, or those of one component (a service, or another workload's name).

    Raises BadInputError where there is no such pod.
    """
    names = [pod["metadata"]["name"] for pod in api.items(f"/api/v1/namespaces/{namespace}/pods")]
    wanted = [name for name in names if component is None or name == component or name.startswith(f"{component}-")]
    if not wanted:
        known = sorted({name.rsplit("-", 2)[0] for name in names})
        raise BadInputError(
            f"no pod of {component or 'the platform'} in namespace {namespace}",
            hint=f"there are: {', '.join(known)}" if known else "is the stack up? See `scaleproof status --target kube`",
        )
    base = f"/api/v1/namespaces/{namespace}/pods"
    return {name: api.text(f"{base}/{name}/log?tailLines={lines}").splitlines() for name in sorted(wanted)}


def cluster_facts(api: KubeApi) -> dict[str, str | int | float]:
    """The nodes, for a run's `machine`."""
    nodes = api.items("/api/v1/nodes")
    infos = [node["status"]["nodeInfo"] for node in nodes]
    return {
        "nodes": len(nodes),
        "cores": sum(milli_value(node["status"]["capacity"]["cpu"]) for node in nodes) / 1000,
        "memory_bytes": sum(byte_value(node["status"]["capacity"]["memory"]) for node in nodes),
        "kubernetes": ", ".join(sorted({info["kubeletVersion"] for info in infos})),
        "kernel": ", ".join(sorted({info["kernelVersion"] for info in infos})),
    }


def _by_name(items: list[Document]) -> dict[str, Document]:
    return {each["metadata"]["name"]: each for each in items}
