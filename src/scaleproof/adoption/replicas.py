"""What a workload says of one replica: resources, port, readiness, how long it starts and drains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from scaleproof.adoption.documents import Document, entries, mapping, whole, words
from scaleproof.adoption.guesses import BOTH, PLATFORM, Reasons
from scaleproof.adoption.objects import Workload
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.quantity import byte_value, cpu_quantity, memory_quantity, milli_value, parse_quantity

DEFAULT_REQUEST: Final = {"cpu": "100m", "memory": "128Mi"}
DEFAULT_PORT: Final = 8000
DEFAULT_READINESS: Final = "/readyz"
DEFAULT_GRACE_SECONDS: Final = 30
"""Kubernetes' terminationGracePeriodSeconds."""
_NUMBERS: Final[dict[str, Callable[[str], int]]] = {"cpu": milli_value, "memory": byte_value}
_TEXTS: Final[dict[str, Callable[[int], str]]] = {"cpu": cpu_quantity, "memory": memory_quantity}
_WITHOUT_LIMIT: Final = {
    "cpu": (1, "no CPU limit is set: what is guaranteed under load is the request, and that is what is simulated"),
    "memory": (2, "no memory limit is set: twice the request, so that nothing is killed that runs today"),
}
_NOTHING_STATED: Final = {
    "cpu": "no container states a CPU request, and an HPA divides usage by it; measure before trusting any figure",
    "memory": "no container states a memory request",
}


def resources_of(workload: Workload, service: str, told: Reasons) -> dict[str, dict[str, str]]:
    """Requests and limits of all containers together, as the HPA adds them up.

    Raises BadInputError for what is no quantity, and for a request above its limit.
    """
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for name in ("cpu", "memory"):
        requests[name], limits[name] = _amounts(workload, name, ("services", service, "resources"), told)
    if len(workload.containers) > 1 and not workload.pod.get("resources"):
        named = ", ".join(words(each.get("name")) for each in workload.containers)
        told.remark(BOTH, ("services", service, "resources"), f"of the containers {named} together")
    return {"requests": requests, "limits": limits}


def _amounts(workload: Workload, name: str, at: tuple[str, ...], told: Reasons) -> tuple[str, str]:
    """(request, limit) of cpu or memory."""
    number, text = _NUMBERS[name], _TEXTS[name]
    stated = [
        (label, _amount(workload, label, resources, "requests", name), _amount(workload, label, resources, "limits", name))
        for label, resources in _stated_resources(workload)
    ]
    # Kubernetes takes the limit where a container has a limit and no request.
    asked = [request or limit for _, request, limit in stated]
    known = [each for each in asked if each is not None]
    if not known:
        request = DEFAULT_REQUEST[name]
        told.guess(BOTH, (*at, "requests", name), request, _NOTHING_STATED[name])
    else:
        request = _total(known, name)
        silent = [label for (label, _, _), each in zip(stated, asked, strict=True) if each is None]
        if silent:
            told.guess(BOTH, (*at, "requests", name), request, f"without container {', '.join(silent)}, which states none")
    factor, why = _WITHOUT_LIMIT[name]
    allowed = [limit for _, _, limit in stated if limit is not None]
    if len(allowed) == len(stated):
        limit = _total(allowed, name)
    else:
        open_ended = sum(
            number(each or "0") * factor for (_, _, limit), each in zip(stated, asked, strict=True) if limit is None
        )
        total = sum(number(each) for each in allowed) + open_ended
        limit = text(max(total, number(request) * (factor if not known else 1)))
        told.guess(BOTH, (*at, "limits", name), limit, why)
    if number(request) > number(limit):
        raise BadInputError(
            f"{workload}: requests.{name} {request} is greater than limits.{name} {limit}", hint="Kubernetes refuses it as well"
        )
    return request, limit


def _stated_resources(workload: Workload) -> list[tuple[str, Mapping[str, Any]]]:
    """By container; the pod's own where it has some (Kubernetes 1.34), which then are what counts."""
    of_pod = mapping(workload.pod.get("resources"))
    if of_pod:
        return [("of the pod", of_pod)]
    return [(words(each.get("name")), mapping(each.get("resources"))) for each in workload.containers]


def _amount(workload: Workload, label: str, resources: Mapping[str, Any], kind: str, name: str) -> str | None:
    value = mapping(resources.get(kind)).get(name)
    if value is None:
        return None
    where = f"{workload}: container {label}: resources.{kind}.{name}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInputError(f"{where}: expected a quantity such as 250m, found {type(value).__name__}")
    try:
        amount = parse_quantity(value)
    except ValueError as error:
        raise BadInputError(f"{where}: {error}") from None
    return str(value) if amount > 0 else None


def _total(amounts: Sequence[str], name: str) -> str:
    if len(amounts) == 1:
        return amounts[0]
    return _TEXTS[name](sum(_NUMBERS[name](each) for each in amounts))


def port_of(workload: Workload, services: Sequence[Document], service: str, told: Reasons) -> int:
    """Where its HTTP is: the target of its Service's port, or its first container port."""
    named = {
        words(port.get("name")): whole(port.get("containerPort"))
        for container in workload.containers
        for port in entries(container.get("ports"))
    }
    ports = [port for each in services for port in entries(each.spec.get("ports"))]
    for port in sorted(ports, key=lambda each: not _looks_like_http(each)):
        target = port.get("targetPort", port.get("port"))
        number = named.get(target) if isinstance(target, str) else whole(target)
        if number is not None and 0 < number < 65536:  # noqa: PLR2004  TCP's ports
            return number
    for container_port in named.values():
        if container_port:
            return container_port
    told.guess(PLATFORM, ("services", service, "port"), DEFAULT_PORT, "neither a Service nor a container states a port")
    return DEFAULT_PORT


def _looks_like_http(port: Mapping[str, Any]) -> bool:
    name, protocol = words(port.get("name")).lower(), words(port.get("appProtocol")).lower()
    return name.startswith(("http", "web")) or protocol.endswith("http") or whole(port.get("port")) in {80, 8080}


def readiness_of(workload: Workload, service: str, told: Reasons) -> str:
    """The path of its readiness probe."""
    probe = mapping(workload.main.get("readinessProbe"))
    path = words(mapping(probe.get("httpGet")).get("path"))
    if path:
        return _as_path(path)
    kind = next((name for name in ("grpc", "tcpSocket", "exec") if name in probe), None)
    why = "it has no readiness probe" if kind is None else f"its readiness probe is {kind}, not HTTP"
    for other in ("startupProbe", "livenessProbe"):
        path = words(mapping(mapping(workload.main.get(other)).get("httpGet")).get("path"))
        if path:
            told.guess(PLATFORM, ("services", service, "readiness"), path, f"{why}: the path of its {other}")
            return _as_path(path)
    told.guess(PLATFORM, ("services", service, "readiness"), DEFAULT_READINESS, f"{why}; only `scaleproof up` asks for it")
    return DEFAULT_READINESS


def _as_path(path: str) -> str:
    return "/" + "".join(path.split()).lstrip("/")


def drain_seconds_of(workload: Workload) -> float:
    """Between SIGTERM and SIGKILL: the grace period without what a preStop hook sleeps."""
    grace = whole(workload.pod.get("terminationGracePeriodSeconds"))
    hook = mapping(mapping(workload.main.get("lifecycle")).get("preStop"))
    return float(max(0, (DEFAULT_GRACE_SECONDS if grace is None else grace) - _slept(hook)))


def _slept(hook: Mapping[str, Any]) -> int:
    native = whole(mapping(hook.get("sleep")).get("seconds"))
    if native is not None:
        return native
    command = mapping(hook.get("exec")).get("command")
    parts = " ".join(str(part) for part in command).split() if isinstance(command, list) else []
    if "sleep" in parts[:-1]:
        seconds = parts[parts.index("sleep") + 1].removesuffix("s")
        return int(seconds) if seconds.isdecimal() else 0
    return 0


def start_timeout_of(workload: Workload) -> float | None:
    """How long its startup probe lets it start, seconds; None where it has none."""
    probe = mapping(workload.main.get("startupProbe"))
    if not probe:
        return None
    delay = whole(probe.get("initialDelaySeconds")) or 0
    return float(delay + (whole(probe.get("failureThreshold")) or 3) * (whole(probe.get("periodSeconds")) or 10))
