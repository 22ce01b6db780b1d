"""How many replicas there may be: a single one, a fixed number, disruption budgets, quotas, nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.rules.workload import Workload, amount, containers
from scaleproof.spec.manifest_file import Manifest
from scaleproof.spec.quantity import byte_value, cpu_quantity, memory_quantity, milli_value

_REPLICAS_AT_LEAST: Final = 2


def _single(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        bounds = workload.autoscaling
        if bounds.max_replicas == 1:
            yield Fault(f"{workload.name}: maxReplicas 1, so it never scales", workload.spot("maxReplicas"), workload.name)
        elif bounds.min_replicas < _REPLICAS_AT_LEAST:
            yield Fault(
                f"{workload.name}: minReplicas {bounds.min_replicas}; a crash or a drained node leaves nobody to answer",
                workload.spot("minReplicas"),
                workload.name,
            )


def _fixed(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        scaler = facts.scaler_of(manifest)
        count = manifest.value("spec", "replicas")
        if scaler is not None and count is not None:
            yield Fault(
                f"{manifest.kind} {manifest.name} says replicas: {count}, which the HPA {scaler.name} decides",
                at(manifest, "spec", "replicas"),
                manifest.name,
            )


def _blocking_budget(facts: Facts) -> Iterator[Fault]:
    for budget in facts.of_kind("PodDisruptionBudget"):
        most, least = budget.value("spec", "maxUnavailable"), budget.value("spec", "minAvailable")
        if most is not None and _share_of(most, 1) == 0:
            yield Fault(f"PodDisruptionBudget {budget.name}: maxUnavailable {most}", at(budget, "spec", "maxUnavailable"))
            continue
        for manifest in _selected(facts, budget):
            count = _least_replicas(facts, manifest)
            if least is not None and count is not None and count - _share_of(least, count) <= 0:
                yield Fault(
                    f"PodDisruptionBudget {budget.name}: minAvailable {least} of the {count} replicas that {manifest.name} has at least",
                    at(budget, "spec", "minAvailable"),
                    manifest.name,
                )


def _no_budget(facts: Facts) -> Iterator[Fault]:
    budgets = facts.of_kind("PodDisruptionBudget")
    for manifest in facts.scalable():
        count = _least_replicas(facts, manifest)
        covered = any(manifest in _selected(facts, budget) for budget in budgets)
        if facts.scaler_of(manifest) is not None and count is not None and count >= _REPLICAS_AT_LEAST and not covered:
            yield Fault(
                f"{manifest.kind} {manifest.name}: {count} replicas at least, and no PodDisruptionBudget",
                at(manifest, "metadata", "name"),
                manifest.name,
            )


def _quota(facts: Facts) -> Iterator[Fault]:
    for quota in facts.of_kind("ResourceQuota"):
        if quota.value("spec", "scopes") or quota.value("spec", "scopeSelector"):
            continue
        inside = [each for each in facts.workloads if each.namespace == quota.namespace]
        for resource, text in quota.mapping("spec", "hard").items():
            name = {"cpu": "requests.cpu", "memory": "requests.memory"}.get(resource, resource)
            needed, hard = _together(name, inside), _amount(name, text)
            if inside and needed is not None and hard is not None and needed > hard:
                yield Fault(
                    f"ResourceQuota {quota.name}: {resource} {text}, but {', '.join(each.name for each in inside)} at maxReplicas need "
                    f"{_words(name, needed)}",
                    at(quota, "spec", "hard", resource),
                )


def _limit_range(facts: Facts) -> Iterator[Fault]:
    for ranges in facts.of_kind("LimitRange"):
        for entry in ranges.listing("spec", "limits"):
            most = entry.get("max") if isinstance(entry, dict) and entry.get("type") == "Container" else None
            if not isinstance(most, dict):
                continue
            for manifest in facts.scalable():
                if manifest.namespace == ranges.namespace:
                    yield from _refused(manifest, most, ranges.name)


def _refused(manifest: Manifest, most: Mapping[str, Any], ranges: str) -> Iterator[Fault]:
    for index, container in enumerate(containers(manifest)):
        for resource in ("cpu", "memory"):
            limit = amount(container, "limits", resource)
            allowed = _amount(resource, most[resource]) if resource in most else None
            if limit is not None and allowed is not None and limit > allowed:
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.name} has a {resource} limit of "
                    f"{_words(resource, limit)}, LimitRange {ranges} allows {most[resource]}",
                    at(manifest, "spec", "template", "spec", "containers", index, "resources"),
                    manifest.name,
                )


def _nodes(facts: Facts) -> Iterator[Fault]:
    nodes = [(_room(node, "cpu"), _room(node, "memory")) for node in facts.of_kind("Node")]
    known = [(cpu, memory) for cpu, memory in nodes if cpu is not None and memory is not None]
    asked = [each for each in facts.workloads if each.requests.cpu_millicores and each.requests.memory_bytes]
    if not known or not asked:
        return
    for workload in asked:
        cpu, memory = workload.requests.cpu_millicores or 0, workload.requests.memory_bytes or 0
        if not any(cpu <= room[0] and memory <= room[1] for room in known):
            yield Fault(
                f"{workload.name}: a replica asks for {cpu_quantity(cpu)} and {memory_quantity(memory)}, more than any of {len(known)} nodes has",
                workload.resources_spot(),
                workload.name,
            )
    for position, resource in enumerate(("cpu", "memory")):
        needed = _together(f"requests.{resource}", asked) or 0
        room = sum(node[position] for node in known)
        if needed > room:
            yield Fault(
                f"all services at maxReplicas ask for {_words(resource, needed)} {resource}, {len(known)} nodes have {_words(resource, room)}",
                asked[0].spot("maxReplicas"),
            )


def _room(node: Manifest, resource: str) -> int | None:
    text = node.value("status", "allocatable", resource)
    return None if text is None else _amount(resource, text)


def _together(name: str, workloads: list[Workload]) -> int | None:
    """`requests.cpu`, `limits.memory`, `pods` of all at maxReplicas; None where one of them does not say."""
    total = 0
    for workload in workloads:
        part = workload.limits if name.startswith("limits.") else workload.requests
        each = {
            "pods": 1,
            "requests.cpu": part.cpu_millicores,
            "limits.cpu": part.cpu_millicores,
            "requests.memory": part.memory_bytes,
            "limits.memory": part.memory_bytes,
        }.get(name)
        if each is None:
            return None
        total += each * workload.autoscaling.max_replicas
    return total


def _amount(name: str, text: Any) -> int | None:
    try:
        return milli_value(text) if name.endswith("cpu") else byte_value(text)
    except ValueError:
        return None


def _words(name: str, value: int) -> str:
    if name.endswith("cpu"):
        return cpu_quantity(value)
    return memory_quantity(value) if name.endswith("memory") else str(value)


def _least_replicas(facts: Facts, manifest: Manifest) -> int | None:
    """Of its HPA, otherwise its own replicas (Kubernetes' default is 1)."""
    scaler = facts.scaler_of(manifest)
    found = scaler.value("spec", "minReplicas") if scaler is not None else manifest.value("spec", "replicas")
    return found if isinstance(found, int) else 1


def _share_of(text: Any, count: int) -> int:
    """An IntOrString of a budget: per cent are rounded up, as the disruption controller does."""
    said = str(text)
    try:
        return math.ceil(count * int(said[:-1]) / 100) if said.endswith("%") else int(said)
    except ValueError:
        return 0


def _selected(facts: Facts, budget: Manifest) -> list[Manifest]:
    """The workloads whose pods a budget selects by labels; expressions are not read."""
    wanted = budget.mapping("spec", "selector", "matchLabels")
    if not wanted or budget.value("spec", "selector", "matchExpressions"):
        return []
    return [
        manifest
        for manifest in facts.scalable()
        if manifest.namespace == budget.namespace
        and wanted.items() <= manifest.mapping("spec", "template", "metadata", "labels").items()
    ]


RULES: Final = (
    Rule(
        id="single-replica",
        title="A single replica",
        severity="warning",
        why="One crash, one drained node or one slow start is an outage for every user, and the first rise meets one replica alone.",
        fix="set minReplicas to 2 or more (and maxReplicas above it)",
        check=_single,
    ),
    Rule(
        id="replicas-beside-autoscaler",
        title="replicas is set beside an HPA",
        severity="error",
        why="Every deployment sets the count back: at the peak, from 20 replicas to the number in the file, at once.",
        fix="remove spec.replicas from the workload (with server-side apply, hand the field over to the HPA first)",
        check=_fixed,
    ),
    Rule(
        id="budget-blocks-drain",
        title="A disruption budget that lets no pod go",
        severity="error",
        why="A node with such a pod cannot be drained: upgrades hang, and the cluster's autoscaler keeps nodes that are empty otherwise.",
        fix="use maxUnavailable: 1 instead of minAvailable",
        check=_blocking_budget,
    ),
    Rule(
        id="no-disruption-budget",
        title="Several replicas without a disruption budget",
        severity="warning",
        why="A drain may take all of them at once; the rest of the platform then meets their load.",
        fix="add a PodDisruptionBudget with maxUnavailable: 1",
        check=_no_budget,
    ),
    Rule(
        id="quota-below-max-replicas",
        title="The quota ends below maxReplicas",
        severity="error",
        why="The HPA asks for replicas that the API server refuses. The HPA's status looks well, only the ReplicaSet's events tell.",
        fix="raise the quota to all services at maxReplicas with a rollout's surge, or lower maxReplicas",
        check=_quota,
    ),
    Rule(
        id="limit-range-refuses-pods",
        title="A LimitRange refuses the replicas",
        severity="error",
        why="Pods above the range are not created: running ones stay, and no new one comes.",
        fix="raise the range's max, or lower the container's limit",
        check=_limit_range,
    ),
    Rule(
        id="nodes-below-max-replicas",
        title="The nodes have no room for maxReplicas",
        severity="error",
        why="Replicas beyond the nodes' room stay Pending until somebody adds a node: minutes, if there is a cluster autoscaler, else for good.",
        fix="add nodes, or a cluster autoscaler with room; or lower requests or maxReplicas",
        check=_nodes,
    ),
)
