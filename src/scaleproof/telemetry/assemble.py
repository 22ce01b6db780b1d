"""Making a run of the generator's and the platform's tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scaleproof.telemetry.run import Run, RunMeta, empty_table
from scaleproof.telemetry.tables import TABLES


def assemble_run(meta: RunMeta, load_tables: Mapping[str, pd.DataFrame], observation_tables: Mapping[str, pd.DataFrame]) -> Run:
    """The run of `LoadResult.tables` (schedule, requests, generator) and `Observations.tables`.

    Every table gets exactly the columns of `telemetry.tables`, in order of time; a missing column is empty. The host table's
    generator columns come from `generator` (time_s, generator_cores, generator_lag_s, generator_memory_bytes), joined by second.
    """
    tables = {}
    for name in TABLES:
        source = load_tables if name in {"schedule", "requests"} else observation_tables
        frame = source.get(name)
        tables[name] = empty_table(name) if frame is None else frame
    generator = load_tables.get("generator")
    if generator is not None and len(generator):
        tables["host"] = _with_generator(tables["host"], generator)
    return Run(meta=meta, tables={name: _fitted(name, frame) for name, frame in tables.items()})


def _with_generator(host: pd.DataFrame, generator: pd.DataFrame) -> pd.DataFrame:
    columns = ["generator_cores", "generator_lag_s", "generator_memory_bytes"]
    by_second = (
        generator.assign(second=generator["time_s"].floordiv(1)).drop_duplicates("second", keep="last").set_index("second")
    )
    if host.empty:
        return by_second.reset_index(drop=True)[["time_s", *columns]]
    seconds = host["time_s"].floordiv(1)
    return host.assign(**{column: seconds.map(by_second[column]) for column in columns})


def _fitted(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    model = empty_table(name)
    fitted = pd.DataFrame(index=frame.index)
    for column in model.columns:
        values = frame[column] if column in frame else pd.Series(None, index=frame.index, dtype="object")
        kind = model[column].dtype
        if kind.kind in "iu":
            values = values.astype("float64").fillna(0)
        fitted[column] = values.astype(kind)
    order = "time_s" if "time_s" in fitted else "intended_s"
    return fitted.sort_values(order, kind="stable", ignore_index=True)
