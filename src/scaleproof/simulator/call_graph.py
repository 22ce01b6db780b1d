"""Who calls whom: callers first, so that a service is simulated when all of its arrivals are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from scaleproof.spec.errors import BadInputError


def callers_first(services: Iterable[str], calls: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Every service after all that call it. `calls[caller][callee]` is calls a request.

    Raises BadInputError where services call each other in a circle.
    """
    known = sorted(services)
    graph: TopologicalSorter[str] = TopologicalSorter({name: set() for name in known})
    for caller in known:
        for callee in calls.get(caller, {}):
            if callee in known:
                graph.add(callee, caller)
    try:
        return tuple(graph.static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise BadInputError(
            f"calibration: services call each other in a circle ({circle})", hint="the simulator needs calls without circles"
        ) from None


def ancestors(service: str, calls: Mapping[str, Mapping[str, float]]) -> frozenset[str]:
    """All services whose policy decides when requests reach this one, without itself."""
    found: set[str] = set()
    waiting = [service]
    while waiting:
        current = waiting.pop()
        for caller, callees in calls.items():
            if current in callees and caller not in found:
                found.add(caller)
                waiting.append(caller)
    return frozenset(found)
