"""What starting a replica takes, read from the replicas table: how long until ready, and the CPU meanwhile. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

_WIDEN_LOW: Final = 0.9
_WIDEN_HIGH: Final = 1.15
"""A handful of starts does not show the least and the greatest: the range is widened."""


@dataclass(frozen=True)
class StartUp:
    """Start-ups of one service."""

    seconds: tuple[float, float]
    burn_cores: float
    burn_seconds: float
    seen: int


def start_up(replicas: pd.DataFrame, events: pd.DataFrame, service: str) -> StartUp | None:
    """From every replica that was seen both starting and ready afterwards; None where there was none."""
    rows = replicas[replicas["service"] == service]
    durations: list[float] = []
    cores: list[float] = []
    for name, life in rows.groupby("replica"):
        starting = life[life["state"] == "starting"]
        ready = life[life["state"] == "ready"]
        if starting.empty or ready.empty or float(ready["time_s"].min()) < float(starting["time_s"].min()):
            continue
        begun = _event(events, "created", service, str(name), float(starting["time_s"].min()))
        done = _event(events, "ready", service, str(name), float(ready["time_s"].min()))
        if done <= begun:
            continue
        durations.append(done - begun)
        cores.append(float(starting["cpu_cores"].mean()))
    if not durations:
        return None
    return StartUp(
        seconds=(min(durations) * _WIDEN_LOW, max(durations) * _WIDEN_HIGH),
        burn_cores=float(np.mean(cores)),
        burn_seconds=float(np.median(durations)),
        seen=len(durations),
    )


def _event(events: pd.DataFrame, kind: str, service: str, replica: str, fallback: float) -> float:
    """The event's exact time; the sample's, at most a second later, where there is no such event."""
    hits = events[(events["kind"] == kind) & (events["component"] == service) & (events["replica"] == replica)]
    return float(hits["time_s"].iloc[0]) if len(hits) else fallback
