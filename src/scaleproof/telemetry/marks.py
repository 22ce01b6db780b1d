"""Seconds in which the machine or the generator disturbed the measurement, and the refusal to judge by them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaleproof.spec.errors import CannotMeasureError
from scaleproof.telemetry.run import Run

MARKED_SHARE_LIMIT = 0.02


@dataclass(frozen=True)
class Mark:
    """A reason to distrust a second: a column of the `host` table above a limit, and what to do about it."""

    code: str
    column: str
    limit: float
    meaning: Callable[[float], str]
    fix: str


MARKS = (
    Mark(
        code="host-cpu",
        column="cpu_share",
        limit=0.85,
        meaning=lambda worst: f"the machine's CPU was above 85 % (up to {worst:.0%})",
        fix="run fewer users, lower the sum of CPU limits, or use a larger machine",
    ),
    Mark(
        code="steal",
        column="steal_share",
        limit=0.05,
        meaning=lambda worst: f"the hypervisor took more than 5 % of the CPU (up to {worst:.0%})",
        fix="use a machine with dedicated cores, or try again later",
    ),
    Mark(
        code="generator-lag",
        column="generator_lag_s",
        limit=0.010,
        meaning=lambda worst: f"the load generator sent more than 10 ms late (p95 up to {worst * 1000:.0f} ms)",
        fix="add generator processes (`--processes`), run fewer users, or free the machine's CPU",
    ),
)


def marked_seconds(run: Run) -> pd.DataFrame:
    """The marked seconds of the load: second and one boolean column per code of `MARKS`, at least one of them True."""
    host = run.tables["host"]
    host = host[(host["time_s"] >= 0) & (host["time_s"] < run.meta.duration_seconds)]
    flags = pd.DataFrame({"second": np.floor(host["time_s"]).astype("int64")})
    for mark in MARKS:
        flags[mark.code] = host[mark.column] > mark.limit
    codes = [mark.code for mark in MARKS]
    by_second = flags.groupby("second", as_index=False)[codes].any()
    return by_second[by_second[codes].any(axis=1)].reset_index(drop=True)


def marked_share(run: Run) -> float:
    """Marked seconds as a share of the load's seconds, 0..1."""
    return len(marked_seconds(run)) / max(1, math.ceil(run.meta.duration_seconds))


def assert_measurable(run: Run, limit: float = MARKED_SHARE_LIMIT) -> None:
    """Raises CannotMeasureError, with the reasons and what to do, where more than `limit` of the seconds are marked."""
    share = marked_share(run)
    if share <= limit:
        return
    marked = marked_seconds(run)
    host = run.tables["host"]
    reasons, fixes = [], []
    for mark in sorted(MARKS, key=lambda each: -int(marked[each.code].sum())):
        seconds = int(marked[mark.code].sum())
        if seconds:
            inside = host[(host["time_s"] >= 0) & (host["time_s"] < run.meta.duration_seconds)]
            reasons.append(f"{seconds} s: {mark.meaning(float(inside[mark.column].max()))}")
            fixes.append(mark.fix)
    raise CannotMeasureError(
        f"could not measure: {share:.1%} of the seconds are disturbed, at most {limit:.0%} may be ({'; '.join(reasons)})",
        hint="; or ".join(fixes),
    )
