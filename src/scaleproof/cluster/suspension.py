"""Taking the autoscaler's hands off a Deployment, and giving it back without memory of what was before.

A HorizontalPodAutoscaler cannot be paused, and while it exists the controller remembers its recommendations. So it is deleted
and later applied again as it was. Until then it is written down on its Deployment: nothing is lost when this process dies.
Source: k8s.io/kubernetes pkg/controller/podautoscaler/horizontal.go (reconcileKey forgets at the first sync without the object).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from scaleproof.cluster.kube_api import KubeApi
from scaleproof.spec.errors import CannotMeasureError

Document = dict[str, Any]

ANNOTATION: Final = "scaleproof.dev/suspended-autoscaler"
FIELD_MANAGER: Final = "scaleproof"
SYNC_SECONDS: Final = 15.0
"""kube-controller-manager's --horizontal-pod-autoscaler-sync-period, unless the cluster says otherwise."""
MARGIN_SECONDS: Final = 1.5
_SERVER_FIELDS: Final = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "ownerReferences",
)


class Suspension:
    """The autoscalers of a namespace, each named as its Deployment."""

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        *,
        sync_seconds: float = SYNC_SECONDS,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self._autoscalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
        self._namespace = namespace
        self._sync_seconds = sync_seconds
        self._clock = clock
        self._sleep = sleep

    def hold(self, replicas: Mapping[str, int]) -> None:
        """Suspend these services' autoscalers and ask for so many replicas. Does not wait for them."""
        for service in replicas:
            self._suspend(service)
        for service, count in replicas.items():
            body = {"spec": {"replicas": count}}
            self._api.patch(f"{self._deployments}/{service}/scale", body, field_manager=FIELD_MANAGER)

    def release(self, services: Iterable[str], *, forget: bool = True) -> list[str]:
        """Apply the suspended autoscalers again, and say which. With `forget`, no sooner than the controller has forgotten them."""
        saved = {service: self._saved(service) for service in services}
        suspended = {service: document for service, document in saved.items() if document is not None}
        if forget and suspended:
            youngest = max(document["suspendedAt"] for document in suspended.values())
            wait = youngest + self._sync_seconds + MARGIN_SECONDS - self._clock()
            if wait > 0:
                self._sleep(min(wait, self._sync_seconds + MARGIN_SECONDS))
        for service, document in suspended.items():
            path = f"{self._autoscalers}/{document['autoscaler']['metadata']['name']}"
            self._api.apply(path, document["autoscaler"], field_manager=document["fieldManager"], force=True)
            self._note(service, None)
        return list(suspended)

    def _suspend(self, service: str) -> None:
        path = f"{self._autoscalers}/{service}"
        autoscaler = self._api.find(path)
        if autoscaler is None:
            return
        owner = next((each for each in autoscaler["metadata"].get("ownerReferences") or [] if each.get("controller")), None)
        if owner is not None:
            raise CannotMeasureError(
                f"the autoscaler {self._namespace}/{service} belongs to {owner['kind']} {owner['name']}, which would make it anew",
                hint="measure with the HorizontalPodAutoscaler alone (without KEDA), and add KEDA afterwards",
            )
        note = {"autoscaler": _bare(autoscaler), "fieldManager": _applier(autoscaler), "suspendedAt": self._clock()}
        self._note(service, json.dumps(note))
        self._api.delete(path, propagation="Background")

    def _saved(self, service: str) -> Document | None:
        deployment = self._api.find(f"{self._deployments}/{service}")
        text = ((deployment or {"metadata": {}})["metadata"].get("annotations") or {}).get(ANNOTATION)
        if not text:
            return None
        found: Document = json.loads(text)
        return found

    def _note(self, service: str, text: str | None) -> None:
        body = {"metadata": {"annotations": {ANNOTATION: text}}}
        self._api.patch(f"{self._deployments}/{service}", body, field_manager=FIELD_MANAGER)


def _bare(autoscaler: Document) -> Document:
    """As it was applied: without what the server adds."""
    metadata = {key: value for key, value in autoscaler["metadata"].items() if key not in _SERVER_FIELDS}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": autoscaler["spec"],
    }


def _applier(autoscaler: Document) -> str:
    """Who applied it: under the same name it goes on to belong to Pulumi, which would otherwise see a conflict."""
    for entry in autoscaler["metadata"].get("managedFields") or []:
        if entry.get("operation") == "Apply" and not entry.get("subresource"):
            return str(entry["manager"])
    return FIELD_MANAGER
