"""Reading what Locust's processes wrote: requests, ordinary users' actions, and the generator's own cost and lateness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaleproof.load.status import STARTED_FILE, StatusLine, read_lines, read_signal
from scaleproof.telemetry.lag import generator_lag
from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import REQUESTS, SCHEDULE
from scaleproof.tuner.ports import LoadResult


def load_result(
    folder: Path, schedule: pd.DataFrame | None, finished: Mapping[str, float], *, interrupted: bool, now: float
) -> LoadResult:
    """A load's record as its result. `finished` is the plug-in's last signal; `now` stands in for a start that was never told.

    Without a schedule the load was a closed loop: what the users did is its schedule.
    """
    duration_seconds = max(0.0, finished["ended_s"])
    started = read_signal(folder, STARTED_FILE)
    return LoadResult(
        started_at=now if started is None else float(started["started_at"]),
        duration_seconds=duration_seconds,
        tables=read_results(folder, schedule, duration_seconds),
        interrupted=interrupted,
        closed_loop=schedule is None,
    )


def read_results(folder: Path, schedule: pd.DataFrame | None, duration_seconds: float) -> dict[str, pd.DataFrame]:
    """The tables schedule (what was intended within the duration), requests and generator of a load's folder."""
    requests, actions = (_read_drawn(folder), schedule) if schedule is not None else _read_done(folder)
    planned = actions[actions["intended_s"] < duration_seconds]
    requests = requests.sort_values("intended_s", kind="stable", ignore_index=True)
    requests = requests[requests["action"].isin(planned["action"])].reset_index(drop=True)
    seconds = max(1, math.ceil(duration_seconds))
    generator = generator_cost(read_lines(folder), seconds)
    generator["generator_lag_s"] = generator_lag(planned, requests, seconds).to_numpy()
    return {"schedule": planned, "requests": requests, "generator": generator}


def _read_drawn(folder: Path) -> pd.DataFrame:
    """The requests of all processes, whose actions are numbered alike."""
    tables = [pq.read_table(file, schema=REQUESTS) for file in _records(folder)]
    return pa.concat_tables(tables).to_pandas() if tables else empty_table("requests")


def _read_done(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(requests, actions) of ordinary users: each process numbers its actions from 0, so they are numbered anew."""
    requests, actions, first = [empty_table("requests")], [empty_table("schedule")], 0
    for file in _records(folder):
        done = pq.read_table(file.with_name(file.name.replace("requests-", "actions-", 1)), schema=SCHEDULE).to_pandas()
        seen = pq.read_table(file, schema=REQUESTS).to_pandas()
        actions.append(done.assign(action=(done["action"] + first).astype("int32")))
        requests.append(seen.assign(action=(seen["action"] + first).astype("int32")))
        first += len(done)
    every = pd.concat(_filled(actions), ignore_index=True).sort_values("intended_s", kind="stable", ignore_index=True)
    return pd.concat(_filled(requests), ignore_index=True), every


def _filled(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Those with rows, or the empty one: pandas is about to guess types from empty tables no more."""
    return [table for table in tables if len(table)] or tables[:1]


def _records(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("requests-*.parquet"))


def generator_cost(lines: Mapping[str, Sequence[StatusLine]], seconds: int) -> pd.DataFrame:
    """One row a second of the load: time_s, generator_cores and generator_memory_bytes, summed over the processes."""
    times = np.arange(seconds, dtype=np.float64)
    cores, memory = np.zeros(seconds), np.zeros(seconds)
    for process in lines.values():
        if len(process) < 2:  # noqa: PLR2004  # a difference needs two
            continue
        at = np.array([line.time_s for line in process])
        cpu = np.array([line.cpu_seconds for line in process])
        # Total CPU seconds at whole seconds, so that processes that report at different moments can be added.
        total = np.interp(np.arange(seconds + 1, dtype=np.float64), at, cpu)
        cores += np.diff(total)
        memory += np.interp(times, at, np.array([line.memory_bytes for line in process], dtype=np.float64))
    return pd.DataFrame({"time_s": times, "generator_cores": cores, "generator_memory_bytes": memory.astype(np.int64)})
