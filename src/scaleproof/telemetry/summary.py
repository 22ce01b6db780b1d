"""A run in a few typed numbers, for the terminal and the report. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaleproof.spec.shapes import Shape
from scaleproof.telemetry.cost import Cost, cost, replica_counts
from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.marks import MARKS, marked_seconds, marked_share
from scaleproof.telemetry.percentiles import quantiles
from scaleproof.telemetry.run import Run
from scaleproof.telemetry.slo import Violation, violation_of
from scaleproof.telemetry.windows import SHARES

PEAK_SECONDS = 60.0


@dataclass(frozen=True)
class Latency:
    """Quantiles of the answered requests in seconds; NaN where there is none."""

    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True)
class ServiceSummary:
    """One service over the whole load."""

    violation: Violation
    budget: float
    """The violation that the SLO allows."""
    latency: Latency
    replica_seconds: float
    core_seconds: float
    peak_replicas: int
    throttled_share: float
    """Mean over its replicas' samples during the load; NaN where there is none."""

    @property
    def keeps_slo(self) -> bool:
        """The violation is within the SLO's budget."""
        return self.violation.share <= self.budget


@dataclass(frozen=True)
class Summary:
    """A whole run. Times in seconds, shares in 0..1."""

    peak_users: int
    duration_seconds: float
    requests: int
    mean_rate_per_second: float
    peak_rate_per_second: float
    """Mean intended rate over the shape's peak window."""
    served_share: float
    served_share_at_peak: float
    """In the last 60 s of the shape's longest stretch at its peak."""
    violation: Violation
    services: dict[str, ServiceSummary]
    latency: Latency
    sent_latency: Latency
    cost: Cost
    errors: dict[str, int]
    """Failed requests by kind, most frequent first; `never sent` among them."""
    marked_share: float
    marks: dict[str, int]
    """Marked seconds by code of `telemetry.marks`."""
    interrupted: bool
    closed_loop: bool = False
    """The users waited for their answers: what a slow platform was never asked is not among the requests."""
    unrouted: int = 0
    """Requests to paths that no service serves: no promise is about them."""

    @property
    def keeps_slo(self) -> bool:
        """Every service's violation is within its budget."""
        return all(service.keeps_slo for service in self.services.values())


def summarise(run: Run) -> Summary:
    """The summary of a run."""
    meta = run.meta
    rows = intended_requests(run)
    spent = cost(run)
    start_s, end_s = peak_window(run)
    intended = rows["intended_s"]
    at_peak = rows[(intended >= max(start_s, end_s - PEAK_SECONDS)) & (intended < end_s)]
    in_window = int(((intended >= start_s) & (intended < end_s)).sum())
    marked = marked_seconds(run)
    return Summary(
        peak_users=round(meta.users * max((share for _, share in meta.shape_points), default=0.0)),
        duration_seconds=meta.duration_seconds,
        requests=len(rows),
        mean_rate_per_second=len(rows) / meta.duration_seconds if meta.duration_seconds > 0 else 0.0,
        peak_rate_per_second=in_window / (end_s - start_s) if end_s > start_s else float("nan"),
        served_share=_served(rows),
        served_share_at_peak=_served(at_peak),
        violation=violation_of(rows),
        services={name: _service(run, name, rows[rows["service"] == name], spent) for name in meta.platform.services},
        latency=_latency(rows["latency_s"]),
        sent_latency=_latency(rows["sent_latency_s"]),
        cost=spent,
        errors=_errors(rows),
        marked_share=marked_share(run),
        marks={mark.code: int(marked[mark.code].sum()) for mark in MARKS},
        interrupted=meta.interrupted,
        closed_loop=meta.closed_loop,
        unrouted=int((~rows["service"].isin(list(meta.platform.services))).sum()),
    )


def peak_window(run: Run) -> tuple[float, float]:
    """(start, end) in seconds of the shape's longest stretch at its peak, within the load that took place."""
    start, end = Shape(run.meta.shape_name, tuple(run.meta.shape_points)).peak_window()
    if end <= start:
        # A shape without a plateau (diurnal, replay): the fifth of the load around its highest point.
        top = max(run.meta.shape_points, key=lambda point: point[1])[0]
        width = run.meta.shape_points[-1][0] / 10
        start, end = max(0.0, top - width), top + width
    return min(start, run.meta.duration_seconds), min(end, run.meta.duration_seconds)


def _service(run: Run, name: str, rows: pd.DataFrame, spent: Cost) -> ServiceSummary:
    samples = run.tables["replicas"]
    samples = samples[(samples["service"] == name) & (samples["time_s"] <= run.meta.duration_seconds)]
    counts = replica_counts(run, name)["total"]
    return ServiceSummary(
        violation=violation_of(rows),
        budget=run.meta.platform.services[name].slo.budget,
        latency=_latency(rows["latency_s"]),
        replica_seconds=spent.replica_seconds.get(name, 0.0),
        core_seconds=spent.core_seconds.get(name, 0.0),
        peak_replicas=int(counts.max()) if len(counts) else 0,
        throttled_share=float(samples["throttled_share"].mean()) if len(samples) else float("nan"),
    )


def _latency(seconds: pd.Series[float]) -> Latency:
    return Latency(*(float(value) for value in quantiles(seconds.to_numpy(dtype=np.float64), SHARES)))


def _served(rows: pd.DataFrame) -> float:
    return float(rows["ok"].mean()) if len(rows) else 1.0


def _errors(rows: pd.DataFrame) -> dict[str, int]:
    kinds = rows.loc[rows["failed"], "error"].fillna("").replace("", "failed").value_counts().to_dict()
    unsent = int(rows["never_sent"].sum())
    if unsent:
        kinds["never sent"] = unsent
    return {str(kind): int(count) for kind, count in sorted(kinds.items(), key=lambda item: -item[1])}
