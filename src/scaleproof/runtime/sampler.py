"""What metrics-server would say of the replicas, by its own rules. Pure: time and readings are arguments.

Source: sigs.k8s.io/metrics-server v0.9, pkg/storage/pod.go (`Store`, `GetMetrics`) and pkg/storage/types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

METRIC_RESOLUTION_SECONDS = 15.0
FRESH_CONTAINER_SECONDS = 10.0


@dataclass(frozen=True)
class Reading:
    """One container at one moment: cumulative CPU since its start, as the kubelet reports it. Times are Unix seconds."""

    timestamp: float
    started_at: float
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class PodSample:
    """`PodMetrics` of a one-container pod."""

    usage_nanocores: int
    memory_bytes: int
    timestamp: float
    """When the window ended, Unix seconds."""
    window_seconds: float


class MetricsServer:
    """The last two readings of every pod, and the rate between them."""

    def __init__(self, resolution_seconds: float = METRIC_RESOLUTION_SECONDS) -> None:
        self._resolution = resolution_seconds
        self._last: dict[str, Reading] = {}
        self._previous: dict[str, Reading] = {}

    def scrape(self, readings: Mapping[str, Reading]) -> None:
        """`Store`: keep these as the last readings and decide what the previous ones are. Absent pods are forgotten."""
        previous: dict[str, Reading] = {}
        for pod, new in readings.items():
            last = self._last.get(pod)
            age = new.timestamp - new.started_at
            if 0 < age < self._resolution and age >= FRESH_CONTAINER_SECONDS:
                # A fresh container is measured from its start, so that it counts one scrape earlier.
                previous[pod] = Reading(new.started_at, new.started_at, 0.0, new.memory_bytes)
            elif last is not None and new.started_at < last.timestamp:
                if new.timestamp > last.timestamp:
                    previous[pod] = last
                elif pod in self._previous:
                    previous[pod] = self._previous[pod]
        self._last = dict(readings)
        self._previous = previous

    def samples(self) -> dict[str, PodSample]:
        """`GetMetrics`: the rate between the last two readings of every pod that has two; CPU truncated to nanocores."""
        found: dict[str, PodSample] = {}
        for pod, previous in self._previous.items():
            last = self._last[pod]
            if last.started_at < previous.started_at or last.cpu_seconds < previous.cpu_seconds:
                continue
            window = last.timestamp - previous.timestamp
            used = round(last.cpu_seconds * 1e9) - round(previous.cpu_seconds * 1e9)
            found[pod] = PodSample(int(used / window), last.memory_bytes, last.timestamp, window)
        return found
