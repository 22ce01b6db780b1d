"""A run as the charts draw it: a few hundred points a series, never one a request. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaleproof.telemetry.cost import replica_counts
from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.marks import MARKS, marked_seconds
from scaleproof.telemetry.percentiles import grouped_quantiles, histogram_quantile
from scaleproof.telemetry.run import Run

Series = NDArray[np.float64]

LEAST_WINDOW_SECONDS = 5.0
MOST_WINDOWS = 300
EVENTS_SHOWN = ("crashed", "oom_killed", "restarted", "policy_applied")


@dataclass(frozen=True)
class ServiceTimeline:
    """One service. All but the replicas per window: `middle_s` is the window's middle."""

    middle_s: Series
    demand_per_second: Series
    """Intended requests/s."""
    p50_s: Series
    p95_s: Series
    """From the intended time."""
    sent_p95_s: Series
    """From the time of sending."""
    gateway_p95_s: Series
    """Of the gateway's own histogram."""
    bad_share: Series
    """Share of the intended requests that failed, were never sent, or were slow."""
    replicas_s: Series
    """Times at which a count changed, first and last sample included."""
    ready: Series
    total: Series


@dataclass(frozen=True)
class HostTimeline:
    """The machine, per window. Cores; NaN where not measured."""

    middle_s: Series
    cpu_share: Series
    generator_cores: Series
    gateway_cores: Series
    datastores_cores: Series
    replicas_cores: Series


@dataclass(frozen=True)
class Timeline:
    """A whole run."""

    end_s: float
    window_seconds: float
    services: dict[str, ServiceTimeline]
    host: HostTimeline
    marked: list[tuple[float, float, str]]
    """(start, end, reason codes) of consecutive marked seconds."""
    decisions: pd.DataFrame
    """Rows of telemetry.tables.DECISIONS within the load."""
    events: pd.DataFrame
    """Rows of telemetry.tables.EVENTS that a reader should see: crashes, restarts, changes of policy."""


def timeline_of(run: Run) -> Timeline:
    """The run in windows of 5 s, wider where the run is long."""
    observed = float(run.tables["replicas"]["time_s"].max()) + 1 if len(run.tables["replicas"]) else 0.0
    end = max(run.meta.duration_seconds, observed, 1.0)
    width = max(LEAST_WINDOW_SECONDS, float(np.ceil(end / MOST_WINDOWS)))
    decisions, events = run.tables["decisions"], run.tables["events"]
    return Timeline(
        end_s=end,
        window_seconds=width,
        services={name: _service(run, name, width) for name in run.meta.platform.services},
        host=_host(run, width, end),
        marked=_marked(run),
        decisions=decisions[(decisions["time_s"] >= 0) & (decisions["time_s"] <= end)],
        events=events[events["kind"].isin(EVENTS_SHOWN) & (events["time_s"] >= 0) & (events["time_s"] <= end)],
    )


def _service(run: Run, name: str, width: float) -> ServiceTimeline:
    rows = intended_requests(run, name)
    count = max(1, int(np.ceil(run.meta.duration_seconds / width)))
    window = np.minimum((rows["intended_s"].to_numpy(dtype=np.float64) // width).astype(np.int64), count - 1)
    intended = np.bincount(window, minlength=count).astype(np.float64)
    bad = np.bincount(
        window, weights=(rows["failed"] | rows["never_sent"] | rows["slow"]).to_numpy(np.float64), minlength=count
    )
    # The last window may be cut off by the end of the load.
    lengths = np.minimum(width, run.meta.duration_seconds - np.arange(count) * width)
    latency = grouped_quantiles(window, rows["latency_s"].to_numpy(dtype=np.float64), count, (0.5, 0.95))
    sent = grouped_quantiles(window, rows["sent_latency_s"].to_numpy(dtype=np.float64), count, (0.95,))
    counts = replica_counts(run, name)
    keep = _corners(counts[["ready", "total"]].to_numpy())
    return ServiceTimeline(
        middle_s=_middles(count, width),
        demand_per_second=intended / np.maximum(lengths, 1e-9),
        p50_s=latency[:, 0],
        p95_s=latency[:, 1],
        sent_p95_s=sent[:, 0],
        gateway_p95_s=gateway_p95(run.tables["gateway"], name, width, count),
        bad_share=np.divide(bad, intended, out=np.full(count, np.nan), where=intended > 0),
        replicas_s=counts["time_s"].to_numpy(np.float64)[keep],
        ready=counts["ready"].to_numpy(np.float64)[keep],
        total=counts["total"].to_numpy(np.float64)[keep],
    )


def gateway_p95(gateway: pd.DataFrame, service: str, width: float, count: int) -> Series:
    """p95 in seconds of what the gateway's histogram counted in each of `count` windows; NaN where it counted nothing."""
    result = np.full(count, np.nan)
    rows = gateway[gateway["service"] == service]
    if rows.empty:
        return result
    wide = rows.pivot_table(index="time_s", columns="upper_bound_s", values="count", aggfunc="last").sort_index().ffill()
    steps = wide.diff()
    # A restart begins again at zero; the first scrape is a baseline.
    steps = steps.where(steps >= 0, wide)
    steps.iloc[0] = 0.0
    # A scrape at a window's very end counted what happened in that window.
    window = np.ceil(steps.index.to_numpy(dtype=np.float64) / width - 1e-9).astype(np.int64) - 1
    sums = steps.groupby(window).sum()
    bounds = wide.columns.to_numpy(dtype=np.float64)
    for index, counted in zip(sums.index, sums.to_numpy(dtype=np.float64), strict=True):
        if 0 <= index < count:
            result[index] = histogram_quantile(bounds, counted, 0.95)
    return result


def _host(run: Run, width: float, end: float) -> HostTimeline:
    count = max(1, int(np.ceil(end / width)))
    host = run.tables["host"]
    host = host[(host["time_s"] >= 0) & (host["time_s"] < end)]
    columns = ["cpu_share", "generator_cores", "gateway_cores", "datastores_cores"]
    means = host.groupby((host["time_s"] // width).astype("int64"))[columns].mean().reindex(range(count))
    replicas = run.tables["replicas"]
    replicas = replicas[(replicas["time_s"] >= 0) & (replicas["time_s"] < end)]
    each = replicas.groupby("time_s")["cpu_cores"].sum()
    cores = each.groupby((each.index.to_numpy() // width).astype("int64")).mean().reindex(range(count))
    return HostTimeline(
        middle_s=_middles(count, width),
        cpu_share=means["cpu_share"].to_numpy(np.float64),
        generator_cores=means["generator_cores"].to_numpy(np.float64),
        gateway_cores=means["gateway_cores"].to_numpy(np.float64),
        datastores_cores=means["datastores_cores"].to_numpy(np.float64),
        replicas_cores=cores.to_numpy(np.float64),
    )


def _marked(run: Run) -> list[tuple[float, float, str]]:
    spans: list[tuple[float, float, str]] = []
    for row in marked_seconds(run).to_dict("records"):
        second = float(row["second"])
        codes = ", ".join(mark.code for mark in MARKS if row[mark.code])
        if spans and spans[-1][1] == second and spans[-1][2] == codes:
            spans[-1] = (spans[-1][0], second + 1, codes)
        else:
            spans.append((second, second + 1, codes))
    return spans


def _middles(count: int, width: float) -> Series:
    return (np.arange(count, dtype=np.float64) + 0.5) * width


def _corners(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows at which any column changes, plus the first and the last."""
    keep = np.ones(len(counts), dtype=np.bool_)
    if len(counts) > 2:  # noqa: PLR2004  first and last always stay
        keep[1:-1] = (counts[1:-1] != counts[:-2]).any(axis=1)
    return keep
