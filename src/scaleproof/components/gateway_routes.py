"""Routes of the Gateway API from the spec: the same paths, longest prefix first, as `Platform.service_of` and the local Envoy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scaleproof.components.gateway_problems import UNMATCHED, has_route_for_every_path, unmatched_filter, unmatched_rule
from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.platform import Platform, Service

API_VERSION: Final = "gateway.networking.k8s.io/v1"
PUBLIC: Final = "gateway"
INTERNAL: Final = "internal"
FIRST_INTERNAL_PORT: Final = 9001
"""Called services get a port each, in their order: a client needs nothing but a URL to have its calls balanced."""


def called_services(platform: Platform) -> list[str]:
    """Services that another one calls, in the spec's order."""
    called = {callee for service in platform.services.values() for callee in service.calls}
    return [name for name in platform.services if name in called]


def internal_ports(platform: Platform) -> dict[str, int]:
    """Called service → its port on the internal gateway."""
    return {name: FIRST_INTERNAL_PORT + index for index, name in enumerate(called_services(platform))}


def prefixes(service: Service) -> list[str]:
    """The service's routes as the Gateway API writes a prefix."""
    return [route.rstrip("/") or "/" for route in service.routes]


def public_routes(platform: Platform, namespace: str, labels: Mapping[str, str], public_paths: list[str]) -> list[Manifest]:
    """One HTTPRoute a service, `<service>-public` for paths that need no token, and one that answers every other path 404."""
    found = []
    for name, service in platform.services.items():
        if not service.routes:
            continue
        found.append(_route(name, name, namespace, labels, platform, PUBLIC, prefixes(service)))
        open_paths = [path.rstrip("/") or "/" for path in public_paths if platform.service_of(path) == name]
        if open_paths:
            found.append(_route(f"{name}-public", name, namespace, labels, platform, PUBLIC, open_paths))
    if not has_route_for_every_path(platform):
        spec = {"parentRefs": [_parent(PUBLIC)], "rules": [unmatched_rule()]}
        found.append(unmatched_filter(namespace, labels))
        found.append(manifest(API_VERSION, "HTTPRoute", UNMATCHED, namespace, labels, spec=spec))
    return found


def internal_routes(platform: Platform, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
    """One HTTPRoute a called service, on its own listener: every path."""
    return [
        _route(f"{name}-{INTERNAL}", name, namespace, labels, platform, INTERNAL, ["/"], section=name)
        for name in called_services(platform)
    ]


def _route(
    route: str,
    service: str,
    namespace: str,
    labels: Mapping[str, str],
    platform: Platform,
    gateway: str,
    paths: list[str],
    section: str | None = None,
) -> Manifest:
    parent = _parent(gateway)
    if section is not None:
        parent["sectionName"] = section
    rule = {
        "name": service,
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": service, "port": platform.services[service].port, "weight": 1}
        ],
        "timeouts": {"request": duration(platform.gateway.request_timeout_seconds)},
    }
    return manifest(API_VERSION, "HTTPRoute", route, namespace, labels, spec={"parentRefs": [parent], "rules": [rule]})


def _parent(gateway: str) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}


def duration(seconds: float) -> str:
    """A Gateway API duration (GEP-2257) in whole milliseconds, in its canonical form."""
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return (f"{whole}s" if whole else "") + (f"{rest}ms" if rest else "") or "0s"
