"""What the gateway and the datastores cost a request: assumed, or taken from a measured run. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from scaleproof.simulator.calibration import Estimate
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import PlanAssumptions
from scaleproof.telemetry.run import Run
from scaleproof.tuner.growth_plan.samples import Floats
from scaleproof.tuner.statistics import student_t_95

_WINDOW_SECONDS: Final = 10.0
_FEWEST_WINDOWS: Final = 4
_LEAST_SPREAD: Final = 1.5
"""Between the quietest and the busiest window, or idle use and use a request cannot be told apart."""


@dataclass(frozen=True)
class SharedCost:
    """CPU of one shared part of the platform."""

    cpu_seconds: Estimate
    """A request that a user sends, what it causes inside included."""
    idle_cores: float
    measured_up_to: float | None
    """Highest requests/s of the run that it was measured in; None: assumed."""


@dataclass(frozen=True)
class SharedCosts:
    """Gateway and datastores."""

    gateway: SharedCost
    database: SharedCost
    run: str | None = None
    """The run's id, where one was given."""


def assumed_costs(assumptions: PlanAssumptions) -> SharedCosts:
    """As the assumptions say."""
    return SharedCosts(
        gateway=_assumed(assumptions.gateway.cpu_ms_per_request, assumptions.gateway.idle_cores),
        database=_assumed(assumptions.database.cpu_ms_per_request, assumptions.database.idle_cores),
    )


def measured_costs(run: Run, assumptions: PlanAssumptions) -> SharedCosts:
    """From the run's host table and requests; a part that the run's target does not measure stays assumed."""
    assumed = assumed_costs(assumptions)
    return SharedCosts(
        gateway=_measured(run, "gateway_cores") or assumed.gateway,
        database=_measured(run, "datastores_cores") or assumed.database,
        run=run.meta.id,
    )


def shares_of_schedule(schedule: pd.DataFrame) -> dict[str, float]:
    """Requests to each service an action of a user: the first requests of a drawn schedule. Raises BadInputError for none."""
    return _shares(schedule["service"], len(schedule), "the schedule")


def shares_of_run(run: Run) -> dict[str, float]:
    """Requests to each service an action of a user, later steps of an action included. Raises BadInputError for none."""
    requests = run.tables["requests"]
    served = requests["service"]
    # Ordinary Locust users may ask for paths that no service serves.
    return _shares(served[served != ""], int(requests["action"].nunique()), f"run {run.meta.id}")


def _shares(services: pd.Series[str], actions: int, where: str) -> dict[str, float]:
    if actions == 0:
        raise BadInputError(f"{where}: no request in it", hint="give a load with users")
    counts = services.value_counts()
    names: Iterable[str] = sorted(str(name) for name in counts.index)
    return {name: float(counts[name]) / actions for name in names}


def _assumed(cpu_ms: float, idle_cores: float) -> SharedCost:
    seconds = cpu_ms / 1000
    return SharedCost(Estimate(value=seconds, low=seconds, high=seconds), idle_cores, None)


def _measured(run: Run, column: str) -> SharedCost | None:
    host = run.tables["host"]
    edges = np.arange(0.0, run.meta.duration_seconds + 1e-9, _WINDOW_SECONDS)
    if edges.size <= _FEWEST_WINDOWS or column not in host:
        return None
    sent, _ = np.histogram(run.tables["requests"]["sent_s"].dropna().to_numpy(dtype=np.float64), edges)
    rates, cores = [], []
    times = host["time_s"].to_numpy(dtype=np.float64)
    values = host[column].to_numpy(dtype=np.float64)
    for count, begin, end in zip(sent, edges[:-1], edges[1:], strict=True):
        inside = values[(times > begin) & (times <= end)]
        inside = inside[np.isfinite(inside)]
        if inside.size:
            rates.append(float(count) / _WINDOW_SECONDS)
            cores.append(float(inside.mean()))
    if len(rates) < _FEWEST_WINDOWS or max(rates) <= 0 or max(cores) <= 0:
        return None
    estimate, idle = fitted_cost(np.array(rates), np.array(cores))
    return SharedCost(estimate, idle, max(rates))


def fitted_cost(rates: Floats, cores: Floats) -> tuple[Estimate, float]:
    """(CPU seconds a request with its 90 % interval, idle cores): least squares of cores = idle + rate x seconds.

    Where the rates hardly differ, or idle use would be negative, all CPU is the requests'.
    """
    apart = rates.max() >= _LEAST_SPREAD * max(float(rates.min()), 1e-9)
    centred = rates - rates.mean()
    slope = float((centred * cores).sum() / (centred**2).sum()) if apart else 0.0
    idle = float(cores.mean() - slope * rates.mean())
    if not apart or idle < 0 or slope <= 0:
        idle, weight, freedom = 0.0, float((rates**2).sum()), rates.size - 1
        slope = float((rates * cores).sum()) / weight
    else:
        weight, freedom = float((centred**2).sum()), rates.size - 2
    residual = float(((cores - idle - slope * rates) ** 2).sum()) / freedom
    half = student_t_95(freedom) * (residual / weight) ** 0.5
    return Estimate(value=slope, low=max(0.0, slope - half), high=slope + half), idle
