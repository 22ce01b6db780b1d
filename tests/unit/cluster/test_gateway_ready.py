"""When users may come: Pulumi's objects exist long before a proxy listens."""

from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from fakes.progress import FakeProgress
from scaleproof.cluster.gateway_ready import GATEWAYS, ROUTES, await_gateways, lacking
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.spec.errors import CannotMeasureError


def condition(kind: str, status: str = "True", *, generation: int = 1, message: str = "") -> dict:
    return {"type": kind, "status": status, "observedGeneration": generation, "message": message}


def gateway(*conditions: dict, generation: int = 1) -> dict:
    return {
        "kind": "Gateway",
        "metadata": {"name": "gateway", "generation": generation},
        "status": {"conditions": [*conditions]},
    }


def route(*conditions: dict) -> dict:
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "orders", "generation": 1},
        "status": {"parents": [{"conditions": [*conditions]}]},
    }


GOOD_ROUTE = route(condition("Accepted"), condition("ResolvedRefs"))


@pytest.mark.parametrize(
    ("gateways", "routes", "says"),
    [
        ([gateway(condition("Programmed"))], [GOOD_ROUTE], []),
        ([], [], []),
        ([{"metadata": {"name": "gateway"}}], [], ["Gateway gateway: not yet Programmed"]),
        (
            [gateway(condition("Programmed", "False", message="no addresses"))],
            [],
            ["Gateway gateway: not Programmed (no addresses)"],
        ),
        (
            [gateway(condition("Programmed"), generation=2)],
            [],
            ["Gateway gateway: not yet Programmed as it was last changed"],
        ),
        (
            [],
            [{"metadata": {"name": "orders"}, "status": {"parents": []}}],
            ["HTTPRoute orders: not yet Accepted", "HTTPRoute orders: not yet ResolvedRefs"],
        ),
        (
            [],
            [route(condition("Accepted"), condition("ResolvedRefs", "False", message="no Service orders"))],
            ["HTTPRoute orders: not ResolvedRefs (no Service orders)"],
        ),
    ],
)
def test_what_is_lacking(gateways, routes, says):
    assert lacking(gateways, routes) == says


def test_waits_until_the_gateway_is_programmed(kube: FakeKube, api: KubeApi, clock) -> None:
    path = f"{GATEWAYS.format(SPACE)}/gateway"
    kube.put(path, gateway())
    kube.put(f"{ROUTES.format(SPACE)}/orders", GOOD_ROUTE)
    progress = FakeProgress()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 3:
            kube.put(path, gateway(condition("Programmed")))

    await_gateways(api, SPACE, progress, seconds=60, clock=clock, sleep=sleep)
    assert progress.stages == ["until the gateway is programmed"]
    assert progress.elapsed == [0.0, 1.0, 2.0]


def test_a_gateway_that_is_never_programmed_is_said(kube: FakeKube, api: KubeApi, clock) -> None:
    kube.put(f"{GATEWAYS.format(SPACE)}/gateway", gateway(condition("Programmed", "False", message="no such class")))
    with pytest.raises(CannotMeasureError, match=r"not ready after 5 s: Gateway gateway: not Programmed \(no such class\)"):
        await_gateways(api, SPACE, FakeProgress(), seconds=5, clock=clock, sleep=clock.sleep)
