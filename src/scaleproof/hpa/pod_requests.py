"""What a pod of a PodList requests: upstream's calculateRequests over Kubernetes' own objects. In thousandths."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from scaleproof.hpa.field import mapping, objects, parsed
from scaleproof.hpa.metrics_client import MetricError
from scaleproof.hpa.quantities import milli_value
from scaleproof.spec.quantity import parse_quantity

_POD_LEVEL = ("cpu", "memory")


def request_of_pod(pod: dict[str, Any], path: str, name: str, resource: str, container: str) -> int:
    """`calculateRequests` of one pod: pod-level requests where set, otherwise the containers'. Raises MetricError."""
    spec = mapping(pod, "spec", path)
    path = f"{path}.spec"
    if not container:
        pod_level = mapping(mapping(spec, "resources", path), "requests", f"{path}.resources")
        if any(key in _POD_LEVEL or key.startswith("hugepages-") for key in pod_level):
            return _pod_level_request(spec, pod_level, path, name, resource)
    return _container_requests(spec, path, name, resource, container)


def _container_requests(spec: dict[str, Any], path: str, name: str, resource: str, container: str) -> int:
    total = 0
    containers = [(c, f"{path}.containers[{i}]") for i, c in enumerate(objects(spec, "containers", path))]
    for i, c in enumerate(objects(spec, "initContainers", path)):
        if c.get("restartPolicy") == "Always":
            containers.append((c, f"{path}.initContainers[{i}]"))
    for c, at in containers:
        if container and c.get("name") != container:
            continue
        requests = mapping(mapping(c, "resources", at), "requests", f"{at}.resources")
        if requests.get(resource) is None:
            raise MetricError(f"missing request for {resource} in container {c.get('name', '')} of Pod {name}")
        total += parsed(requests[resource], f"{at}.resources.requests.{resource}", "a quantity", milli_value)
        if container:
            return total
    if container:
        raise MetricError(f"container {container} not found in Pod {name}")
    return total


def _pod_level_request(spec: dict[str, Any], pod_level: dict[str, Any], path: str, name: str, resource: str) -> int:
    """`resourcehelpers.PodRequests` of one resource (component-helpers/resource/helpers.go)."""
    amount: Decimal | None
    if resource in pod_level and (resource in _POD_LEVEL or resource.startswith("hugepages-")):
        amount = parsed(pod_level[resource], f"{path}.resources.requests.{resource}", "a quantity", parse_quantity)
    else:
        amount = _aggregate_container_requests(spec, path, resource)
    overhead = mapping(spec, "overhead", path).get(resource)
    if overhead is not None:
        amount = (amount or Decimal(0)) + parsed(overhead, f"{path}.overhead.{resource}", "a quantity", parse_quantity)
    if amount is None:
        raise MetricError(f"missing pod-level request for {resource} in Pod {name}")
    return milli_value(format(amount, "f"))


def _aggregate_container_requests(spec: dict[str, Any], path: str, resource: str) -> Decimal | None:
    """`AggregateContainerRequests`: the containers' sum, at least what any init container needs beside the sidecars."""
    total: Decimal | None = None
    sidecars = Decimal(0)
    peak: Decimal | None = None
    for i, c in enumerate(objects(spec, "containers", path)):
        amount = _amount(c, f"{path}.containers[{i}]", resource)
        if amount is not None:
            total = (total or Decimal(0)) + amount
    for i, c in enumerate(objects(spec, "initContainers", path)):
        amount = _amount(c, f"{path}.initContainers[{i}]", resource)
        if amount is None and not sidecars:
            continue
        if c.get("restartPolicy") == "Always":
            if amount is not None:
                total = (total or Decimal(0)) + amount
            sidecars += amount or 0
            needed = sidecars
        else:
            needed = (amount or Decimal(0)) + sidecars
        peak = needed if peak is None else max(peak, needed)
    if peak is None:
        return total
    return peak if total is None else max(total, peak)


def _amount(container: dict[str, Any], path: str, resource: str) -> Decimal | None:
    value = mapping(mapping(container, "resources", path), "requests", f"{path}.resources").get(resource)
    if value is None:
        return None
    return parsed(value, f"{path}.resources.requests.{resource}", "a quantity", parse_quantity)
