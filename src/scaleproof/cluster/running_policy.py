"""Whether a cluster runs the policy that a stack's file says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scaleproof.spec.policy import Policy
from scaleproof.spec.quantity import byte_value, milli_value

Document = dict[str, Any]


def differences(policy: Policy, autoscalers: Mapping[str, Document], deployments: Mapping[str, Document]) -> Iterator[str]:
    """`service: field 5 in the file, 8 in the cluster`, for bounds, targets and resources. By name of the service."""
    for name, wanted in policy.services.items():
        if name not in deployments:
            yield f"{name}: no Deployment"
            continue
        if name not in autoscalers:
            yield f"{name}: no HorizontalPodAutoscaler"
            continue
        spec = autoscalers[name]["spec"]
        fields = [
            ("minReplicas", wanted.autoscaling.min_replicas, spec.get("minReplicas", 1)),
            ("maxReplicas", wanted.autoscaling.max_replicas, spec["maxReplicas"]),
            ("metrics", _targets(wanted.autoscaling.model_dump(by_alias=True, exclude_none=True)), _targets(spec)),
            ("resources", _wanted_resources(wanted.resources), _live_resources(name, deployments[name])),
        ]
        for field, said, found in fields:
            if said != found:
                yield f"{name}: {field} {said} in the file, {found} in the cluster"


def _targets(spec: Document) -> list[str]:
    """Every metric's target, as text; the cluster's own default where there is none."""
    found = []
    for metric in spec.get("metrics") or [{"type": "Resource", "resource": {"target": {"averageUtilization": 80}}}]:
        kind = str(metric["type"])
        target = metric[kind[0].lower() + kind[1:]]["target"]
        number = target.get("averageUtilization") or milli_value(target.get("averageValue") or target.get("value") or 0) / 1000
        found.append(f"{kind} {number:g}")
    return found


def _wanted_resources(resources: Any) -> dict[str, int]:
    return {
        "requests.cpu_millicores": resources.requests.cpu_millicores,
        "requests.memory_bytes": resources.requests.memory_bytes,
        "limits.cpu_millicores": resources.limits.cpu_millicores,
        "limits.memory_bytes": resources.limits.memory_bytes,
    }


def _live_resources(name: str, deployment: Document) -> dict[str, int]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    container = next((each for each in containers if each["name"] == name), containers[0])
    live = container.get("resources") or {}
    return {
        f"{kind}.{resource}_{unit}": read((live.get(kind) or {}).get(resource, "0"))
        for kind in ("requests", "limits")
        for resource, unit, read in (("cpu", "millicores", milli_value), ("memory", "bytes", byte_value))
    }
