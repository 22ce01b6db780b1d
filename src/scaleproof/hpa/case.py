"""A case: Kubernetes' own objects plus what the controller remembers, read into what a reconciliation takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scaleproof.hpa.case_metrics import CaseMetricsClient
from scaleproof.hpa.field import FieldError, boolean, mapping, objects, parsed, required_mapping, text, whole
from scaleproof.hpa.go_numbers import INT32_MIN
from scaleproof.hpa.history import History, Recommendations, ScaleEvents
from scaleproof.hpa.horizontal_spec import HorizontalSpec, read_horizontal_spec
from scaleproof.hpa.pods import PHASES, READINESS, PodTable
from scaleproof.hpa.quantities import NANOSECONDS, parse_duration, parse_time
from scaleproof.hpa.reconcile import DEFAULT_OPTIONS, ControllerOptions, Observed
from scaleproof.hpa.replica_calculator import NO_CONDITION, UNKNOWN

CASE_VERSION: Final = 1
CASE_FIELDS: Final = (
    "version",
    "name",
    "now",
    "hpa",
    "scale",
    "pods",
    "podMetrics",
    "customMetrics",
    "externalMetrics",
    "scaleUpEvents",
    "scaleDownEvents",
    "recommendations",
    "options",
)
OPTION_FIELDS: Final = (
    "tolerance",
    "downscaleStabilisationSeconds",
    "cpuInitializationPeriodSeconds",
    "initialReadinessDelaySeconds",
    "configurableTolerance",
    "scaleToZero",
)
_LONGEST: Final = 10 * 366 * 86400 * NANOSECONDS  # ten years
_TIME: Final = "an RFC 3339 time or Unix seconds"


@dataclass(frozen=True, slots=True)
class Case:
    """What a case says. `numeric_time`: `now` was given as a number, so answers give times as numbers."""

    name: str | None
    spec: HorizontalSpec
    history: History
    seen: Observed
    options: ControllerOptions
    numeric_time: bool


def read_case(document: Any) -> Case:
    """The case. Raises FieldError with the field and what was expected."""
    if not isinstance(document, dict):
        raise FieldError("", "an object", document)
    _refuse_unknown(document, CASE_FIELDS, "")
    version = whole(document, "version", "", least=1)
    if version > CASE_VERSION:
        raise FieldError("version", f"{CASE_VERSION}, the newest this scaleproof reads", version)
    now = parsed(document.get("now"), "now", _TIME, parse_time)
    hpa = required_mapping(document, "hpa", "")
    status = mapping(hpa, "status", "hpa")
    scale = mapping(document, "scale", "")
    spec_replicas = mapping(scale, "spec", "scale").get("replicas")
    current = (
        whole(status, "currentReplicas", "hpa.status")
        if spec_replicas is None
        else whole(mapping(scale, "spec", "scale"), "replicas", "scale.spec")
    )
    namespace = text(mapping(hpa, "metadata", "hpa"), "namespace", "hpa.metadata", default="")
    table, found = _read_pods(document, namespace)
    return Case(
        name=text(document, "name", "") if "name" in document else None,
        spec=read_horizontal_spec(required_mapping(hpa, "spec", "hpa"), "hpa.spec"),
        history=_read_history(document),
        seen=Observed(
            now,
            current,
            whole(mapping(scale, "status", "scale"), "replicas", "scale.status", default=current),
            table,
            CaseMetricsClient(document, found, namespace),
            any(
                c.get("type") == "ScaledToZero" and c.get("status") == "True"
                for c in objects(status, "conditions", "hpa.status")
            ),
        ),
        options=_read_options(document),
        numeric_time=not isinstance(document["now"], str),
    )


def _refuse_unknown(document: dict[str, Any], known: tuple[str, ...], path: str) -> None:
    for key in document:
        if key not in known:
            raise FieldError(f"{path}{key}", "one of the fields " + ", ".join(known), key)


def _read_pods(document: dict[str, Any], namespace: str) -> tuple[PodTable, list[tuple[str, str, dict[str, Any]]]]:
    table = PodTable()
    found: list[tuple[str, str, dict[str, Any]]] = []
    names = set()
    for i, pod in enumerate(objects(mapping(document, "pods", ""), "items", "pods")):
        path = f"pods.items[{i}]"
        metadata = required_mapping(pod, "metadata", path)
        if namespace and metadata.get("namespace", namespace) != namespace:
            continue
        name = text(metadata, "name", f"{path}.metadata")
        if name in names:
            raise FieldError(f"{path}.metadata.name", "a name no other pod has", name)
        names.add(name)
        found.append((name, path, pod))
        _add_pod(table, pod, metadata, path, name)
    return table, found


def _add_pod(table: PodTable, pod: dict[str, Any], metadata: dict[str, Any], path: str, name: str) -> None:
    status = mapping(pod, "status", path)
    path = f"{path}.status"
    readiness, transition = NO_CONDITION, None
    for i, condition in enumerate(objects(status, "conditions", path)):
        if condition.get("type") == "Ready":
            at = f"{path}.conditions[{i}]"
            # Any other text is neither True nor False to upstream, like Unknown.
            readiness = READINESS.get(text(condition, "status", at), READINESS["Unknown"])
            transition = _time(condition.get("lastTransitionTime"), f"{at}.lastTransitionTime")
            break
    table.add(
        name,
        phase=PHASES.get(text(status, "phase", path, default=""), UNKNOWN),
        deleting=metadata.get("deletionTimestamp") is not None,
        start_time=_time(status.get("startTime"), f"{path}.startTime"),
        readiness=readiness,
        ready_transition_time=transition,
    )


def _time(value: Any, path: str) -> int | None:
    return None if value is None else parsed(value, path, _TIME, parse_time)


def _read_history(document: dict[str, Any]) -> History:
    history = History(None, _read_events(document, "scaleUpEvents"), _read_events(document, "scaleDownEvents"))
    if document.get("recommendations") is not None:
        history.recommendations = Recommendations()
        for i, entry in enumerate(objects(document, "recommendations", "")):
            path = f"recommendations[{i}]"
            history.recommendations.values.append(whole(entry, "recommendation", path, least=INT32_MIN))
            history.recommendations.times.append(parsed(entry.get("timestamp"), f"{path}.timestamp", _TIME, parse_time))
    return history


def _read_events(document: dict[str, Any], key: str) -> ScaleEvents:
    events = ScaleEvents()
    for i, entry in enumerate(objects(document, key, "")):
        path = f"{key}[{i}]"
        events.changes.append(whole(entry, "replicaChange", path, least=INT32_MIN))
        events.times.append(parsed(entry.get("timestamp"), f"{path}.timestamp", _TIME, parse_time))
        events.outdated.append(boolean(entry, "outdated", path, default=False))
    return events


def _read_options(document: dict[str, Any]) -> ControllerOptions:
    if document.get("options") is None:
        return DEFAULT_OPTIONS
    options = mapping(document, "options", "")
    _refuse_unknown(options, OPTION_FIELDS, "options.")
    return ControllerOptions(
        tolerance=_share(options, "tolerance", DEFAULT_OPTIONS.tolerance),
        downscale_stabilization=_seconds(options, "downscaleStabilisationSeconds", DEFAULT_OPTIONS.downscale_stabilization),
        cpu_initialization_period=_seconds(
            options, "cpuInitializationPeriodSeconds", DEFAULT_OPTIONS.cpu_initialization_period
        ),
        initial_readiness_delay=_seconds(options, "initialReadinessDelaySeconds", DEFAULT_OPTIONS.initial_readiness_delay),
        configurable_tolerance=boolean(options, "configurableTolerance", "options", default=True),
        scale_to_zero=boolean(options, "scaleToZero", "options", default=False),
    )


def _share(options: dict[str, Any], key: str, default: float) -> float:
    value = options.get(key)
    if value is None:
        return default
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
        raise FieldError(f"options.{key}", "a number of at least 0", value)
    return float(value)


def _seconds(options: dict[str, Any], key: str, default: int) -> int:
    value = options.get(key)
    if value is None:
        return default
    nanoseconds = parsed(value, f"options.{key}", "a number of seconds of at least 0", parse_duration)
    if not 0 <= nanoseconds <= _LONGEST:
        raise FieldError(f"options.{key}", "a number of seconds of at least 0", value)
    return nanoseconds
