"""The autoscaling of a service: its HorizontalPodAutoscaler as it is, or Kubernetes' default with bounds that are explained."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from scaleproof.adoption.documents import Document, mapping, whole, words
from scaleproof.adoption.guesses import POLICY, Reasons
from scaleproof.adoption.objects import Objects, Workload
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError

DEFAULT_TARGET_PERCENT: Final = 80
"""What Kubernetes fills in where an autoscaler names no metric (k8s.io/api/autoscaling/v2, HorizontalPodAutoscalerSpec.metrics)."""
LEAST_ROOM: Final = 10
_SIMULATED: Final = frozenset({("Resource", "cpu"), ("Pods", "")})


def autoscalers_of(workload: Workload, objects: Objects) -> list[Document]:
    """Those that scale this workload."""
    return [each for each in objects.autoscalers if each.near(workload.document) and _target(each) == _identity(workload)]


def say_unmatched(objects: Objects, told: Reasons) -> None:
    """A note for every autoscaler that scales nothing of what was read."""
    known = {_identity(workload) for workload in objects.workloads}
    for each in objects.autoscalers:
        kind, name = _target(each)
        if (kind, name) not in known:
            told.note(f"{each}: scales the {kind or 'object'} {name}, which was not read")


def autoscaling_of(workload: Workload, objects: Objects, service: str, told: Reasons) -> dict[str, Any]:
    """`autoscaling` of the service's policy. Raises BadInputError where an autoscaler is none."""
    at = ("services", service, "autoscaling")
    found = autoscalers_of(workload, objects)
    if not found:
        return _default(workload, objects, at, told)
    first, *others = found
    for other in others:
        told.note(
            f"{other}: left out, {first.name} scales {workload.name} already; two autoscalers of one object work against each other"
        )
    told.remark(POLICY, at, f"as {first} has it")
    spec = _taken_over(first)
    for metric in spec.get("metrics", []):
        source = mapping(metric.get("resource"))
        if (metric["type"], words(source.get("name"))) not in _SIMULATED:
            told.note(f"{first}: `simulate` and `tune` do not know its metric of type {metric['type']}; `hpa explain` does")
    return spec


def default_autoscaling(least: int, most: int) -> dict[str, Any]:
    """CPU at Kubernetes' own default target."""
    return {"minReplicas": least, "maxReplicas": most, "metrics": [_cpu(DEFAULT_TARGET_PERCENT)]}


def _default(workload: Workload, objects: Objects, at: tuple[str, ...], told: Reasons) -> dict[str, Any]:
    kept = max((_kept_available(each, workload) for each in objects.budgets), default=0)
    running = max(1, workload.replicas)
    least = max(running, kept + 1 if kept else 0)
    most = max(LEAST_ROOM, 2 * least)
    told.guess(
        POLICY,
        (*at, "metrics"),
        f"cpu {DEFAULT_TARGET_PERCENT} %",
        "no HorizontalPodAutoscaler: Kubernetes' default, CPU at 80 %",
    )
    if least > running:
        why = f"its disruption budget keeps {kept} available, and one more lets a node be drained"
    else:
        why = "as many as its manifest runs now" if workload.replicas else "its manifest runs none now"
    told.guess(POLICY, (*at, "minReplicas"), least, why)
    why = f"nothing says how many may run: twice minReplicas, at least {LEAST_ROOM}; `scaleproof tune` finds what is needed"
    told.guess(POLICY, (*at, "maxReplicas"), most, why)
    if workload.document.kind == "StatefulSet":
        told.note(f"{workload}: no autoscaler scales it so far; give it minReplicas = maxReplicas if it must not be scaled")
    return default_autoscaling(least, most)


def _kept_available(budget: Document, workload: Workload) -> int:
    """`minAvailable` of a disruption budget of this workload, where it is a number of pods."""
    labels = mapping(mapping(budget.spec.get("selector")).get("matchLabels"))
    if not budget.near(workload.document) or not workload.is_selected_by(labels):
        return 0
    return max(0, whole(budget.spec.get("minAvailable")) or 0)


def _taken_over(document: Document) -> dict[str, Any]:
    version = words(document.body.get("apiVersion"))
    if version == "autoscaling/v2beta1":
        raise BadInputError(
            f"{document}: {version} is no longer served by any cluster",
            hint="write it as autoscaling/v2; `kubectl convert` does it",
        )
    spec = {key: value for key, value in document.spec.items() if value is not None and key != "scaleTargetRef"}
    target = spec.pop("targetCPUUtilizationPercentage", None) if version == "autoscaling/v1" else None
    if target is not None:
        spec["metrics"] = [_cpu(target)]
    try:
        known = AutoscalingSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("spec", *first["loc"]))
        raise BadInputError(f"{document}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    plain: dict[str, Any] = known.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not plain["metrics"]:
        del plain["metrics"]  # Kubernetes fills in its default, and so do the simulator and `hpa explain`
    return plain


def _cpu(percent: object) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}


def _target(autoscaler: Document) -> tuple[str, str]:
    reference = mapping(autoscaler.spec.get("scaleTargetRef"))
    return words(reference.get("kind")), words(reference.get("name"))


def _identity(workload: Workload) -> tuple[str, str]:
    return workload.document.kind, workload.name
