"""What the algorithm asks of the world: upstream's metrics/interfaces.go plus the pods' requests."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from scaleproof.hpa.horizontal_spec import Metric


class MetricError(Exception):
    """A metric could not be read; the text completes "unable to compute the replica count: …"."""


class PodMetric(NamedTuple):
    """`PodMetric`: a pod's value in thousandths, and the nanoseconds of its sample."""

    value: int
    timestamp: int
    window: int


class MetricsClient(Protocol):
    """Each method raises MetricError where nothing can be told."""

    def get_resource_metric(self, resource: str, container: str) -> dict[str, PodMetric]:
        """Samples by pod; of all containers where `container` is empty."""
        ...

    def get_raw_metric(self, metric: Metric) -> dict[str, PodMetric]:
        """A Pods metric's values by pod."""
        ...

    def get_object_metric(self, metric: Metric) -> int:
        """An Object metric's value in thousandths."""
        ...

    def get_external_metric(self, metric: Metric) -> list[int]:
        """An External metric's values in thousandths, one a series."""
        ...

    def calculate_requests(self, resource: str, container: str) -> list[int]:
        """Requests in thousandths, in the order of the pod table; of all containers where `container` is empty."""
        ...
