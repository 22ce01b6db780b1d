"""Cost: replica-seconds from creation to end times the requested cores. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaleproof.telemetry.run import Run


@dataclass(frozen=True)
class Cost:
    """What a run's replicas took, from time 0 to `until_s`."""

    until_s: float
    replica_seconds: dict[str, float]
    core_seconds: dict[str, float]
    """replica_seconds times the requested cores of a replica, per service."""

    @property
    def total_replica_seconds(self) -> float:
        """Over all services."""
        return sum(self.replica_seconds.values())

    @property
    def total_core_seconds(self) -> float:
        """Over all services: the cost."""
        return sum(self.core_seconds.values())


def cost(run: Run, until_s: float | None = None) -> Cost:
    """The cost up to `until_s`; without it, up to the end of the load or, if later, of the way back to the steady count.

    Beyond what was observed a run is taken to stay at its steady count, so that two runs can be compared over the same time.
    """
    observed = _observed_end(run)
    if until_s is None:
        back = steady_since(run)
        until_s = max(run.meta.duration_seconds, observed if back is None else back)
    lifetimes = replica_lifetimes(run)
    seconds: dict[str, float] = {}
    cores: dict[str, float] = {}
    for service, policy in run.meta.policy.services.items():
        rows = lifetimes[lifetimes["service"] == service]
        alive = np.minimum(rows["ended_s"], until_s) - np.maximum(rows["created_s"], 0.0)
        total = float(np.maximum(alive, 0.0).sum())
        if len(rows):
            total += max(0.0, until_s - observed) * policy.autoscaling.min_replicas
        seconds[service] = total
        cores[service] = total * policy.resources.requests.cpu_millicores / 1000
    return Cost(until_s=until_s, replica_seconds=seconds, core_seconds=cores)


def replica_lifetimes(run: Run) -> pd.DataFrame:
    """One row a replica: service, replica, created_s, ended_s (seconds of the run; the end of observation while it lives).

    The events `created` and `stopped` give the exact time where they are near the first and the last sample.
    """
    table = run.tables["replicas"]
    lives = table.groupby(["service", "replica"], sort=True, as_index=False)["time_s"].agg(["min", "max"])
    lives = lives.rename(columns={"min": "created_s", "max": "ended_s"})[["service", "replica", "created_s", "ended_s"]]
    if lives.empty:
        return lives
    interval = _interval(table)
    observed = _observed_end(run)
    lives["created_s"] = lives["created_s"].where(lives["created_s"] > interval, 0.0)
    lives["ended_s"] = (lives["ended_s"] + interval).clip(upper=observed)
    events = run.tables["events"]
    for kind, column, earliest, latest in (("created", "created_s", -2.0, 0.0), ("stopped", "ended_s", -2.0, 1.0)):
        times = events[events["kind"] == kind].drop_duplicates(
            ["component", "replica"], keep="first" if kind == "created" else "last"
        )
        times = times.rename(columns={"component": "service", "time_s": "exact_s"})[["service", "replica", "exact_s"]]
        exact = lives.merge(times, on=["service", "replica"], how="left")["exact_s"]
        shift = exact - lives[column]
        near = (shift >= earliest * interval) & (shift <= latest * interval)
        lives[column] = lives[column].where(~near, exact)
    return lives


def replica_counts(run: Run, service: str) -> pd.DataFrame:
    """Replicas of a service at every sample: time_s, total, ready."""
    table = run.tables["replicas"]
    times = np.sort(table["time_s"].unique())
    rows = table[table["service"] == service]
    total = rows.groupby("time_s").size().reindex(times, fill_value=0)
    ready = rows[rows["state"] == "ready"].groupby("time_s").size().reindex(times, fill_value=0)
    return pd.DataFrame({"time_s": times, "total": total.to_numpy(np.int64), "ready": ready.to_numpy(np.int64)})


def steady_since(run: Run) -> float | None:
    """The time from which on every service stays at its steady count (minReplicas) to the end of observation; None if one does not."""
    since = 0.0
    for service, policy in run.meta.policy.services.items():
        counts = replica_counts(run, service)
        if not counts["total"].any():  # never observed: it says nothing about the others
            continue
        off = np.flatnonzero(counts["total"].to_numpy() != policy.autoscaling.min_replicas)
        if off.size and off[-1] == len(counts) - 1:
            return None
        if off.size:
            since = max(since, float(counts["time_s"].iloc[off[-1] + 1]))
    return since


def _interval(table: pd.DataFrame) -> float:
    """Seconds between samples: the median, 1 where there is one sample."""
    times = np.sort(table["time_s"].unique())
    return float(np.median(np.diff(times))) if times.size > 1 else 1.0


def _observed_end(run: Run) -> float:
    table = run.tables["replicas"]
    return float(table["time_s"].max()) if len(table) else run.meta.duration_seconds
