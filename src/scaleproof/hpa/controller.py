"""The autoscaler of one service for a caller with pods of its own: the embedded default's local autoscaler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from scaleproof.hpa.decision import Decision
from scaleproof.hpa.history import History
from scaleproof.hpa.horizontal_spec import Metric, read_horizontal_spec
from scaleproof.hpa.metrics_client import MetricError, PodMetric
from scaleproof.hpa.pods import PHASES, READINESS, PodTable
from scaleproof.hpa.quantities import NANOSECONDS
from scaleproof.hpa.reconcile import DEFAULT_OPTIONS, ControllerOptions, Observed, reconcile_autoscaler
from scaleproof.hpa.replica_calculator import NO_CONDITION
from scaleproof.spec.autoscaling import AutoscalingSpec


@dataclass(frozen=True, slots=True)
class Sample:
    """One metrics-server sample of a pod: use in thousandths (millicores; thousandths of a byte), over `window_seconds` up to `time`."""

    usage_milli: int
    time: float
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the autoscaler sees it. Times in seconds of the caller's clock, the one `now` is taken from.

    `ready` is the Ready condition's status, None where the pod has no such condition yet; `ready_since` is that condition's
    last transition. `requests_milli` and `samples` are by resource (`cpu`, `memory`); a resource without a sample is missing.
    """

    name: str
    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"] = "Running"
    start_time: float | None = None
    ready: bool | None = None
    ready_since: float | None = None
    deleting: bool = False
    requests_milli: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)


class HorizontalController:
    """`HorizontalController` of one autoscaler: remembers its recommendations and scale events between syncs.

    `options`: the controller manager's flags, upstream's defaults where not given.
    """

    def __init__(self, spec: AutoscalingSpec, *, options: ControllerOptions = DEFAULT_OPTIONS) -> None:
        self._spec = read_horizontal_spec(spec.model_dump(by_alias=True, exclude_none=True), "autoscaling")
        self._options = options
        self._history = History()

    def apply(self, spec: AutoscalingSpec) -> None:
        """A new spec; what is remembered stays, as it does when an HPA is edited. Raises FieldError."""
        self._spec = read_horizontal_spec(spec.model_dump(by_alias=True, exclude_none=True), "autoscaling")

    def reconcile(
        self,
        now: float,
        *,
        current_replicas: int,
        pods: Iterable[Pod],
        metrics: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Decision:
        """One sync at `now` (seconds). The decision counts as applied: its scale event is remembered.

        `current_replicas` is the wanted count (the Deployment's spec.replicas), not the number of pods. `metrics` holds
        values of Pods metrics in thousandths: by metric name, then by pod name.
        """
        pods = tuple(pods)
        table = PodTable()
        for pod in pods:
            table.add(
                pod.name,
                phase=PHASES[pod.phase],
                deleting=pod.deleting,
                start_time=None if pod.start_time is None else nanoseconds(pod.start_time),
                readiness=NO_CONDITION if pod.ready is None else READINESS[str(pod.ready)],
                ready_transition_time=None if pod.ready_since is None else nanoseconds(pod.ready_since),
            )
        seen = Observed(nanoseconds(now), current_replicas, current_replicas, table, _PodsClient(pods, metrics or {}))
        return reconcile_autoscaler(self._spec, self._history, seen, self._options)


class _PodsClient:
    """A `MetricsClient` over `Pod`s."""

    def __init__(self, pods: tuple[Pod, ...], metrics: Mapping[str, Mapping[str, int]]) -> None:
        self._pods = pods
        self._metrics = metrics

    def get_resource_metric(self, resource: str, container: str) -> dict[str, PodMetric]:
        # A replica is one container: a container's metric is the pod's.
        del container
        samples = {
            pod.name: PodMetric(
                pod.samples[resource].usage_milli,
                nanoseconds(pod.samples[resource].time),
                nanoseconds(pod.samples[resource].window_seconds),
            )
            for pod in self._pods
            if resource in pod.samples
        }
        if not samples:
            raise MetricError("no metrics returned from resource metrics API")
        return samples

    def get_raw_metric(self, metric: Metric) -> dict[str, PodMetric]:
        values = self._metrics.get(metric.name)
        if not values:
            raise MetricError(f"unable to get metric {metric.name}: no metrics returned from custom metrics API")
        return {name: PodMetric(value, 0, 0) for name, value in values.items()}

    def get_object_metric(self, metric: Metric) -> int:
        raise MetricError(f"unable to get metric {metric.name}: the embedded default has no Object metrics")

    def get_external_metric(self, metric: Metric) -> list[int]:
        raise MetricError(f"unable to get external metric {metric.name}: the embedded default has no External metrics")

    def calculate_requests(self, resource: str, container: str) -> list[int]:
        del container
        for pod in self._pods:
            if resource not in pod.requests_milli:
                raise MetricError(f"missing request for {resource} in Pod {pod.name}")
        return [pod.requests_milli[resource] for pod in self._pods]


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds, nearest."""
    return round(seconds * NANOSECONDS)
