"""When more replicas stop helping: how much they hold together, and what they share that was saturated. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from scaleproof.simulator.calibration import CalibrationStep

GROWTH_SHARE: Final = 0.75
"""n replicas should hold at least this share of n times what one holds (4 replicas: 3 times)."""


@dataclass(frozen=True)
class Suspect:
    """A resource that all replicas share: saturated where the mean of a column of the host's table is above the limit."""

    name: str
    column: str
    limit: float


SUSPECTS: Final = (
    Suspect("the host's CPU", "cpu_share", 0.9),
    Suspect("the load generator", "generator_cores", 0.9),
    Suspect("the load generator", "generator_lag_s", 0.02),
    Suspect("the gateway", "gateway_cores", 0.9),
    Suspect("the datastores", "datastores_cores", 0.6),
)
"""In the order of accusation: the host's CPU explains all others."""
NOT_CPU: Final = "the datastores"
"""Replicas that are slow with quota to spare wait for somebody else."""
OWN_CPU: Final = "the replicas' own CPU, which one request costs more of beside others"
_QUOTA_BUSY_SHARE: Final = 0.85


def capacity_of(steps: Sequence[CalibrationStep], share: float, expected_per_second: float) -> float:
    """Requests/s within the SLO of a number of replicas.

    Where every step met it, the `expected_per_second` (from one replica's capacity); otherwise the straight line between the
    highest step that met it and the lowest that did not.
    """
    ordered = sorted(steps, key=lambda step: step.rate_per_replica)
    missed = [step for step in ordered if step.good_share < share]
    if not missed:
        return expected_per_second
    lowest = missed[0]
    met = [step for step in ordered if step.good_share >= share and step.rate_per_replica < lowest.rate_per_replica]
    high = lowest.rate_per_replica * lowest.replicas
    if not met:
        return min(expected_per_second, high * lowest.good_share)
    low = met[-1].rate_per_replica * met[-1].replicas
    weight = (met[-1].good_share - share) / max(met[-1].good_share - lowest.good_share, 1e-9)
    return min(expected_per_second, low + weight * (high - low))


def accused(
    tables: Mapping[str, pd.DataFrame], window: tuple[float, float], cores_per_replica: float, quota_cores: float
) -> str:
    """The shared resource that stopped growth, from what the machine did in the window of the step that missed the SLO.

    `tables` are those of the climb; of them `host` and `generator` are read.
    """
    for suspect in SUSPECTS:
        if _mean(tables, suspect.column, window) > suspect.limit:
            return suspect.name
    return OWN_CPU if cores_per_replica > _QUOTA_BUSY_SHARE * quota_cores else NOT_CPU


def _mean(tables: Mapping[str, pd.DataFrame], column: str, window: tuple[float, float]) -> float:
    """The column's mean within the window in whichever table knows it; 0 where none does."""
    for name in ("generator", "host"):
        table = tables.get(name)
        if table is None or column not in table:
            continue
        values = table.loc[(table["time_s"] >= window[0]) & (table["time_s"] <= window[1]), column].dropna()
        if len(values):
            return float(values.mean())
    return 0.0
