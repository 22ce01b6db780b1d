"""A recording: what a run on a real cluster was given (requests, policy), and what the real autoscaler made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.cost import cost, replica_counts
from scaleproof.telemetry.run import Run

FOLDER = Path(__file__).parent / "kubernetes"
CALIBRATION = FOLDER / "calibration.json"
"""What the replicas of all recordings in the folder need, measured before them on the same cluster."""


class ServiceRecording(SpecModel):
    """One service. Lists have an entry a second where nothing else is said."""

    arrivals: list[int]
    """Requests that users sent: under overload that is later than they intended."""
    cpu_cores: list[float]
    """All replicas together."""
    replicas: list[int]
    """Those that exist: starting, ready or draining."""
    ready: list[int]
    replica_seconds: float
    decisions: list[tuple[float, int, int]]
    """(second, current, desired) of every status that the autoscaler wrote."""


class Sample(SpecModel):
    """What metrics-server answered for a replica, when that was new."""

    service: str
    replica: str
    seen_s: float
    """Up to three seconds after metrics-server had it."""
    sampled_s: float
    window_s: float
    cpu_cores: float


class Recording(SpecModel):
    """The file."""

    version: Literal[1] = 1
    name: str
    users: int
    shape: str
    seed: int
    duration_seconds: float
    platform: Platform
    policy: Policy
    services: dict[str, ServiceRecording]
    samples: list[Sample]

    def write(self, folder: Path = FOLDER) -> Path:
        """Whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}.recording.json"
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(self.model_dump_json(by_alias=True, exclude_none=True) + "\n")
        return unfinished.replace(file)


def read(file: Path) -> Recording:
    return Recording.model_validate_json(file.read_text())


def recordings(folder: Path = FOLDER) -> list[Path]:
    return sorted(folder.glob("*.recording.json"))


def distil(run: Run, metric_samples: pd.DataFrame, name: str) -> Recording:
    """Up to the end of the load. `metric_samples`: `cluster.recording.METRIC_COLUMNS`."""
    seconds = int(run.meta.duration_seconds)
    until_end = cost(run, until_s=seconds)
    services = {}
    for service in run.meta.policy.services:
        counts = replica_counts(run, service)
        table = run.replicas[run.replicas["service"] == service]
        cores = table.groupby("time_s")["cpu_cores"].sum().reindex(counts["time_s"], fill_value=0.0)
        sent = run.requests.loc[run.requests["service"] == service, "sent_s"].dropna().to_numpy(np.float64)
        decided = run.decisions[(run.decisions["service"] == service) & (run.decisions["time_s"] <= seconds)]
        services[service] = ServiceRecording(
            arrivals=np.bincount(sent[sent < seconds].astype(np.int64), minlength=seconds).tolist(),
            cpu_cores=[round(value, 4) for value in _by_second(counts["time_s"], cores, seconds)],
            replicas=[round(value) for value in _by_second(counts["time_s"], counts["total"], seconds)],
            ready=[round(value) for value in _by_second(counts["time_s"], counts["ready"], seconds)],
            replica_seconds=round(until_end.replica_seconds[service], 2),
            decisions=[
                (round(float(row.time_s), 2), int(row.current_replicas), int(row.desired_replicas))
                for row in decided.itertuples()
            ],
        )
    return Recording(
        name=name,
        users=run.meta.users,
        shape=run.meta.shape_name,
        seed=run.meta.seed,
        duration_seconds=float(seconds),
        platform=run.meta.platform,
        policy=run.meta.policy,
        services=services,
        samples=_new_samples(run, metric_samples),
    )


def _by_second(times: pd.Series, values: pd.Series, seconds: int) -> list[float]:
    """What was last seen at the end of every second."""
    moments, seen = times.to_numpy(np.float64), np.asarray(values, np.float64)
    rows = np.searchsorted(moments, np.arange(1, seconds + 1), side="right") - 1
    return [float(value) for value in seen[np.maximum(rows, 0)]]


def _new_samples(run: Run, table: pd.DataFrame) -> list[Sample]:
    service_of = dict(zip(run.replicas["replica"], run.replicas["service"], strict=True))
    found = table[table["replica"].isin(list(service_of))].sort_values("time_s").drop_duplicates(["replica", "sampled_s"])
    return [
        Sample(
            service=service_of[row.replica],
            replica=row.replica,
            seen_s=round(float(row.time_s), 2),
            sampled_s=round(float(row.sampled_s), 2),
            window_s=round(float(row.window_s), 3),
            cpu_cores=round(float(row.cpu_cores), 5),
        )
        for row in found.itertuples()
    ]
