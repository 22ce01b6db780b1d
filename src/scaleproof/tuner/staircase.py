"""A staircase: one service under rates that rise in steps. Planning it, and reading what each step came to. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaleproof.simulator.calibration import CalibrationStep
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan

Floats = NDArray[np.float64]

LEAD_SECONDS: Final = 0.7
"""The start of a step does not count: the rate settles, queues of the step before drain."""
_KEEPS_UP: Final = 0.85
IDLE_SECONDS: Final = 2.5
"""Observed before the load: what ready replicas use without requests."""
_STEP_EDGE_SECONDS: Final = 0.001


@dataclass(frozen=True)
class Staircase:
    """Rates in requests/s, each held for `each_seconds`, for the actions that begin at these services."""

    services: frozenset[str]
    rates: tuple[float, ...]
    each_seconds: float

    @property
    def duration_seconds(self) -> float:
        """Length of the load."""
        return self.each_seconds * len(self.rates)

    def shape(self) -> Shape:
        """The rates as shares of the highest."""
        top = max(self.rates)
        points: list[tuple[float, float]] = []
        for index, rate in enumerate(self.rates):
            begin = index * self.each_seconds + (_STEP_EDGE_SECONDS if index else 0.0)
            points += [(begin, rate / top), ((index + 1) * self.each_seconds, rate / top)]
        return Shape("steps", tuple(points))

    def plan(
        self, *, rate_per_user: float, think_seconds: tuple[float, float], most_users: int, seed: int, locustfile: Path
    ) -> LoadPlan:
        """The load; `rate_per_user` is what one active user sends at `think_seconds`.

        What a request costs depends on how many people send them, since what is cached for one serves nobody else: so there are as
        many as the load itself has at these rates, up to `most_users`. Who acts once is as new to a cache however long the next
        action takes, so nobody thinks longer than this lasts.
        """
        needed = max(self.rates) / rate_per_user
        share = min(1.0, self.duration_seconds / (sum(think_seconds) / 2), most_users / needed)
        least, most = think_seconds
        return LoadPlan(
            users=max(1, math.ceil(needed * share)),
            shape=self.shape(),
            seed=seed,
            think_seconds=(least * share, most * share),
            locustfile=locustfile,
            services=self.services,
        )

    def windows(self) -> list[tuple[float, float]]:
        """(start, end) of what counts of each step."""
        return [(i * self.each_seconds + LEAD_SECONDS, (i + 1) * self.each_seconds) for i in range(len(self.rates))]


@dataclass(frozen=True)
class Spent:
    """A stretch of time: requests that ended in it, and CPU seconds of so many replicas."""

    requests: float
    cpu_seconds: float
    seconds: float
    replicas: int


@dataclass(frozen=True)
class Climb:
    """A staircase that was sent, with what was seen; every time counts from the start of its load."""

    staircase: Staircase
    replicas: Mapping[str, int]
    """Held while it was sent, per service."""
    tables: Mapping[str, pd.DataFrame]
    """Also what was seen up to `IDLE_SECONDS` before, at negative times."""

    def samples(self, service: str) -> pd.DataFrame:
        """CPU of all of a service's replicas per sample: start_s, end_s, cores; only samples of all of them, ready."""
        table = self.tables["replicas"]
        rows = table[(table["service"] == service) & (table["state"] == "ready")]
        grouped = rows.groupby("time_s")["cpu_cores"].agg(["sum", "count"])
        ends = grouped.index.to_numpy(dtype=np.float64)
        starts = np.concatenate([[np.nan], ends[:-1]]) if ends.size else ends
        frame = pd.DataFrame({"start_s": starts, "end_s": ends, "cores": grouped["sum"].to_numpy()})
        # A sample in which a replica was missing (a restart) would look like cheaper requests.
        whole = grouped["count"].to_numpy() >= self.replicas.get(service, 1)
        return frame[whole & (frame["end_s"] - frame["start_s"] > 0)].reset_index(drop=True)

    def completed(self, service: str, starts: Floats, ends: Floats) -> Floats:
        """Requests of a service that ended in each of (start, end]."""
        rows = self.tables["requests"]
        done = np.sort(rows.loc[(rows["service"] == service) & rows["ok"], "finished_s"].to_numpy(dtype=np.float64))
        return (np.searchsorted(done, ends, side="right") - np.searchsorted(done, starts, side="right")).astype(np.float64)

    def idle_cores(self, service: str) -> float | None:
        """Mean CPU of one replica in the quiet moment before the load; None where it was not observed."""
        samples = self.samples(service)
        quiet = samples[samples["end_s"] <= 0]
        return float(quiet["cores"].mean()) / self.replicas.get(service, 1) if len(quiet) else None

    def spent(self, service: str, of: str | None = None) -> list[Spent]:
        """Per step that was not overloaded: requests of `service`, and the CPU of `of` (default: itself) meanwhile.

        In overload CPU also goes to requests that are never answered. Where every step was, the first one is given.
        """
        samples = self.samples(of or service)
        found: list[tuple[bool, Spent]] = []
        for index, (begin, end) in enumerate(self.staircase.windows()):
            # Whole samples only, and the requests of exactly their time, so that edges blur nothing.
            rows = samples[(samples["start_s"] >= begin - LEAD_SECONDS) & (samples["end_s"] <= end)]
            if rows.empty:
                continue
            starts, ends = rows["start_s"].to_numpy(dtype=np.float64), rows["end_s"].to_numpy(dtype=np.float64)
            requests = float(self.completed(service, starts, ends).sum())
            seconds = float((ends - starts).sum())
            cpu_seconds = float((rows["cores"].to_numpy(dtype=np.float64) * (ends - starts)).sum())
            kept_up = requests >= _KEEPS_UP * self.staircase.rates[index] * seconds
            found.append((kept_up, Spent(requests, cpu_seconds, seconds, self.replicas.get(of or service, 1))))
        return [spent for kept_up, spent in found if kept_up and spent.requests > 0] or [s for _, s in found if s.requests > 0][
            :1
        ]

    def steps(self, service: str, threshold_seconds: float) -> list[CalibrationStep]:
        """What each step came to, for the service that was loaded."""
        schedule, requests = self.tables["schedule"], self.tables["requests"]
        first = requests.loc[requests["step"] == 0, ["action", "finished_s", "ok"]]
        rows = schedule[schedule["service"] == service].merge(first, on="action", how="left")
        intended = rows["intended_s"].to_numpy(dtype=np.float64)
        latency = rows["finished_s"].to_numpy(dtype=np.float64) - intended
        ok = rows["ok"].eq(True).to_numpy()
        count = self.replicas.get(service, 1)
        samples = self.samples(service)
        found: list[CalibrationStep] = []
        for begin, end in self.staircase.windows():
            inside = (intended >= begin) & (intended < end)
            answered = latency[inside & ok]
            done = self.completed(service, np.array([begin]), np.array([end]))[0]
            seen = samples[(samples["start_s"] >= begin - LEAD_SECONDS) & (samples["end_s"] <= end)]
            p50, p95 = np.quantile(answered, (0.5, 0.95)) if answered.size else (math.inf, math.inf)
            requested = int(inside.sum())
            found.append(
                CalibrationStep(
                    replicas=count,
                    rate_per_replica=float(done) / (end - begin) / count,
                    p50_seconds=float(min(p50, 1e6)),
                    p95_seconds=float(min(p95, 1e6)),
                    good_share=float(np.mean(ok[inside] & (latency[inside] <= threshold_seconds))) if requested else 1.0,
                    cores_per_replica=float(seen["cores"].mean()) / count if len(seen) else 0.0,
                    requests=requested,
                )
            )
        return found


def rate_per_user(schedule: pd.DataFrame, users: int, seconds: float) -> float:
    """Actions a second of one active user in a drawn schedule of so many users who are all active for so long."""
    return len(schedule) / (users * seconds)
