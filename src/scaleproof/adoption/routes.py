"""Which paths lead to which Service: Ingress, HTTPRoute, and Services that are reached from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.adoption.documents import Document, entries, mapping, whole, words
from scaleproof.adoption.guesses import PLATFORM, Reasons
from scaleproof.adoption.objects import Objects, Workload, leads_to

_PATTERN: Final = re.compile(r"[\\^$*+?()\[\]{}|]|\.[*+]")
_REST_OF_A_SEGMENT: Final = re.compile(r"\(?(?:/|\$|$)")
_FRONT: Final = re.compile(r"(^|-)(front-?end|gateway|proxy|web|ui|edge|www|bff)(-|$)")


@dataclass(frozen=True)
class Route:
    """One path of one route object."""

    path: str
    host: str
    backend: str
    document: Document
    is_guess: bool = False
    """The path was a pattern; this is its fixed beginning."""


def routes_of(documents: Sequence[Document], told: Reasons) -> list[Route]:
    """Every path of the Ingresses and HTTPRoutes, in their order."""
    found: list[Route] = []
    for document in documents:
        rules = _ingress(document) if document.kind == "Ingress" else _http_route(document, told)
        found += rules
        if _rewrites(document):
            told.note(f"{document}: rewrites paths; scaleproof's own gateway does not, so `up` would serve other paths")
    return found


def given_routes(named: Mapping[str, Workload], objects: Objects, told: Reasons) -> dict[str, list[str]]:
    """The paths that Ingresses and HTTPRoutes lead to each service."""
    given: dict[str, list[str]] = {name: [] for name in named}
    taken: dict[str, tuple[str, Route]] = {}
    for route in routes_of(objects.routes, told):
        service = _service_behind(route, named, objects)
        if service is None:
            told.note(f"{route.document}: {route.path} leads to {route.backend}, which is none of the services")
            continue
        first, at = taken.setdefault(route.path, (service, route))
        if first != service:
            told.note(
                f"{route.document}: {route.path} of {route.host or 'any host'} leads to {service}, but {at.host or 'any host'} "
                f"has it lead to {first}: platform.yaml knows no hosts, the first one counts"
            )
        elif route.path not in given[service]:
            given[service].append(route.path)
            if route.is_guess:
                told.guess(
                    PLATFORM,
                    ("services", service, "routes"),
                    route.path,
                    f"the fixed beginning of a pattern in {route.document}",
                )
    return given


def front_door(
    named: Mapping[str, Workload], objects: Objects, calls: Mapping[str, Sequence[str]], told: Reasons
) -> dict[str, list[str]]:
    """Where nothing says which paths lead where: whoever is reached from outside, or looks like the front, or nobody calls."""
    outside = [name for name, workload in named.items() if any(_is_outside(each) for each in objects.services_of(workload))]
    called = {callee for callees in calls.values() for callee in callees}
    uncalled = [name for name in named if name not in called] or list(named)
    fronts = [name for name in uncalled if _FRONT.search(name)]
    candidates, why = next(
        (candidates, why)
        for candidates, why in (
            (outside, "its Service is reached from outside, and no Ingress or HTTPRoute says otherwise"),
            (fronts, "no Ingress or HTTPRoute was given; by its name it is the front"),
            (uncalled, "no Ingress or HTTPRoute was given, and no other service calls it"),
        )
        if candidates or candidates is uncalled
    )
    opened = {name: ["/" if len(candidates) == 1 else f"/{name}"] for name in candidates}
    for name, (path,) in opened.items():
        told.guess(PLATFORM, ("services", name, "routes"), path, why)
    return opened


def _is_outside(service: Document) -> bool:
    return service.spec.get("type") in ("LoadBalancer", "NodePort")  # no set: what is in the file may not be hashable


def _service_behind(route: Route, named: Mapping[str, Workload], objects: Objects) -> str | None:
    for service in objects.services:
        if service.name == route.backend and service.near(route.document):
            for name, workload in named.items():
                if service.near(workload.document) and leads_to(service, workload):
                    return name
    return None


def _ingress(document: Document) -> Iterator[Route]:
    default = mapping(document.spec.get("defaultBackend") or document.spec.get("backend"))
    for rule in entries(document.spec.get("rules")):
        for path in entries(mapping(rule.get("http")).get("paths")):
            backend = _backend(mapping(path.get("backend")))
            stated = words(path.get("path")) or "/"
            is_fixed = path.get("pathType") in ("Prefix", "Exact")  # as above
            yield _route(stated, words(rule.get("host")), backend, document, is_fixed=is_fixed)
    if default:
        yield Route("/", "", _backend(default), document)


def _backend(backend: Mapping[str, Any]) -> str:
    return words(mapping(backend.get("service")).get("name")) or words(backend.get("serviceName"))


def _http_route(document: Document, told: Reasons) -> Iterator[Route]:
    hosts = document.spec.get("hostnames")
    host = words(hosts[0]) if isinstance(hosts, list) and hosts else ""
    for rule in entries(document.spec.get("rules")):
        backends = [each for each in entries(rule.get("backendRefs")) if each.get("kind", "Service") == "Service"]
        if not backends:
            continue
        weights = [1 if whole(each.get("weight")) is None else each["weight"] for each in backends]
        heaviest = words(backends[weights.index(max(weights))].get("name"))
        if len(backends) > 1:
            told.note(f"{document}: splits its requests; platform.yaml does not, {heaviest} gets them all")
        for match in entries(rule.get("matches")) or [{}]:
            path = mapping(match.get("path"))
            is_fixed = path.get("type", "PathPrefix") != "RegularExpression"
            yield _route(words(path.get("value")) or "/", host, heaviest, document, is_fixed=is_fixed)


def _route(stated: str, host: str, backend: str, document: Document, *, is_fixed: bool) -> Route:
    path = "/" + "".join(stated.split()).lstrip("/")
    if is_fixed or not _PATTERN.search(path):
        return Route(path.rstrip("/") or "/", host, backend, document)
    return Route(fixed_beginning(path), host, backend, document, is_guess=True)


def fixed_beginning(pattern: str) -> str:
    """The whole segments before the first sign of a regular expression: `/api` of `/api(/|$)(.*)`, `/` of `/v[12]/x`."""
    sign = _PATTERN.search(pattern)
    if sign is None:
        return pattern
    before, rest = pattern[: sign.start()], pattern[sign.start() :]
    if not _REST_OF_A_SEGMENT.match(rest):
        before = before[: before.rfind("/") + 1]
    return before.rstrip("/") or "/"


def _rewrites(document: Document) -> bool:
    annotations = mapping(document.metadata.get("annotations"))
    if any(str(key).endswith("/rewrite-target") for key in annotations):
        return True
    rules = entries(document.spec.get("rules")) if document.kind == "HTTPRoute" else []
    return any(each.get("type") == "URLRewrite" for rule in rules for each in entries(rule.get("filters")))
