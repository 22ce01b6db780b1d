"""What keeps pods from running, as rules over pods and events: each with what it means and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.cluster.pods import seconds

Document = dict[str, Any]

IMAGE_REASONS: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
CRASHES_ENOUGH: Final = 3
RECENT_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Trouble:
    """One thing that stands in the way."""

    code: str
    where: str
    """namespace/name of the object it concerns."""
    message: str
    hint: str
    patience_seconds: float
    """How long it may last before waiting is given up: it may pass by itself."""


@dataclass(frozen=True)
class Scene:
    """What was seen at one moment (Unix seconds)."""

    now: float
    pods: Sequence[Document]
    events: Sequence[Document]
    since: float = 0.0
    """Events of before do not count."""


def troubles(scene: Scene) -> list[Trouble]:
    """Everything that stands in the way now, the surest first."""
    return [found for rule in RULES for found in rule(scene)]


def _images(scene: Scene) -> Iterator[Trouble]:
    for pod in scene.pods:
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") in IMAGE_REASONS:
                yield Trouble(
                    "image",
                    _where(pod),
                    f"the image {container.get('image', '?')} of {_where(pod)} cannot be pulled"
                    f" ({_cause(waiting.get('message', '')) or waiting['reason']})",
                    "does it exist, may the cluster pull it (imagePullSecrets), and is the tag right? "
                    "On the test cluster `make cluster-up` loads local images",
                    patience_seconds=10.0,
                )


def _configuration(scene: Scene) -> Iterator[Trouble]:
    for pod in scene.pods:
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") in CONFIG_REASONS:
                yield Trouble(
                    "configuration",
                    _where(pod),
                    f"the container {container['name']} of {_where(pod)} cannot be made ({waiting.get('message', '')})",
                    "create the Secret or ConfigMap that it names, or correct the name",
                    patience_seconds=15.0,
                )


def _quota(scene: Scene) -> Iterator[Trouble]:
    for event in _recent(scene, "FailedCreate"):
        match = re.search(
            r"exceeded quota: ([^,\s]+), requested: (.+?), used: (.+?), limited: ([^\s\"]+)", event.get("message", "")
        )
        if match:
            name, requested, used, limited = match.groups()
            yield Trouble(
                "quota",
                _object(event),
                f"the ResourceQuota {name} of namespace {event['metadata']['namespace']} is too small: {_object(event)} needs "
                f"{requested} more, {used} of {limited} are used",
                "raise the quota, or lower requests or maxReplicas in the policy",
                patience_seconds=5.0,
            )


def _admission(scene: Scene) -> Iterator[Trouble]:
    for event in _recent(scene, "FailedCreate"):
        message = event.get("message", "")
        if "violates PodSecurity" in message or "denied the request" in message or "must specify" in message:
            yield Trouble(
                "admission",
                _object(event),
                f"the cluster refuses pods of {_object(event)} ({_cause(message)})",
                "what the namespace's policies ask for has to be in the pod's specification",
                patience_seconds=5.0,
            )


def _scheduling(scene: Scene) -> Iterator[Trouble]:
    for pod in scene.pods:
        for condition in pod.get("status", {}).get("conditions") or []:
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                yield Trouble(
                    "scheduling",
                    _where(pod),
                    f"no node has room for {_where(pod)} ({condition.get('message', '').split(' preemption:')[0].strip()})",
                    "add nodes, or lower requests or minReplicas in the policy",
                    patience_seconds=25.0,
                )


def _crashes(scene: Scene) -> Iterator[Trouble]:
    for pod in scene.pods:
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") == "CrashLoopBackOff" and container.get("restartCount", 0) >= CRASHES_ENOUGH:
                last = container.get("lastState", {}).get("terminated", {})
                yield Trouble(
                    "crash",
                    _where(pod),
                    f"the container {container['name']} of {_where(pod)} keeps ending"
                    f" (exit code {last.get('exitCode', '?')}, {last.get('reason', 'Error')})",
                    f"see `kubectl logs --previous -n {pod['metadata']['namespace']} {pod['metadata']['name']}`",
                    patience_seconds=5.0,
                )


RULES: Final[tuple[Callable[[Scene], Iterator[Trouble]], ...]] = (
    _images,
    _configuration,
    _quota,
    _admission,
    _scheduling,
    _crashes,
)


class Patience:
    """Gives a trouble the time in which it may pass by itself. Pure: time is an argument."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def lasting(self, scene: Scene) -> Trouble | None:
        """The first trouble that has lasted for longer than it may."""
        found = troubles(scene)
        self._since = {(each.code, each.where): self._since.get((each.code, each.where), scene.now) for each in found}
        for each in found:
            if scene.now - self._since[each.code, each.where] >= each.patience_seconds:
                return each
        return None


def _containers(pod: Document) -> Iterator[Document]:
    """Of a pod that is not on its way out."""
    if not pod["metadata"].get("deletionTimestamp"):
        status = pod.get("status", {})
        yield from status.get("initContainerStatuses") or []
        yield from status.get("containerStatuses") or []


def _recent(scene: Scene, reason: str) -> Iterator[Document]:
    for event in scene.events:
        recent = happened_at(event) >= max(scene.now - RECENT_SECONDS, scene.since)
        if event.get("reason") == reason and recent:
            yield event


def happened_at(event: Document) -> float:
    """When an event was last seen, Unix seconds."""
    series = event.get("series") or {}
    stamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return seconds(stamp or event["metadata"]["creationTimestamp"])


def _where(pod: Document) -> str:
    metadata = pod["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def _object(event: Document) -> str:
    involved = event.get("involvedObject", {})
    return f"{involved.get('kind', '').lower()} {involved.get('namespace', '')}/{involved.get('name', '')}"


def _cause(message: str) -> str:
    """The innermost reason of a long chain, short enough for one line."""
    return message.strip().strip('"').rpartition(': "')[2].strip('"')[-240:]
