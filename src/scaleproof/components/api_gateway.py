"""ApiGateway: the way in, and the way between services, by Gateway API and Envoy Gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from scaleproof.components.gateway_policies import client_policy, security_policies, traffic_policies
from scaleproof.components.gateway_problems import API_VERSION
from scaleproof.components.gateway_routes import API_VERSION as GATEWAY_API
from scaleproof.components.gateway_routes import INTERNAL, PUBLIC, internal_ports, internal_routes, public_routes
from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.components.gateway_tracing import gateway_tracing
from scaleproof.components.helm_release import HelmRelease
from scaleproof.components.manifest import Manifest, manifest, standard_labels
from scaleproof.components.network_policy import Peer, namespace_peer
from scaleproof.components.resource import declare
from scaleproof.spec.gateway_behaviour import bucket_bounds_ms
from scaleproof.spec.platform import Platform

TYPE: Final = "scaleproof:components:ApiGateway"
CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
DEFAULT_PORT: Final = 8080
HTTPS_PORT: Final = 443


@dataclass(frozen=True)
class GatewayArgs:
    """A platform's gateway."""

    platform: Platform
    namespace: str
    """Of the platform; its name is also the GatewayClass's."""
    settings: GatewaySettings


def gateway_url(args: GatewayArgs) -> str:
    """Where users send their requests: as the stack says, else the address inside the cluster."""
    if args.settings.url is not None:
        return args.settings.url
    scheme, port = ("https", HTTPS_PORT) if args.settings.tls_secret else ("http", public_port(args.platform))
    return f"{scheme}://{args.namespace}-{PUBLIC}.{args.settings.namespace}.svc.cluster.local:{port}"


def internal_urls(args: GatewayArgs) -> dict[str, str]:
    """Called service → where other services send their requests: Envoy balances each of them."""
    host = f"{args.namespace}-{INTERNAL}.{args.settings.namespace}.svc.cluster.local"
    return {name: f"http://{host}:{port}" for name, port in internal_ports(args.platform).items()}


def public_port(platform: Platform) -> int:
    """The spec's port; 0 means any, which a cluster has no use for."""
    return platform.gateway.port or DEFAULT_PORT


def proxy_port(port: int) -> int:
    """The proxies' own port behind a listener's, for network policies: Envoy Gateway moves privileged ones up by 10,000."""
    return port + 10_000 if port < 1024 else port  # noqa: PLR2004 - the first port that needs no privilege


def proxy_peer(namespace: str, gateway: str, settings: GatewaySettings) -> Peer:
    """The proxies of one of the two gateways, for network policies."""
    labels = {
        "gateway.envoyproxy.io/owning-gateway-name": gateway,
        "gateway.envoyproxy.io/owning-gateway-namespace": namespace,
    }
    return namespace_peer(settings.namespace, labels)


def controller_release(args: GatewayArgs) -> HelmRelease | None:
    """Envoy Gateway itself, with the CRDs; None where the cluster has it."""
    settings = args.settings
    if settings.controller == "existing":
        return None
    local = not settings.chart.startswith("oci://")
    return HelmRelease(
        name="envoy-gateway",
        namespace=settings.namespace,
        chart=settings.chart,
        version=None if local else settings.chart_version,
        values=settings.values,
    )


def gateway_manifests(args: GatewayArgs) -> list[Manifest]:
    """Class, proxies, gateways, routes, policies: in the order in which they are registered."""
    platform, namespace, settings = args.platform, args.namespace, args.settings
    labels = standard_labels(PUBLIC, platform.name, "gateway")
    internal = internal_ports(platform)
    found = [
        manifest(GATEWAY_API, "GatewayClass", namespace, None, labels, spec={"controllerName": CONTROLLER}),
        _proxy(PUBLIC, args, labels, settings.service_type, tracing=gateway_tracing(platform, settings)),
        _gateway(PUBLIC, namespace, labels, _public_listeners(args)),
        client_policy(PUBLIC, platform, namespace, labels),
    ]
    if internal:
        found += [
            _proxy(INTERNAL, args, labels, "ClusterIP"),
            _gateway(INTERNAL, namespace, labels, [_listener(name, port) for name, port in internal.items()]),
            client_policy(INTERNAL, platform, namespace, labels),
        ]
    return [
        *found,
        *public_routes(platform, namespace, labels),
        *internal_routes(platform, namespace, labels),
        *traffic_policies(platform, namespace, labels, settings),
        *security_policies(platform, namespace, labels, settings),
    ]


class ApiGateway(pulumi.ComponentResource):
    """Envoy Gateway (unless it is there), a public gateway and, where services call each other, an internal one."""

    def __init__(
        self,
        name: str,
        args: GatewayArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`depends_on`: the namespaces."""
        super().__init__(TYPE, name, None, opts)
        before: list[pulumi.Resource] = list(depends_on)
        release = controller_release(args)
        if release is not None:
            before.append(release.declare(parent=self, depends_on=before))
        for item in gateway_manifests(args):
            resource = declare(item, parent=self, depends_on=before)
            if item["kind"] in {"GatewayClass", "EnvoyProxy", "Gateway"}:
                # What refers to another object comes after it, and goes before it.
                before.append(resource)
        self.url = pulumi.Output.from_input(gateway_url(args))
        self.internal_urls = pulumi.Output.from_input(internal_urls(args))
        self.register_outputs({"url": self.url, "internalUrls": self.internal_urls})


def _gateway(name: str, namespace: str, labels: Mapping[str, str], listeners: list[dict[str, Any]]) -> Manifest:
    proxy = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": name}
    spec = {"gatewayClassName": namespace, "infrastructure": {"parametersRef": proxy}, "listeners": listeners}
    return manifest(GATEWAY_API, "Gateway", name, namespace, labels, spec=spec)


def _public_listeners(args: GatewayArgs) -> list[dict[str, Any]]:
    listeners = [_listener("http", public_port(args.platform))]
    if args.settings.tls_secret is not None:
        reference = {"group": "", "kind": "Secret", "name": args.settings.tls_secret}
        tls = {"mode": "Terminate", "certificateRefs": [reference]}
        listeners.append({**_listener("https", HTTPS_PORT), "protocol": "HTTPS", "tls": tls})
    return listeners


def _listener(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}


def _proxy(
    name: str,
    args: GatewayArgs,
    labels: Mapping[str, str],
    service_type: str,
    *,
    tracing: Mapping[str, Any] | None = None,
) -> Manifest:
    """`tracing`: what the proxies add to their telemetry; the internal ones make no spans, as both ends of their requests do."""
    settings, full_name = args.settings, f"{args.namespace}-{name}"
    container: dict[str, Any] = {"resources": settings.resources.model_dump(mode="json")}
    if settings.envoy_image is not None:
        container["image"] = settings.envoy_image
    kubernetes = {
        "envoyDeployment": {"name": full_name, "replicas": settings.replicas, "container": container},
        "envoyService": {"name": full_name, "type": service_type},
    }
    if settings.replicas > 1:
        kubernetes["envoyPDB"] = {"maxUnavailable": 1}
    spec = {
        "provider": {"type": "Kubernetes", "kubernetes": kubernetes},
        # The same names of Envoy's series as on the embedded default: rules are named after their service.
        "telemetry": {
            "metrics": {"clusterStatName": "%ROUTE_RULE_NAME%"},
            "accessLog": {"disable": True},
            **({"tracing": dict(tracing)} if tracing is not None else {}),
        },
        "bootstrap": {"type": "Merge", "value": _bootstrap(args.platform)},
    }
    return manifest(API_VERSION, "EnvoyProxy", name, args.namespace, labels, spec=spec)


def _bootstrap(platform: Platform) -> str:
    """What Envoy Gateway has no field for, merged into Envoy's own configuration (JSON is YAML)."""
    buckets = {"match": {"suffix": "upstream_rq_time"}, "buckets": bucket_bounds_ms(platform)}
    return json.dumps({"stats_config": {"histogram_bucket_settings": [buckets]}})
