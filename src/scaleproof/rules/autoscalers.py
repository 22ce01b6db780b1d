"""Autoscalers beside each other, and what they measure against: HPAs, VPAs, KEDA's ScaledObjects and their containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.rules.workload import amount, containers, scaled_object

_REPLACING: Final = frozenset({"Auto", "Recreate", "InPlaceOrRecreate", "Initial"})
"""Modes in which a VPA changes requests."""


def _missing_request(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        scaler = facts.scaler_of(manifest)
        if scaler is None:
            continue
        for resource in _utilization_resources(facts, scaler.name, scaler.namespace):
            for index, container in enumerate(containers(manifest)):
                if amount(container, "requests", resource) is None and amount(container, "limits", resource) is None:
                    yield Fault(
                        f"container {container.get('name', index)} of {manifest.kind} {manifest.name} has no {resource} request, and "
                        f"the HPA {scaler.name} scales on per cent of it",
                        at(manifest, "spec", "template", "spec", "containers", index, "resources"),
                        manifest.name,
                    )


def _two_autoscalers(facts: Facts) -> Iterator[Fault]:
    seen: dict[tuple[str, str, str], str] = {}
    for scaler in facts.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
        target = scaled_object(scaler)
        owners = scaler.listing("metadata", "ownerReferences")
        # KEDA's own HPA belongs to its ScaledObject.
        if not target[2] or any(isinstance(owner, dict) and owner.get("kind") == "ScaledObject" for owner in owners):
            continue
        # KEDA's reference may leave the kind out: it is a Deployment then.
        key = (target[0], target[1] or "Deployment", target[2])
        if key in seen:
            yield Fault(
                f"{seen[key]} and {scaler.kind} {scaler.name} both scale {key[1]} {key[2]}",
                at(scaler, "spec", "scaleTargetRef"),
                key[2],
            )
        seen.setdefault(key, f"{scaler.kind} {scaler.name}")


def _vertical(facts: Facts) -> Iterator[Fault]:
    for vertical in facts.of_kind("VerticalPodAutoscaler"):
        mode = vertical.value("spec", "updatePolicy", "updateMode") or "Auto"
        scaler = facts.scaled.get(scaled_object(vertical))
        if mode not in _REPLACING or scaler is None:
            continue
        moved = _controlled(vertical.listing("spec", "resourcePolicy", "containerPolicies"))
        shared = sorted(moved & set(_utilization_resources(facts, scaler.name, scaler.namespace)))
        if shared:
            yield Fault(
                f"VerticalPodAutoscaler {vertical.name} changes the {' and '.join(shared)} request that the HPA {scaler.name} measures "
                f"use against ({mode})",
                at(vertical, "spec"),
                scaled_object(vertical)[2],
            )


def _controlled(policies: list[object]) -> set[str]:
    """The resources that a VPA changes: both, unless every container's policy says otherwise."""
    if not policies:
        return {"cpu", "memory"}
    found: set[str] = set()
    for policy in policies:
        if isinstance(policy, dict) and policy.get("mode") != "Off":
            found |= {str(each) for each in policy.get("controlledResources") or ("cpu", "memory")}
    return found


def _utilization_resources(facts: Facts, scaler: str, namespace: str) -> list[str]:
    """The resources of which that HPA looks at per cent of the request."""
    for workload in facts.workloads:
        source = workload.source
        if isinstance(source, str) or (source.name, source.namespace) != (scaler, namespace):
            continue
        if not workload.autoscaling.metrics:
            return ["cpu"]
        sources = [metric.resource for metric in workload.autoscaling.metrics]
        return [each.name for each in sources if each is not None and each.target.type == "Utilization"]
    return []


RULES: Final = (
    Rule(
        id="missing-requests",
        title="An autoscaled container has no request",
        severity="error",
        why="Utilisation is use by request. Where one container has none, the HPA reports FailedGetResourceMetric and does not scale at all.",
        fix="give every container a request, sidecars too: what it uses at capacity",
        check=_missing_request,
    ),
    Rule(
        id="two-autoscalers",
        title="Two autoscalers scale the same workload",
        severity="error",
        why="Each puts back what the other decided: the count swings with every sync. KEDA makes an HPA of its own.",
        fix="keep one of them; several metrics belong into one HPA",
        check=_two_autoscalers,
    ),
    Rule(
        id="vertical-beside-horizontal",
        title="A VPA changes the request that the HPA measures against",
        severity="error",
        why="A higher request lowers utilisation, and the HPA removes replicas; the others get more load, and the VPA asks for more again.",
        fix="let the VPA control memory only (controlledResources: [memory]), or set its updateMode to Off",
        check=_vertical,
    ),
)
