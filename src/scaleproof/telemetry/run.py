"""A run on disk: `run.json` plus one parquet file a table."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.tables import OPTIONAL, TABLES

RUN_VERSION: Final = 1


class RunMeta(SpecModel):
    """`run.json`: everything needed to read the tables, and to repeat the run."""

    version: Literal[1] = RUN_VERSION
    id: str
    label: str = ""
    started_at: Annotated[float, Field(description="Start of the load, Unix seconds.")]
    duration_seconds: float
    target: str
    stack: str
    users: int
    shape_name: str
    shape_points: list[tuple[float, float]]
    seed: int
    platform: Platform
    policy: Policy
    machine: dict[str, str | int | float] = {}
    versions: dict[str, str] = {}
    interrupted: bool = False
    closed_loop: Annotated[
        bool, Field(description="The users waited for their answers: requests that a slow platform never got are not counted.")
    ] = False
    locustfile: Annotated[str | None, Field(description="Where the ordinary Locust users of a closed loop are.")] = None


@dataclass(frozen=True)
class Run:
    """One load on one policy. Tables are pandas frames with the columns of `telemetry.tables`."""

    meta: RunMeta
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    path: Path | None = None

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLES:
            return self.tables[name]
        raise AttributeError(name)


def empty_table(name: str) -> pd.DataFrame:
    """A frame with that table's columns and types, and no rows."""
    frame: pd.DataFrame = TABLES[name].empty_table().to_pandas()
    return frame


def write_run(run: Run, folder: Path) -> Path:
    """Write the run to `folder`, whole or not at all. Returns the folder. Raises FileExistsError where it exists."""
    if folder.exists():
        raise FileExistsError(folder)
    unfinished = folder.with_name(f".{folder.name}.unfinished-{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, schema in TABLES.items():
        frame = run.tables.get(name, empty_table(name))
        if name in OPTIONAL and frame.empty:
            continue
        table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
        pq.write_table(table, unfinished / f"{name}.parquet", compression="zstd")
    (unfinished / "run.json").write_text(run.meta.model_dump_json(indent=2, by_alias=True, exclude_none=True) + "\n")
    unfinished.rename(folder)
    return folder


def _read_table(folder: Path, name: str) -> pd.DataFrame:
    file = folder / f"{name}.parquet"
    if name in OPTIONAL and not file.exists():
        return empty_table(name)
    frame: pd.DataFrame = pq.read_table(file, schema=TABLES[name]).to_pandas()
    return frame


def read_run(folder: Path) -> Run:
    """Read a run folder. Raises BadInputError where it is not one, or where it is newer than this scaleproof."""
    file = folder / "run.json"
    try:
        document = json.loads(file.read_text())
    except FileNotFoundError:
        raise BadInputError(f"{folder}: not a run folder (no run.json)", hint="give a folder below runs/") from None
    except (OSError, json.JSONDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read ({error})") from None
    version = document.get("version")
    if isinstance(version, int) and version > RUN_VERSION:
        raise BadInputError(f"{file}: version {version} is newer than {RUN_VERSION}", hint="upgrade scaleproof")
    try:
        meta = RunMeta.model_validate(document)
        tables = {name: _read_table(folder, name) for name in TABLES}
    except (ValidationError, OSError, pa.ArrowInvalid) as error:
        raise BadInputError(f"{folder}: damaged run ({error})") from None
    return Run(meta=meta, tables=tables, path=folder)
