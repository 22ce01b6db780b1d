"""Who calls whom: addresses of other Services in a workload's environment and arguments. Values are looked at, never kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final

from scaleproof.adoption.documents import entries, words
from scaleproof.adoption.guesses import PLATFORM, Reasons
from scaleproof.adoption.objects import Objects, Workload

_NAME: Final = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"
_IN_ADDRESS: Final = re.compile(rf"://(?:[^/@\s]*@)?({_NAME})(?=[:/?#,\s]|$)")
_WITH_PORT: Final = re.compile(rf"(?:^|[\s,=@])({_NAME}):\d{{2,5}}(?=[/,\s]|$)")
_ALONE: Final = re.compile(rf"^({_NAME})$")
_NAMES_A_HOST: Final = re.compile(r"(HOST|HOSTNAME|ADDR|ADDRESS|URL|URI|ENDPOINT|SERVER|SERVICE)$", re.IGNORECASE)


def calls_of(
    named: Mapping[str, Workload], objects: Objects, told: Reasons, *, first: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The services that each one calls. A call that would close a circle is left out: the simulator needs none.

    `first`: where a circle is cut, these are callers: users come in through them.
    """
    namespaces = {workload.document.namespace for workload in named.values()}
    services = {name: objects.services_of(workload) for name, workload in named.items()}
    found: dict[str, list[str]] = {name: [] for name in named}
    for name, workload in sorted(named.items(), key=lambda each: each[0] not in first):
        hosts = set(_hosts(workload, namespaces))
        for callee, others in services.items() if hosts else ():
            called = any(each.name in hosts and each.near(workload.document) for each in others)
            if not called or callee == name:
                continue
            if _reaches(callee, name, found):
                told.note(f"{name} and {callee} call each other in a circle: the call from {name} to {callee} is left out")
                continue
            found[name].append(callee)
    for name, callees in found.items():
        if callees:
            why = "their Services' addresses are in its environment or arguments"
            told.guess(PLATFORM, ("services", name, "calls"), f"[{', '.join(callees)}]", why)
    return found


def levels_of(calls: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many services wait in a row, itself included: 1 for one that calls nobody. `calls` has no circle."""
    order = TopologicalSorter(calls).static_order()  # callees first
    levels: dict[str, int] = {}
    for name in order:
        levels[name] = 1 + max((levels[callee] for callee in calls.get(name, ())), default=0)
    return levels


def _reaches(start: str, goal: str, calls: Mapping[str, list[str]]) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        current = waiting.pop()
        if current == goal:
            return True
        fresh = [each for each in calls[current] if each not in seen]
        seen.update(fresh)
        waiting += fresh
    return False


def _hosts(workload: Workload, namespaces: set[str]) -> Iterator[str]:
    """Names of Services whose addresses are mentioned: `cart`, `cart.shop`, `cart.shop.svc.cluster.local`, but not `cart.com`."""
    for variable, value in _values(workload):
        patterns = [_IN_ADDRESS, _WITH_PORT]
        if _NAMES_A_HOST.search(variable):
            patterns.append(_ALONE)
        for pattern in patterns:
            for host in pattern.findall(value):
                first, _, rest = host.partition(".")
                if not rest or rest in namespaces or ".svc" in rest:
                    yield first


def _values(workload: Workload) -> Iterator[tuple[str, str]]:
    for container in workload.containers:
        for entry in entries(container.get("env")):
            yield words(entry.get("name")), words(entry.get("value"))
        for part in (container.get("command"), container.get("args")):
            if isinstance(part, list):
                for item in part:
                    name, _, value = str(item).lstrip("-").partition("=")
                    yield (name, value) if value else ("", str(item))
