"""The metrics of a case: Kubernetes' own lists of metrics as a `MetricsClient`. Upstream: metrics/client.go."""

from __future__ import annotations

from typing import Any

from scaleproof.hpa.field import FieldError, mapping, objects, parsed, required_mapping, text
from scaleproof.hpa.horizontal_spec import Metric
from scaleproof.hpa.metrics_client import MetricError, PodMetric
from scaleproof.hpa.pod_requests import request_of_pod
from scaleproof.hpa.quantities import ZERO_TIME, milli_value, parse_duration, parse_time
from scaleproof.hpa.selector import selects


class CaseMetricsClient:
    """Reads podMetrics, customMetrics and externalMetrics of a case. A list that is absent is an API that cannot be reached."""

    def __init__(self, case: dict[str, Any], pods: list[tuple[str, str, dict[str, Any]]], namespace: str) -> None:
        """`pods`: (name, field, object) of each pod the autoscaler looks at."""
        self._case = case
        self._pods = pods
        self._namespace = namespace

    def get_resource_metric(self, resource: str, container: str) -> dict[str, PodMetric]:
        """Samples by pod: `getPodMetrics`, or `getContainerMetrics` where a container is named."""
        samples: dict[str, PodMetric] = {}
        items = self._items("podMetrics", "resource metrics API")
        for i, item in enumerate(items):
            path = f"podMetrics.items[{i}]"
            value = _usage(item, path, resource, container)
            if value is None:
                continue
            timestamp, window = item.get("timestamp"), item.get("window")
            samples[text(required_mapping(item, "metadata", path), "name", f"{path}.metadata")] = PodMetric(
                value,
                ZERO_TIME if timestamp is None else parsed(timestamp, f"{path}.timestamp", "an RFC 3339 time", parse_time),
                0 if window is None else parsed(window, f"{path}.window", "a duration such as 30s", parse_duration),
            )
        return samples

    def get_raw_metric(self, metric: Metric) -> dict[str, PodMetric]:
        """A Pods metric's values by pod."""
        found = {}
        for item, path in self._custom(metric):
            described = required_mapping(item, "describedObject", path)
            if described.get("kind", "Pod") == "Pod":
                name = text(described, "name", f"{path}.describedObject")
                found[name] = PodMetric(_value(item, path), ZERO_TIME, 0)
        if not found:
            raise MetricError(f"unable to get metric {metric.name}: no metrics returned from custom metrics API")
        return found

    def get_object_metric(self, metric: Metric) -> int:
        """An Object metric's value."""
        for item, path in self._custom(metric):
            described = required_mapping(item, "describedObject", path)
            if described.get("kind") == metric.described_kind and described.get("name") == metric.described_name:
                return _value(item, path)
        raise MetricError(f"unable to get metric {metric.name}: no value for {metric.described_kind} {metric.described_name}")

    def get_external_metric(self, metric: Metric) -> list[int]:
        """An External metric's values whose labels the metric's selector matches."""
        values = []
        for i, item in enumerate(self._items("externalMetrics", "external metrics API")):
            path = f"externalMetrics.items[{i}]"
            if item.get("metricName") == metric.name and selects(
                metric.selector, mapping(item, "metricLabels", path), "hpa.spec.metrics.external.metric.selector"
            ):
                values.append(_value(item, path))
        if not values:
            raise MetricError(f"unable to get external metric {metric.name}: no metrics returned from external metrics API")
        return values

    def calculate_requests(self, resource: str, container: str) -> list[int]:
        """Requests in the order of the pods."""
        return [request_of_pod(pod, path, name, resource, container) for name, path, pod in self._pods]

    def _items(self, key: str, api: str) -> list[dict[str, Any]]:
        if self._case.get(key) is None:
            raise MetricError(f"unable to fetch metrics from {api}: the case has no {key}")
        items = [item for item in objects(mapping(self._case, key, ""), "items", key) if self._is_ours(item)]
        if not items:
            raise MetricError(f"no metrics returned from {api}")
        return items

    def _is_ours(self, item: dict[str, Any]) -> bool:
        metadata = item.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        return not namespace or not self._namespace or namespace == self._namespace

    def _custom(self, metric: Metric) -> list[tuple[dict[str, Any], str]]:
        found = []
        for i, item in enumerate(self._items("customMetrics", "custom metrics API")):
            path = f"customMetrics.items[{i}]"
            identifier = mapping(item, "metric", path)
            name = identifier.get("name", item.get("metricName"))
            if not isinstance(name, str):
                raise FieldError(f"{path}.metric.name", "a text", name)
            selector = identifier.get("selector")
            if name == metric.name and (selector is None or selector == metric.selector):
                found.append((item, path))
        return found


def _usage(item: dict[str, Any], path: str, resource: str, container: str) -> int | None:
    """A pod's usage in thousandths; None where the sample does not tell."""
    total, found = 0, False
    for i, c in enumerate(objects(item, "containers", path)):
        at = f"{path}.containers[{i}]"
        if container and c.get("name") != container:
            continue
        usage = mapping(c, "usage", at)
        if usage.get(resource) is None:
            return None
        total += parsed(usage[resource], f"{at}.usage.{resource}", "a quantity", milli_value)
        found = True
        if container:
            break
    return total if found else None


def _value(item: dict[str, Any], path: str) -> int:
    return parsed(item.get("value"), f"{path}.value", "a quantity", milli_value)
