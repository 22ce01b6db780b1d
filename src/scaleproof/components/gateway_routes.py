"""Routes of the Gateway API from the spec: the same paths, longest prefix first, as `Platform.service_of` and the local Envoy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.components.gateway_problems import UNMATCHED, has_route_for_every_path, unmatched_filter, unmatched_rule
from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.gateway import Deprecation
from scaleproof.spec.gateway_behaviour import LINK, deprecation_headers
from scaleproof.spec.platform import Platform, Service

API_VERSION: Final = "gateway.networking.k8s.io/v1"
PUBLIC: Final = "gateway"
INTERNAL: Final = "internal"
FIRST_INTERNAL_PORT: Final = 9001
"""Called services get a port each, in their order: a client needs nothing but a URL to have its calls balanced."""


@dataclass(frozen=True)
class PublicRoute:
    """Paths of a service that the public gateway treats alike."""

    name: str
    service: str
    paths: list[str]
    is_open: bool
    """Whether no token is needed."""
    deprecation: Deprecation | None


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


def public_parts(platform: Platform) -> list[PublicRoute]:
    """What becomes an HTTPRoute of the public gateway: `<service>`, and `<service>-public` for paths that need no token.

    Paths that are to go have one of their own, `<either>-deprecated-<number>`: its answers say so.
    """
    jwt = platform.gateway.jwt
    found: list[PublicRoute] = []
    for name, service in platform.services.items():
        open_paths = [path.rstrip("/") or "/" for path in jwt.public_paths if platform.service_of(path) == name] if jwt else []
        # Of two routes with the same path, which one counts is not ours to say.
        asked = [path for path in prefixes(service) if path not in open_paths]
        found += _by_deprecation(platform, name, name, asked, is_open=False)
        found += _by_deprecation(platform, f"{name}-public", name, open_paths, is_open=True)
    return found


def _by_deprecation(platform: Platform, route: str, service: str, paths: list[str], *, is_open: bool) -> Iterator[PublicRoute]:
    alike: dict[Deprecation | None, list[str]] = {}
    for path in paths:
        alike.setdefault(platform.gateway.deprecation_of(path), []).append(path)
    for number, (deprecation, taken) in enumerate(alike.items(), start=1):
        name = route if deprecation is None else f"{route}-deprecated-{number}"
        yield PublicRoute(name, service, taken, is_open, deprecation)


def public_routes(platform: Platform, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
    """The HTTPRoutes of `public_parts`, and one that answers every other path 404."""
    found = [
        _route(
            part.name,
            part.service,
            namespace,
            labels,
            platform,
            PUBLIC,
            part.paths,
            filters=_deprecation_filters(part.deprecation),
        )
        for part in public_parts(platform)
    ]
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
    filters: list[dict[str, Any]] | None = None,
) -> Manifest:
    parent = _parent(gateway)
    if section is not None:
        parent["sectionName"] = section
    rule: dict[str, Any] = {
        "name": service,
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": service, "port": platform.services[service].port, "weight": 1}
        ],
        "timeouts": {"request": duration(platform.gateway.request_timeout_seconds)},
    }
    if filters:
        rule["filters"] = filters
    return manifest(API_VERSION, "HTTPRoute", route, namespace, labels, spec={"parentRefs": [parent], "rules": [rule]})


def _deprecation_filters(deprecation: Deprecation | None) -> list[dict[str, Any]]:
    if deprecation is None:
        return []
    headers = deprecation_headers(deprecation)
    modifier = {
        "set": [{"name": name, "value": value} for name, value in headers.items() if name != LINK],
        "add": [{"name": name, "value": value} for name, value in headers.items() if name == LINK],
    }
    return [
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {how: items for how, items in modifier.items() if items}}
    ]


def _parent(gateway: str) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}


def duration(seconds: float) -> str:
    """A Gateway API duration (GEP-2257) in whole milliseconds, in its canonical form."""
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return (f"{whole}s" if whole else "") + (f"{rest}ms" if rest else "") or "0s"
