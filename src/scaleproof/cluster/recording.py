"""What was seen of a cluster: rows of the run tables in memory, with Unix times."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from scaleproof.cluster.cpu_counters import Counters
from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import TABLES

LONGEST: Final = 200_000
"""Rows a table: some hours of a dozen replicas."""
METRIC_COLUMNS: Final = ("time_s", "replica", "sampled_s", "window_s", "cpu_cores", "memory_bytes")


class Recording:
    """Rows as they come. CPU is kept as counters and only made means of when somebody asks."""

    def __init__(self) -> None:
        self.own = Counters()
        """What processes say of themselves, by pod: fine, where they do."""
        self.kubelet = Counters()
        """What kubelets say, by pod: some ten seconds apart."""
        self.metrics = Counters()
        """What metrics-server says, by pod."""
        self.throttled = Counters()
        self.nodes = Counters()
        self.node_cores: dict[str, float] = {}
        self.groups: dict[str, str] = {}
        """Pod → `gateway` or `datastores`, whose use is added up in the host table."""
        self._memory: dict[str, int] = {}
        self._states: deque[tuple[float, str, str, str, int]] = deque(maxlen=LONGEST)
        self._rows: dict[str, deque[tuple[Any, ...]]] = {
            name: deque(maxlen=LONGEST) for name in ("decisions", "events", "metrics")
        }
        self._histograms: deque[tuple[float, str, Sequence[tuple[float, int]]]] = deque(maxlen=LONGEST // 5)

    def state(self, now: float, service: str, replica: str, state: str) -> None:
        """A replica at this moment."""
        self._states.append((now, service, replica, state, self._memory.get(replica, 0)))

    def memory(self, replica: str, size_bytes: int) -> None:
        """What a replica holds from now on."""
        self._memory[replica] = size_bytes

    def memory_of(self, group: str) -> int:
        """What a group of pods holds now."""
        return sum(self._memory.get(pod, 0) for pod, name in self.groups.items() if name == group)

    def decision(self, row: tuple[Any, ...]) -> None:
        """A sync of an autoscaler, in the order of DECISIONS."""
        self._rows["decisions"].append(row)

    def event(self, moment: float, kind: str, component: str, replica: str, message: str) -> None:
        """Something happened."""
        self._rows["events"].append((moment, kind, component, replica, message))

    def metric(self, row: tuple[Any, ...]) -> None:
        """What metrics-server answered, in the order of METRIC_COLUMNS."""
        self._rows["metrics"].append(row)

    def histogram(self, now: float, histograms: Mapping[str, Sequence[tuple[float, int]]]) -> None:
        """A scrape of the gateway: per service (upper bound in seconds, cumulative count)."""
        for service, buckets in histograms.items():
            self._histograms.append((now, service, tuple(buckets)))

    def last_events(self, count: int) -> list[tuple[Any, ...]]:
        """The youngest, oldest first."""
        return list(self._rows["events"])[-count:]

    def between(self, start: float, end: float) -> dict[str, pd.DataFrame]:
        """The platform's tables of a run within two Unix times; `time_s` counts from `start`."""
        return {
            "replicas": self._replicas(start, end),
            "gateway": self._gateway(start, end),
            "host": self._host(start, end),
            "decisions": self._plain("decisions", start, end),
            "events": self._plain("events", start, end),
        }

    def metric_samples(self, start: float, end: float) -> pd.DataFrame:
        """What metrics-server answered, and when: METRIC_COLUMNS, times counted from `start`."""
        rows = [row for row in self._rows["metrics"] if start <= row[0] <= end]
        frame = pd.DataFrame(rows, columns=list(METRIC_COLUMNS))
        return frame.assign(time_s=frame["time_s"] - start, sampled_s=frame["sampled_s"] - start)

    def _replicas(self, start: float, end: float) -> pd.DataFrame:
        rows = [row for row in self._states if start <= row[0] <= end]
        if not rows:
            return empty_table("replicas")
        frame = pd.DataFrame(rows, columns=["time_s", "service", "replica", "state", "memory_bytes"])
        frame["cpu_cores"], frame["throttled_share"] = 0.0, 0.0
        for replica, life in frame.groupby("replica"):
            moments = life["time_s"].to_numpy(dtype=np.float64)
            frame.loc[life.index, "cpu_cores"] = np.nan_to_num(self._cpu_of(str(replica)).means(moments))
            shares = np.clip(np.nan_to_num(self.throttled[replica].means(moments)), 0.0, 1.0)
            frame.loc[life.index, "throttled_share"] = shares
        frame["time_s"] -= start
        columns: list[str] = TABLES["replicas"].names
        return frame[columns]

    def _cpu_of(self, pod: str) -> Any:
        """The finest source that knows the pod."""
        enough = 2
        for source in (self.own, self.kubelet, self.metrics):
            if source[pod].readings >= enough:
                return source[pod]
        return self.kubelet[pod]

    def _host(self, start: float, end: float) -> pd.DataFrame:
        seconds = np.arange(np.ceil(start), np.floor(end) + 1)
        if not seconds.size or not self.node_cores:
            return empty_table("host")
        shares = [self.nodes[name].means(seconds) / cores for name, cores in self.node_cores.items() if cores > 0]
        # The fullest node: a mean over nodes would hide that one of them disturbs what runs on it.
        worst = np.fmax.reduce(shares) if shares else np.full(seconds.shape, np.nan)
        columns = {
            "time_s": seconds - start,
            "cpu_share": worst,
            "steal_share": np.full(seconds.shape, np.nan),
            "gateway_cores": self._group("gateway", seconds),
            "datastores_cores": self._group("datastores", seconds),
            "gateway_memory_bytes": np.full(seconds.shape, self.memory_of("gateway"), dtype=np.int64),
        }
        return pd.DataFrame(columns)

    def _group(self, name: str, seconds: Any) -> Any:
        total = np.zeros(seconds.shape)
        for pod, group in self.groups.items():
            if group == name:
                total += np.nan_to_num(self._cpu_of(pod).means(seconds))
        return total

    def _gateway(self, start: float, end: float) -> pd.DataFrame:
        rows = [
            (moment - start, service, bound, count)
            for moment, service, histogram in self._histograms
            if start <= moment <= end
            for bound, count in histogram
        ]
        return pd.DataFrame(rows, columns=TABLES["gateway"].names) if rows else empty_table("gateway")

    def _plain(self, name: str, start: float, end: float) -> pd.DataFrame:
        rows = [(row[0] - start, *row[1:]) for row in self._rows[name] if start <= row[0] <= end]
        return pd.DataFrame(rows, columns=TABLES[name].names) if rows else empty_table(name)
