"""Waiting until the gateways of a platform let users in: Pulumi only knows that their objects exist."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from scaleproof.cluster.kube_api import KubeApi
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.tuner.ports import Progress

Document = dict[str, Any]
POLL_SECONDS: Final = 1.0
GATEWAYS: Final = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways"
ROUTES: Final = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"


def await_gateways(
    api: KubeApi,
    namespace: str,
    progress: Progress,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Until every Gateway is programmed and every HTTPRoute accepted. Raises CannotMeasureError after that time, saying why."""
    begun = clock()
    said = False
    while missing := lacking(api.items(GATEWAYS.format(namespace)), api.items(ROUTES.format(namespace))):
        elapsed = clock() - begun
        if elapsed > seconds:
            raise CannotMeasureError(
                f"the gateway is not ready after {seconds:.0f} s: {missing[0]}",
                hint=f"is Envoy Gateway running? See `kubectl -n {namespace} describe gateway,httproute`",
            )
        if not said:
            progress.stage("until the gateway is programmed", seconds)
            said = True
        progress.advance(elapsed, missing[0])
        sleep(POLL_SECONDS)


def lacking(gateways: list[Document], routes: list[Document]) -> list[str]:
    """What is not as it should be, each in a line. Pure."""
    found = [
        f"Gateway {each['metadata']['name']}: {why}"
        for each in gateways
        if (why := _lacks("Programmed", each, each.get("status", {}).get("conditions"))) is not None
    ]
    for route in routes:
        parents = route.get("status", {}).get("parents") or [{}]
        for condition in ("Accepted", "ResolvedRefs"):
            whys = [_lacks(condition, route, parent.get("conditions")) for parent in parents]
            found += [f"HTTPRoute {route['metadata']['name']}: {why}" for why in whys if why is not None]
    return found


def _lacks(kind: str, item: Document, conditions: list[Document] | None) -> str | None:
    """Why the condition does not hold for the object as it is now; None where it does."""
    condition = next((each for each in conditions or [] if each["type"] == kind), None)
    if condition is None:
        return f"not yet {kind}"
    if condition.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return f"not yet {kind} as it was last changed"
    if condition["status"] != "True":
        return f"not {kind} ({condition.get('message') or condition.get('reason')})"
    return None
