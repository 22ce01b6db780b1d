"""One metric to one proposal: upstream's computeReplicasForMetric and the computeStatusFor… functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scaleproof.hpa.decision import Proposal
from scaleproof.hpa.horizontal_spec import Metric
from scaleproof.hpa.metrics_client import MetricError, MetricsClient, PodMetric
from scaleproof.hpa.pods import PodTable
from scaleproof.hpa.reasons import MEANINGS, NAMES, NO_METRICS, NO_REQUESTS
from scaleproof.hpa.replica_calculator import (
    IGNORED,
    MISSING,
    UNREADY,
    add_external_values,
    add_external_values_per_pod,
    calc_plain_metric_replicas,
    get_external_per_pod_metric_replicas,
    get_object_per_pod_metric_replicas,
    get_ready_pods_count,
    get_resource_replicas,
    get_usage_ratio_replica_count,
    group_pods,
)

NO_PODS_TEXT: Final = "no pods returned by selector while calculating replica count"
NO_METRICS_TEXT: Final = "did not receive metrics for targeted pods (pods might be unready)"
NO_REQUESTS_TEXT: Final = "no metrics returned matched known pods"


@dataclass(frozen=True, slots=True)
class Situation:
    """What every metric of a reconciliation shares. Times in nanoseconds."""

    now: int
    spec_replicas: int
    status_replicas: int
    pods: PodTable
    client: MetricsClient
    tolerance_down: float
    tolerance_up: float
    cpu_initialization_period: int
    initial_readiness_delay: int


def compute_replicas_for_metric(metric: Metric, at: Situation) -> Proposal:
    """`computeReplicasForMetric`. An invalid metric is a proposal without replicas."""
    try:
        if metric.type in ("Resource", "ContainerResource"):
            return _for_resource(metric, at)
        if metric.type == "Pods":
            return _for_pods(metric, at)
        if metric.type == "Object":
            return _for_object(metric, at)
        return _for_external(metric, at)
    except MetricError as error:
        why = str(error)
        return Proposal(
            metric.type,
            metric.name,
            metric.title,
            "m",
            f"FailedGet{metric.type}Metric",
            f"{metric.title}: invalid, {why}",
            error=why,
        )


def _for_resource(metric: Metric, at: Situation) -> Proposal:
    try:
        samples = at.client.get_resource_metric(metric.name, metric.container)
    except MetricError as error:
        raise MetricError(f"unable to get metrics for resource {metric.name}: {error}") from None
    groups, usage, strays = group_samples(samples, at, is_cpu=metric.name == "cpu")
    if metric.average_value is not None:
        return _plain(metric, at, groups, usage, strays)
    counts = _counts(groups)
    if counts[0] + len(strays) == 0:
        raise MetricError(NO_METRICS_TEXT)
    requests = at.client.calculate_requests(metric.name, metric.container)
    target = metric.average_utilization or 0
    replicas, utilization, average, usage_ratio, new_ratio, code = get_resource_replicas(
        at.spec_replicas, target, at.tolerance_down, at.tolerance_up, groups, usage, requests, len(strays)
    )
    if code in (NO_METRICS, NO_REQUESTS):
        raise MetricError(NO_METRICS_TEXT if code == NO_METRICS else NO_REQUESTS_TEXT)
    return _proposal(metric, "%", code, replicas, utilization, target, usage_ratio, new_ratio, counts, average)


def _for_pods(metric: Metric, at: Situation) -> Proposal:
    groups, usage, strays = group_samples(at.client.get_raw_metric(metric), at, is_cpu=False)
    return _plain(metric, at, groups, usage, strays)


def _plain(metric: Metric, at: Situation, groups: list[int], usage: list[int], strays: list[int]) -> Proposal:
    target = metric.average_value or 0
    replicas, mean, usage_ratio, new_ratio, code = calc_plain_metric_replicas(
        at.spec_replicas, target, at.tolerance_down, at.tolerance_up, groups, usage, len(strays), sum(strays)
    )
    if code == NO_METRICS:
        raise MetricError(NO_METRICS_TEXT)
    return _proposal(metric, "m", code, replicas, mean, target, usage_ratio, new_ratio, _counts(groups))


def _for_object(metric: Metric, at: Situation) -> Proposal:
    if metric.target_type == "Value" and metric.value is not None:
        return _for_value(metric, at, at.client.get_object_metric(metric), metric.value)
    if metric.target_type == "AverageValue" and metric.average_value is not None:
        usage = at.client.get_object_metric(metric)
        replicas, average, usage_ratio, code = get_object_per_pod_metric_replicas(
            at.status_replicas, metric.average_value, usage, at.tolerance_down, at.tolerance_up
        )
        return _proposal(metric, "m", code, replicas, average, metric.average_value, usage_ratio)
    raise MetricError("invalid object metric source: neither a value target nor an average value target was set")


def _for_external(metric: Metric, at: Situation) -> Proposal:
    values = at.client.get_external_metric(metric)
    if metric.average_value is not None:
        replicas, average, usage_ratio, code = get_external_per_pod_metric_replicas(
            at.status_replicas,
            metric.average_value,
            add_external_values_per_pod(values),
            at.tolerance_down,
            at.tolerance_up,
        )
        return _proposal(metric, "m", code, replicas, average, metric.average_value, usage_ratio)
    return _for_value(metric, at, add_external_values(values), metric.value or 0)


def _for_value(metric: Metric, at: Situation, usage: int, target: int) -> Proposal:
    usage_ratio = float(usage) / float(target)
    ready = 0
    holds = at.spec_replicas != 0 and 1.0 - at.tolerance_down <= usage_ratio <= 1.0 + at.tolerance_up
    if at.spec_replicas != 0 and not holds:
        if not len(at.pods):
            raise MetricError(f"unable to calculate ready pods: {NO_PODS_TEXT}")
        ready = get_ready_pods_count(at.pods.phases, at.pods.readiness)
    replicas, code = get_usage_ratio_replica_count(at.spec_replicas, usage_ratio, at.tolerance_down, at.tolerance_up, ready)
    return _proposal(metric, "m", code, replicas, usage, target, usage_ratio)


def group_samples(samples: dict[str, PodMetric], at: Situation, *, is_cpu: bool) -> tuple[list[int], list[int], list[int]]:
    """The group and usage of each pod, and the values of samples that belong to no pod (upstream counts them)."""
    pods = at.pods
    if not len(pods):
        raise MetricError(NO_PODS_TEXT)
    absent = PodMetric(0, 0, 0)
    own = [samples.get(name, absent) for name in pods.names]
    groups = [0] * len(own)
    group_pods(
        is_cpu,
        at.now,
        at.cpu_initialization_period,
        at.initial_readiness_delay,
        pods.phases,
        pods.deleting,
        pods.start_times,
        pods.started_readiness,
        pods.ready_transition_times,
        [name in samples for name in pods.names],
        [sample.timestamp for sample in own],
        [sample.window for sample in own],
        groups,
    )
    strays = []
    if len(samples) > sum(sample is not absent for sample in own):
        known = set(pods.names)
        strays = [sample.value for name, sample in samples.items() if name not in known]
    return groups, [sample.value for sample in own], strays


def _counts(groups: list[int]) -> tuple[int, int, int, int]:
    unready, missing, ignored = groups.count(UNREADY), groups.count(MISSING), groups.count(IGNORED)
    return len(groups) - unready - missing - ignored, unready, missing, ignored


def _proposal(
    metric: Metric,
    unit: str,
    code: int,
    replicas: int,
    current: int,
    target: int,
    usage_ratio: float,
    new_ratio: float = float("nan"),
    counts: tuple[int, int, int, int] | None = None,
    average: int | None = None,
) -> Proposal:
    reason = NAMES[code]
    if unit == "%":
        text = f"{metric.title} at {current} % of the request against a target of {target} %"
    else:
        text = f"{metric.title} at {value_text(metric.name, current)} against a target of {value_text(metric.name, target)}"
    text += f": ratio {usage_ratio:.3g}"
    if counts is not None:
        ready_pods, unready_pods, missing_pods, _ = counts
        text += f" over {ready_pods} ready pods"
        if unready_pods or missing_pods:
            text += f" ({unready_pods} not ready, {missing_pods} without a sample)"
        if new_ratio == new_ratio:  # noqa: PLR0124  # false for NaN alone
            text += f", {new_ratio:.3g} with assumed values for the others"
    text += f"; {replicas} replicas: {MEANINGS[reason]}"
    ready, unready, missing, ignored = counts or (None, None, None, None)
    return Proposal(
        metric.type,
        metric.name,
        metric.title,
        unit,
        reason,
        text,
        replicas,
        current,
        target,
        usage_ratio,
        new_ratio,
        ready,
        unready,
        missing,
        ignored,
        average,
    )


def value_text(metric_name: str, value: int) -> str:
    """A value in thousandths as a person writes it: memory in Mi, cpu in millicores, others plain."""
    if metric_name == "memory":
        return f"{value / 1000 / 2**20:.4g}Mi"
    if metric_name == "cpu" and value % 1000:
        return f"{value}m"
    return f"{value / 1000:.6g}"
