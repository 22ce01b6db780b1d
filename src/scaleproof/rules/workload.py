"""An autoscaled service as rules see it: from the stack's policy, or from an HPA and the Deployment that it scales."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from scaleproof.rules.rule import Source, Spot
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.manifest_file import Manifest
from scaleproof.spec.policy import Policy
from scaleproof.spec.quantity import byte_value, milli_value

SCALABLE: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
_SURGE: Final = "25%"
"""What Kubernetes adds while it rolls out, where a Deployment does not say (and what our own Deployments say)."""
_V1_TARGET: Final = "targetCPUUtilizationPercentage"


@dataclass(frozen=True)
class Amounts:
    """What one replica asks for or may use; None where a container does not say."""

    cpu_millicores: int | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Workload:
    """One autoscaled service."""

    name: str
    """Of the service, or of the workload that the HPA names."""
    namespace: str
    autoscaling: AutoscalingSpec
    requests: Amounts
    limits: Amounts
    surge: int
    """Replicas beyond maxReplicas while a new version is rolled out."""
    source: Source = field(repr=False)
    scaling_path: tuple[str | int, ...] = ()
    """Where the autoscaling spec stands in `source`."""
    pod_source: Source | None = field(default=None, repr=False)
    pod_path: tuple[str | int, ...] = ()
    """Where the resources of a replica stand: in the policy, or of the pod in the workload's manifest."""

    def spot(self, *path: str | int) -> Spot:
        """A field of the autoscaling spec, in Kubernetes' names."""
        return Spot(self.source, (*self.scaling_path, *path))

    def resources_spot(self, *path: str | int) -> Spot:
        """A field of the resources; for a manifest, its containers."""
        return Spot(self.pod_source or self.source, (*self.pod_path, *(path if self.pod_source is None else ())))

    @property
    def cpu_target(self) -> tuple[int, int] | None:
        """(index of the metric, per cent of the request) of the CPU utilisation target; Kubernetes' own 80 where no metric is given."""
        if not self.autoscaling.metrics:
            return 0, 80
        for index, metric in enumerate(self.autoscaling.metrics):
            target = metric.resource.target if metric.resource and metric.resource.name == "cpu" else None
            if target is not None and target.type == "Utilization" and target.average_utilization is not None:
                return index, target.average_utilization
        return None


def workloads_of(policy: Policy | None, manifests: Sequence[Manifest]) -> tuple[Workload, ...]:
    """Every autoscaled service of the policy, then every HPA whose workload is among the manifests, and those whose is not.

    Raises BadInputError where an HPA is none.
    """
    known = {(each.namespace, each.kind, each.name): each for each in manifests if each.kind in SCALABLE}
    scalers = [each for each in manifests if each.kind == "HorizontalPodAutoscaler"]
    return (*_of_policy(policy), *(_of_scaler(each, known) for each in scalers))


def scaled_object(scaler: Manifest) -> tuple[str, str, str]:
    """(namespace, kind, name) of what an HPA, a VPA or the like acts on."""
    for key in ("scaleTargetRef", "targetRef"):
        reference = scaler.mapping("spec", key)
        if reference:
            return scaler.namespace, str(reference.get("kind", "")), str(reference.get("name", ""))
    return scaler.namespace, "", ""


def pod_spec(workload: Manifest) -> Mapping[str, Any]:
    """The pod that a workload makes; empty where it makes none."""
    return workload.mapping("spec") if workload.kind == "Pod" else workload.mapping("spec", "template", "spec")


def containers(workload: Manifest) -> list[Mapping[str, Any]]:
    """Its containers; sidecars (init containers that restart) are not among them."""
    found = pod_spec(workload).get("containers")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def amount(container: Mapping[str, Any], part: str, resource: str) -> int | None:
    """`requests` or `limits` of a container: millicores or bytes. None where it does not say, or says no quantity."""
    resources = container.get("resources")
    listed = resources.get(part) if isinstance(resources, dict) else None
    text = listed.get(resource) if isinstance(listed, dict) else None
    if text is None:
        return None
    try:
        return milli_value(text) if resource == "cpu" else byte_value(text)
    except ValueError:
        return None


def surge_of(max_replicas: int, text: Any = None) -> int:
    """Replicas of `maxSurge`: a number, or per cent of the replicas rounded up, as the Deployment controller does."""
    said = str(_SURGE if text is None else text)
    try:
        return math.ceil(max_replicas * int(said[:-1]) / 100) if said.endswith("%") else int(said)
    except ValueError:
        return 0


def _of_policy(policy: Policy | None) -> Iterator[Workload]:
    for name, service in (policy.services if policy is not None else {}).items():
        asked, allowed = service.resources.requests, service.resources.limits
        yield Workload(
            name=name,
            namespace="",
            autoscaling=service.autoscaling,
            requests=Amounts(asked.cpu_millicores, asked.memory_bytes),
            limits=Amounts(allowed.cpu_millicores, allowed.memory_bytes),
            surge=surge_of(service.autoscaling.max_replicas),
            source="policy",
            scaling_path=("services", name, "autoscaling"),
            pod_path=("services", name, "resources"),
        )


def _of_scaler(scaler: Manifest, known: Mapping[tuple[str, str, str], Manifest]) -> Workload:
    spec = _spec_of(scaler)
    target = scaled_object(scaler)
    workload = known.get(target)
    inside = containers(workload) if workload is not None else []
    surge = workload.value("spec", "strategy", "rollingUpdate", "maxSurge") if workload is not None else None
    return Workload(
        name=target[2] or scaler.name,
        namespace=scaler.namespace,
        autoscaling=spec,
        requests=Amounts(_together(inside, "cpu", "requests", "limits"), _together(inside, "memory", "requests", "limits")),
        limits=Amounts(_together(inside, "cpu", "limits"), _together(inside, "memory", "limits")),
        surge=surge_of(spec.max_replicas, surge) if target[1] == "Deployment" else 0,
        source=scaler,
        scaling_path=("spec",),
        pod_source=workload,
        pod_path=("spec", "template", "spec", "containers"),
    )


def _together(inside: list[Mapping[str, Any]], resource: str, *parts: str) -> int | None:
    """Of all containers, from the first part that says it (a limit is the request where none is given); None where one has neither."""
    amounts = [
        next((each for part in parts if (each := amount(container, part, resource)) is not None), None) for container in inside
    ]
    known = [each for each in amounts if each is not None]
    return sum(known) if known and len(known) == len(amounts) else None


def _spec_of(scaler: Manifest) -> AutoscalingSpec:
    spec = {key: value for key, value in scaler.mapping("spec").items() if key != "scaleTargetRef"}
    if _V1_TARGET in spec:
        target = {"type": "Utilization", "averageUtilization": spec.pop(_V1_TARGET)}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    try:
        return AutoscalingSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors()[0]
        raise scaler.fail(["spec", *first["loc"]], first["msg"].removeprefix("Value error, ")) from None
