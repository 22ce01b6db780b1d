"""Whose operations those of an OpenAPI document are: the service's that was named, or that has the route, or a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scaleproof.adoption.guesses import PLATFORM, Reasons
from scaleproof.adoption.openapi import Api, Operation, prefixes
from scaleproof.spec.errors import BadInputError


@dataclass
class Assigned:
    """Operations by service, and services that nobody knew before."""

    operations: dict[str, list[Operation]] = field(default_factory=dict)
    new_services: list[str] = field(default_factory=list)
    routes: dict[str, list[str]] = field(default_factory=dict)
    """Of the new services."""


def assign(apis: Sequence[Api], services: Mapping[str, dict[str, Any]], told: Reasons) -> Assigned:
    """Every document to one service, or its operations to those that have the routes. Services without routes get theirs.

    Raises BadInputError where a document fits no service, and there are some.
    """
    found = Assigned()
    for api in apis:
        owner = _owner(api, services)
        if owner is None and services and not _all_routed(api, services):
            raise BadInputError(
                f"{api.origin}: which service's is it? None has a route to {_unrouted(api, services)}",
                hint=f"say it: --openapi SERVICE={api.origin}, one of {', '.join(services)}",
            )
        if owner is None and not services:
            owner = _new_service(api, found, told)
        elif owner is not None and not services[owner].get("routes"):
            services[owner]["routes"] = prefixes(api.operations, api.base_path)
            shown = ", ".join(services[owner]["routes"])
            told.guess(PLATFORM, ("services", owner, "routes"), f"[{shown}]", f"no route led to it; the paths of {api.origin}")
        for operation in api.operations:
            service = owner or _served_by(operation.path, services)
            if service is not None:
                found.operations.setdefault(service, []).append(operation)
    return found


def _owner(api: Api, services: Mapping[str, dict[str, Any]]) -> str | None:
    """The named service; the one that is called like the document; the only one there is."""
    if api.service is not None:
        if services and api.service not in services:
            raise BadInputError(f"--openapi {api.service}={api.origin}: no such service; there are {', '.join(services)}")
        return api.service if services else None
    if _all_routed(api, services):
        return None
    title = _name_of(api.title)
    if title in services:
        return title
    return next(iter(services)) if len(services) == 1 else None


def _new_service(api: Api, found: Assigned, told: Reasons) -> str:
    name = api.service or _name_of(api.title) or "api"
    if name not in found.new_services:
        found.new_services.append(name)
        told.guess(PLATFORM, ("services", name), name, f"a service of its own, after the title of {api.origin}")
        told.guess(PLATFORM, ("services", name, "routes"), "its paths", f"the paths of {api.origin}")
    taken = {route for routes in found.routes.values() for route in routes}
    mine = found.routes.setdefault(name, [])
    for route in prefixes(api.operations, api.base_path):
        if route not in taken:
            mine.append(route)
        elif route not in mine:
            told.note(f"{api.origin}: {route} leads to another service already")
    return name


def _all_routed(api: Api, services: Mapping[str, dict[str, Any]]) -> bool:
    return all(_served_by(each.path, services) for each in api.operations)


def _unrouted(api: Api, services: Mapping[str, dict[str, Any]]) -> str:
    return next(each.path for each in api.operations if not _served_by(each.path, services))


def _served_by(path: str, services: Mapping[str, dict[str, Any]]) -> str | None:
    """As `Platform.service_of`: the longest route that the path begins with."""
    fitting = [
        (len(route.rstrip("/")), name)
        for name, service in services.items()
        for route in service.get("routes", ())
        if f"{path}/".startswith(f"{route.rstrip('/')}/")
    ]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _name_of(title: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    text = re.sub(r"-(api|service)$", "", text).lstrip("-0123456789")
    return text[:40].rstrip("-")
