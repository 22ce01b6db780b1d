"""What the supervisor saw: rows of the run tables in memory, with Unix times, bounded to the last hours."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LONGEST = 150_000
"""Rows a table: about six hours of seven replicas, 25 MB."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "replicas": ("time_s", "service", "replica", "state", "cpu_cores", "throttled_share", "memory_bytes"),
    "gateway": ("time_s", "service", "upper_bound_s", "count"),
    "host": (
        "time_s",
        "cpu_share",
        "steal_share",
        "gateway_cores",
        "datastores_cores",
        "gateway_memory_bytes",
    ),
    "decisions": (
        "time_s",
        "service",
        "current_replicas",
        "desired_replicas",
        "reason",
        "message",
        "utilization",
        "target",
    ),
    "events": ("time_s", "kind", "component", "replica", "message"),
}
"""Columns of `telemetry.tables` that the platform's side knows; the generator adds its own."""


class Recorder:
    """Rows as they come. Times are Unix seconds until `between` makes them relative."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rows: dict[str, deque[tuple[Any, ...]]] = {name: deque(maxlen=LONGEST) for name in COLUMNS if name != "gateway"}
        # A histogram a row: some 50 buckets a second and service would not fit as rows.
        self._histograms: deque[tuple[float, str, Sequence[tuple[float, int]]]] = deque(maxlen=LONGEST // 5)

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        """A row in the order of COLUMNS, its time first."""
        self._rows[table].append(row)

    def event(self, kind: str, component: str, replica: str, message: str) -> None:
        """Something happened now."""
        self.add("events", (self._clock(), kind, component, replica, message))

    def histogram(self, time_s: float, histograms: Mapping[str, Sequence[tuple[float, int]]]) -> None:
        """A scrape of the gateway: per service (upper bound in seconds, cumulative count)."""
        for service, buckets in histograms.items():
            self._histograms.append((time_s, service, tuple(buckets)))

    def last(self, table: str, count: int) -> list[tuple[Any, ...]]:
        """The youngest rows."""
        return list(self._rows[table])[-count:]

    def between(self, start: float, end: float) -> dict[str, dict[str, list[Any]]]:
        """Columns of every table within two Unix times, both included; `time_s` counts from `start`."""
        found = {
            name: _columns(COLUMNS[name], [(row[0] - start, *row[1:]) for row in rows if start <= row[0] <= end])
            for name, rows in self._rows.items()
        }
        buckets = [
            (moment - start, service, bound, count)
            for moment, service, histogram in self._histograms
            if start <= moment <= end
            for bound, count in histogram
        ]
        found["gateway"] = _columns(COLUMNS["gateway"], buckets)
        return found


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}
