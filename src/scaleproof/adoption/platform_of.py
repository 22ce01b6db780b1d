"""Objects and OpenAPI documents as one platform with its policy, and the reason of everything that was guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from scaleproof.adoption.api_services import Assigned, assign
from scaleproof.adoption.calls import calls_of, levels_of
from scaleproof.adoption.datastores import postgres_of, redis_of, role_of
from scaleproof.adoption.guesses import BOTH, PLATFORM, POLICY, Reasons
from scaleproof.adoption.objects import Objects, Workload
from scaleproof.adoption.openapi import Api, Operation
from scaleproof.adoption.policy_of import LEAST_ROOM, autoscalers_of, autoscaling_of, default_autoscaling, say_unmatched
from scaleproof.adoption.replicas import drain_seconds_of, port_of, readiness_of, resources_of, start_timeout_of
from scaleproof.adoption.routes import front_door, given_routes
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.yaml_document import dotted

LATENCY_MS: Final = 250
"""For each service that waits in a row: a caller cannot be as quick as whom it waits for."""
SHARE: Final = 0.99
RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "100m", "memory": "256Mi"}}
LOAD: Final[Mapping[str, object]] = {"users": 10_000, "shape": "spike", "think_seconds": [20, 40]}
LONGEST_NAME: Final = 40

Tree = dict[str, Any]


@dataclass(frozen=True)
class Adopted:
    """What is to be written, and what is to be said about it."""

    platform: Tree
    policy: Tree
    reasons: Reasons
    operations: Mapping[str, Sequence[Operation]] = field(default_factory=dict)
    """What the users of each service ask for."""

    @property
    def services(self) -> list[str]:
        """Their names."""
        return list(self.platform["services"])


def adopt(objects: Objects, apis: Sequence[Api], *, folder_name: str, locustfile: str, is_only_loaded: bool = False) -> Adopted:
    """The platform. `folder_name` names it where nothing else does; `locustfile` is the path that platform.yaml is to have.

    `is_only_loaded`: nothing is known but somebody's own locustfile; one service stands for all that it loads.

    Raises BadInputError where there is no service, or an object says what Kubernetes would refuse.
    """
    told = Reasons()
    servers, named = _sorted_out(objects, told)
    routes = given_routes(named, objects, told)
    calls = calls_of(named, objects, told, first=[name for name, paths in routes.items() if paths])
    if not any(routes.values()):
        routes |= front_door(named, objects, calls, told)
    levels = levels_of(calls)
    services: Tree = {}
    policies: Tree = {}
    for name, workload in named.items():
        resources = resources_of(workload, name, told)
        slo = _slo(name, levels[name], told)
        services[name] = {
            **_service(workload, objects, name, told),
            **_present(routes=routes[name] or None, calls=calls[name] or None),
            "resources": resources,
            "slo": slo,
            **_times(workload),
        }
        policies[name] = {"autoscaling": autoscaling_of(workload, objects, name, told), "resources": resources}
    say_unmatched(objects, told)
    assigned = assign(apis, services, told)
    for name in assigned.new_services:
        services[name], policies[name] = _unknown_service(assigned.routes[name], name, told)
    if is_only_loaded and not services:
        name = slug(folder_name or "service")
        services[name], policies[name] = _unknown_service(["/"], name, told)
        told.guess(PLATFORM, ("services", name), name, "the folder's name, for all that the locustfile loads")
    if not services:
        raise BadInputError(
            "no service found: no Deployment or StatefulSet that a Service leads to",
            hint="give the manifests of the Services as well, or --openapi FILE",
        )
    platform: Tree = {
        "version": 1,
        "name": _platform_name(named, folder_name, told),
        "services": services,
        **_present(redis=redis_of(servers["redis"], told), postgres=postgres_of(servers["postgres"], told)),
        "load": {"locustfile": locustfile, **LOAD},
    }
    told.guess(
        PLATFORM,
        ("load", "users"),
        LOAD["users"],
        "how many users it must hold, in which shape, and how long they think is yours to say",
    )
    policy: Tree = {"version": 1, "services": policies}
    _check(platform, Platform, "platform.yaml")
    _check(policy, Policy, "the policy")
    return Adopted(platform, policy, told, _asked_for(services, assigned))


def slug(name: str) -> str:
    """A name that platform.yaml takes: lower case letters, digits and dashes, at most 40."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    text = text if text[:1].isalpha() else f"s-{text}"
    return text[:LONGEST_NAME].rstrip("-")


def _sorted_out(objects: Objects, told: Reasons) -> tuple[dict[str, list[Workload]], dict[str, Workload]]:
    """(datastores by role, services by the name they get)."""
    servers: dict[str, list[Workload]] = {"redis": [], "postgres": [], "other": []}
    named: dict[str, Workload] = {}
    for each in objects.partial:
        told.note(f"{each}: left out, it has no image: a patch? `kustomize build` prints the whole")
    for workload in objects.workloads:
        role = role_of(workload)
        is_scaled = bool(autoscalers_of(workload, objects))
        if role and not is_scaled:
            servers[role].append(workload)
            if role == "other":
                told.note(f"{workload}: left out, {workload.image} is a datastore or a tool, and no autoscaler scales it")
        elif objects.services and not is_scaled and not objects.services_of(workload):
            told.note(f"{workload}: left out, no Service leads to it and no autoscaler scales it: a worker or a generator")
        else:
            name = _free(slug(workload.name), named)
            if name != workload.name:
                told.note(f"{workload}: called {name} in platform.yaml")
            named[name] = workload
    return servers, named


def _free(name: str, taken: Mapping[str, object]) -> str:
    found, count = name, 2
    while found in taken:
        end = f"-{count}"
        found, count = name[: LONGEST_NAME - len(end)] + end, count + 1
    return found


def _service(workload: Workload, objects: Objects, name: str, told: Reasons) -> Tree:
    """How a replica is started and reached."""
    told.remark(PLATFORM, ("services", name), f"from {workload}")
    return {
        "image": workload.image,
        "port": port_of(workload, objects.services_of(workload), name, told),
        "readiness": readiness_of(workload, name, told),
    }


def _times(workload: Workload) -> Tree:
    return {**_present(start_timeout_seconds=start_timeout_of(workload)), "drain_seconds": drain_seconds_of(workload)}


def _slo(name: str, level: int, told: Reasons) -> Tree:
    latency_ms = LATENCY_MS * level
    why = "no source says what users are promised"
    if level > 1:
        why += f"; {LATENCY_MS} ms for each of {level} services that wait in a row"
    told.guess(PLATFORM, ("services", name, "slo"), f"{SHARE * 100:g} % within {latency_ms} ms", why)
    return {"latency_ms": latency_ms, "share": SHARE}


def _unknown_service(routes: Sequence[str], name: str, told: Reasons) -> tuple[Tree, Tree]:
    """A service of which only its API is known, or nothing but that somebody loads it."""
    at = ("services", name)
    resources = {kind: dict(amounts) for kind, amounts in RESOURCES.items()}
    told.guess(BOTH, (*at, "resources"), "100m, 128Mi to 256Mi", "nothing says what a replica asks for: look at its Deployment")
    told.guess(
        POLICY, (*at, "autoscaling"), f"CPU at 80 %, 1 to {LEAST_ROOM}", "nothing says how it scales: look at its autoscaler"
    )
    told.note(f"{name}: no image and no command are known, which only `scaleproof up` needs")
    service = {"routes": list(routes), "resources": resources, "slo": _slo(name, 1, told)}
    return service, {"autoscaling": default_autoscaling(1, LEAST_ROOM), "resources": resources}


def _platform_name(named: Mapping[str, Workload], folder_name: str, told: Reasons) -> str:
    """The namespace that all share, or the label that says what they are part of, or the folder's name."""
    workloads = list(named.values())
    spaces = {each.document.namespace for each in workloads} - {"", "default"}
    wholes = {str(each.labels.get("app.kubernetes.io/part-of") or "") for each in workloads} - {""}
    for found, why in ((spaces, "the namespace"), (wholes, "what the labels say it is part of")):
        if len(found) == 1:
            name = slug(next(iter(found)))
            told.guess(PLATFORM, ("name",), name, why)
            return name
    name = slug(folder_name or "platform")
    told.guess(PLATFORM, ("name",), name, "the folder's name")
    return name


def _asked_for(services: Tree, assigned: Assigned) -> dict[str, list[Operation]]:
    """The operations of the OpenAPI documents; of a service that has none, one look at each route."""
    found: dict[str, list[Operation]] = {}
    for name, service in services.items():
        asked = assigned.operations.get(name, [])
        if not any(each.is_played for each in asked):
            looks = [Operation("GET", route, summary=f"What {route} answers.") for route in service.get("routes", ())]
            asked = [*looks, *asked]
        if asked:
            found[name] = asked
    return found


def _present(**parts: object) -> Tree:
    return {name: value for name, value in parts.items() if value is not None}


def _check(tree: Tree, model: type[Platform | Policy], what: str) -> None:
    try:
        model.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{what}, as it was found, is not valid: {dotted(first['loc'])}: {first['msg'].removeprefix('Value error, ')}",
            hint="the manifest says something that scaleproof does not take; leave the object out, or mend it",
        ) from None
