"""Rules as data: what a platform that scales must not do, why, what to do instead, and how it is seen in its manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]
Finding = str
MOST_REPLICAS = 200
"""Above that an upper bound bounds nothing."""


@dataclass(frozen=True)
class Rule:
    """One rule. `check` yields one line a violation. `across`: an object may be wrong only beside another one."""

    id: str
    meaning: str
    reason: str
    fix: str
    check: Callable[[Sequence[Manifest]], Iterator[Finding]]
    across: bool = False


def violations(objects: Sequence[Manifest], rules: Sequence[Rule] | None = None) -> list[tuple[str, Finding]]:
    """Rule id and finding of everything that is wrong."""
    return [(rule.id, finding) for rule in (RULES if rules is None else rules) for finding in rule.check(objects)]


def named(item: Manifest) -> str:
    """`Deployment reference-dev/orders`."""
    metadata = item.get("metadata") or {}
    return f"{item.get('kind')} {metadata.get('namespace', '')}/{metadata.get('name', '?')}".replace(" /", " ")


def pod_spec(item: Manifest) -> Manifest | None:
    """The pod that an object makes, if it makes any."""
    spec = item.get("spec") or {}
    if item.get("kind") == "Pod":
        return spec
    if item.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = spec.get("template")
    return template.get("spec") if isinstance(template, Mapping) else None


def _pods(objects: Sequence[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    for item in objects:
        pod = pod_spec(item)
        if pod is not None:
            yield item, pod


def _containers(pod: Manifest) -> list[Manifest]:
    return [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]


def _replicas_beside_autoscaler(objects: Sequence[Manifest]) -> Iterator[Finding]:
    scaled = set()
    for item in objects:
        if item.get("kind") in {"HorizontalPodAutoscaler", "ScaledObject"}:
            target = (item.get("spec") or {}).get("scaleTargetRef") or {}
            kind = target.get("kind", "Deployment")
            scaled.add((kind, item["metadata"].get("namespace"), target.get("name")))
    for item in objects:
        metadata = item.get("metadata") or {}
        key = (item.get("kind"), metadata.get("namespace"), metadata.get("name"))
        if key in scaled and (item.get("spec") or {}).get("replicas") is not None:
            yield f"{named(item)}: states replicas: {item['spec']['replicas']:g}, which its autoscaler decides"


def _missing_requests(objects: Sequence[Manifest]) -> Iterator[Finding]:
    for item, pod in _pods(objects):
        for container in _containers(pod):
            resources = container.get("resources") or {}
            for part, needed in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
                missing = [name for name in needed if name not in (resources.get(part) or {})]
                if missing:
                    yield f"{named(item)}: container {container.get('name')}: no {part} of {' and '.join(missing)}"


def _privileged(objects: Sequence[Manifest]) -> Iterator[Finding]:
    for item, pod in _pods(objects):
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{named(item)}: {field}"
        whole = pod.get("securityContext") or {}
        for container in _containers(pod):
            own = container.get("securityContext") or {}
            where = f"{named(item)}: container {container.get('name')}"
            if own.get("privileged"):
                yield f"{where}: privileged"
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{where}: allowPrivilegeEscalation is not false"
            if not own.get("runAsNonRoot", whole.get("runAsNonRoot")):
                yield f"{where}: runAsNonRoot is not true"


def _unbounded_maximum(objects: Sequence[Manifest]) -> Iterator[Finding]:
    for item in objects:
        field = {"HorizontalPodAutoscaler": "maxReplicas", "ScaledObject": "maxReplicaCount"}.get(str(item.get("kind")))
        if field is None:
            continue
        most = (item.get("spec") or {}).get(field)
        if most is None:
            yield f"{named(item)}: no {field}"
        elif most > MOST_REPLICAS:
            yield f"{named(item)}: {field} {most:g} is above {MOST_REPLICAS}"


def _floating_image(objects: Sequence[Manifest]) -> Iterator[Finding]:
    for item, pod in _pods(objects):
        for container in _containers(pod):
            image = str(container.get("image", ""))
            tag = image.rsplit("/", 1)[-1].partition(":")[2]
            if "@" not in image and tag in {"", "latest"}:
                yield f"{named(item)}: container {container.get('name')}: image {image!r} has no fixed tag"


def _open_namespace(objects: Sequence[Manifest]) -> Iterator[Finding]:
    for item in objects:
        labels = (item.get("metadata") or {}).get("labels") or {}
        if item.get("kind") == "Namespace" and labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{named(item)}: Pod Security `restricted` is not enforced"


RULES: tuple[Rule, ...] = (
    Rule(
        "no-replicas-beside-autoscaler",
        "A workload with an autoscaler states no replicas.",
        "Every `up` would put the replicas back, in the middle of a peak.",
        "Leave spec.replicas out, and ignore its changes.",
        _replicas_beside_autoscaler,
        across=True,
    ),
    Rule(
        "requests-stated",
        "Every container requests CPU and memory, and has a limit of memory.",
        "Without requests the HPA has no utilisation and the scheduler no idea.",
        "State resources; `scaleproof calibrate` says how much.",
        _missing_requests,
    ),
    Rule(
        "no-privileged-pod",
        "No pod is privileged, may become so, runs as root or shares the host's namespaces.",
        "Whoever breaks into one replica would own the node.",
        "Use the security context of scaleproof.components.pod_security.",
        _privileged,
    ),
    Rule(
        "bounded-maximum",
        f"Every autoscaler has an upper bound of at most {MOST_REPLICAS}.",
        "A loop of retries, or an attack, would buy nodes without end and drown the database.",
        "Set maxReplicas to what the database's connections allow.",
        _unbounded_maximum,
    ),
    Rule(
        "fixed-image",
        "Every image has a tag other than latest, or a digest.",
        "Replicas of one Deployment would differ, and a measurement would be of nobody knows what.",
        "Name a version or a digest.",
        _floating_image,
    ),
    Rule(
        "restricted-namespace",
        "Every namespace that is made here enforces Pod Security `restricted`.",
        "The other rules hold for what is declared here; the API server holds them for everybody.",
        "Label it pod-security.kubernetes.io/enforce=restricted.",
        _open_namespace,
    ),
)
