"""Reading what Locust's processes wrote: requests, and the generator's own cost and lateness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaleproof.load.status import STARTED_FILE, StatusLine, read_lines, read_signal
from scaleproof.telemetry.lag import generator_lag
from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import REQUESTS
from scaleproof.tuner.ports import LoadResult


def load_result(
    folder: Path, schedule: pd.DataFrame, finished: Mapping[str, float], *, interrupted: bool, now: float
) -> LoadResult:
    """A load's record as its result. `finished` is the plug-in's last signal; `now` stands in for a start that was never told."""
    duration_seconds = max(0.0, finished["ended_s"])
    started = read_signal(folder, STARTED_FILE)
    return LoadResult(
        started_at=now if started is None else float(started["started_at"]),
        duration_seconds=duration_seconds,
        tables=read_results(folder, schedule, duration_seconds),
        interrupted=interrupted,
    )


def read_results(folder: Path, schedule: pd.DataFrame, duration_seconds: float) -> dict[str, pd.DataFrame]:
    """The tables schedule (what was intended within the duration), requests and generator of a load's folder."""
    planned = schedule[schedule["intended_s"] < duration_seconds]
    files = sorted(folder.glob("requests-*.parquet"))
    if files:
        table = pa.concat_tables([pq.read_table(file, schema=REQUESTS) for file in files])
        requests = table.to_pandas().sort_values("intended_s", kind="stable", ignore_index=True)
        requests = requests[requests["action"].isin(planned["action"])].reset_index(drop=True)
    else:
        requests = empty_table("requests")
    seconds = max(1, math.ceil(duration_seconds))
    generator = generator_cost(read_lines(folder), seconds)
    generator["generator_lag_s"] = generator_lag(planned, requests, seconds).to_numpy()
    return {"schedule": planned, "requests": requests, "generator": generator}


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
