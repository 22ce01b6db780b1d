"""A pod as a run's tables see it: state, when it changed, what it holds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

Document = dict[str, Any]
SERVICE_LABEL: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component=service"
_CRASHED: Final = frozenset({"CrashLoopBackOff", "RunContainerError", "StartError"})


@dataclass(frozen=True)
class PodView:
    """What matters of a `v1.Pod`; times are Unix seconds, whole ones as Kubernetes keeps them."""

    name: str
    service: str
    created_at: float
    started_at: float | None
    """When the kubelet took it (`status.startTime`)."""
    ready: bool
    ready_at: float | None
    """When it last became ready; None while it is not."""
    deleted_at: float | None
    """When its deletion was asked for."""
    failed: bool
    finished: bool
    """It ran to its end: it is no replica any more."""
    restarts: int
    last_end: str
    """Why its container last ended, such as OOMKilled; empty where it never did."""

    def state(self, *, was_ready: bool) -> str:
        """`replicas.state` of the run's tables."""
        if self.deleted_at is not None:
            return "draining"
        if self.failed:
            return "failed"
        if self.ready:
            return "ready"
        return "unready" if was_ready else "starting"


def view(pod: Document) -> PodView:
    """Read a pod. Its service is what its label `app.kubernetes.io/name` says."""
    metadata, status = pod["metadata"], pod.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    containers = status.get("containerStatuses") or []
    deleted_at = None
    if metadata.get("deletionTimestamp"):
        deleted_at = seconds(metadata["deletionTimestamp"]) - float(metadata.get("deletionGracePeriodSeconds") or 0)
    ends = [each.get("lastState", {}).get("terminated", {}).get("reason", "") for each in containers]
    waiting = {each.get("state", {}).get("waiting", {}).get("reason", "") for each in containers}
    is_ready = ready.get("status") == "True"
    return PodView(
        name=metadata["name"],
        service=(metadata.get("labels") or {}).get(SERVICE_LABEL, ""),
        created_at=seconds(metadata["creationTimestamp"]),
        started_at=seconds(status["startTime"]) if status.get("startTime") else None,
        ready=is_ready,
        ready_at=seconds(ready["lastTransitionTime"]) if is_ready and ready.get("lastTransitionTime") else None,
        deleted_at=deleted_at,
        failed=status.get("phase") == "Failed" or bool(waiting & _CRASHED),
        finished=status.get("phase") in {"Succeeded", "Failed"},
        restarts=sum(int(each.get("restartCount") or 0) for each in containers),
        last_end=next((reason for reason in ends if reason), ""),
    )


def seconds(timestamp: str) -> float:
    """A Kubernetes timestamp (RFC 3339) as Unix seconds."""
    return datetime.fromisoformat(timestamp).timestamp()
