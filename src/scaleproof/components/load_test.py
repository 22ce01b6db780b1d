"""LoadTest: distributed Locust from charts/locust, in a namespace of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from scaleproof.components.api_gateway import HTTPS_PORT, GatewayArgs, gateway_url, proxy_peer, proxy_port, public_port
from scaleproof.components.gateway_routes import PUBLIC
from scaleproof.components.helm_release import HelmRelease, merged
from scaleproof.components.settings import LoadTestSettings
from scaleproof.spec.http_address import host_and_port

TYPE: Final = "scaleproof:components:LoadTest"
RELEASE: Final = "locust"


@dataclass(frozen=True)
class LoadTestArgs:
    """A generator for one platform's gateway, and for nothing else."""

    namespace: str
    """Of the generator."""
    gateway: GatewayArgs
    settings: LoadTestSettings
    chart: str
    """Folder or OCI address of charts/locust."""


def load_release(args: LoadTestArgs) -> HelmRelease:
    """Pods that wait for `scaleproof load --target kube`; the network lets them reach the gateway alone."""
    values: dict[str, Any] = {
        "fullnameOverride": RELEASE,
        "mode": "standby",
        "image": args.settings.image,
        "worker": {"replicas": args.settings.workers},
        "target": {"host": gateway_url(args.gateway)},
        "networkPolicy": {"enabled": True, "targets": [_egress(args.gateway)]},
    }
    return HelmRelease(RELEASE, args.namespace, args.chart, values=merged(values, args.settings.values))


class LoadTest(pulumi.ComponentResource):
    """The chart's release."""

    def __init__(
        self,
        name: str,
        args: LoadTestArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`depends_on`: the namespace."""
        super().__init__(TYPE, name, None, opts)
        self.release = load_release(args).declare(parent=self, depends_on=depends_on)
        self.register_outputs({"namespace": args.namespace})


def _egress(gateway: GatewayArgs) -> dict[str, Any]:
    if gateway.settings.url is None:
        listeners = [public_port(gateway.platform), *([HTTPS_PORT] if gateway.settings.tls_secret else [])]
        ports = [proxy_port(port) for port in listeners]
        peers = {"to": [proxy_peer(gateway.namespace, PUBLIC, gateway.settings)]}
    else:  # the way users go: by an address outside of the cluster, which no selector knows
        ports, peers = [host_and_port(gateway.settings.url)[1]], {}
    return {**peers, "ports": [{"protocol": "TCP", "port": port} for port in ports]}
