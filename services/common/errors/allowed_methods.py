"""The methods that a path has: what `Allow` must list with a 405 (RFC 9110, section 15.5.6). Starlette lists the first route's."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Of all routes with this path, sorted."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Route) and route.path_regex.match(path):
            found |= route.methods or set()
    return sorted(found)
