"""From climbs to a service's calibration: CPU a request, variation, wait, capacity, growth, start-up, calls. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from scaleproof.simulator.calibration import CalibrationStep, Estimate, ServiceCalibration
from scaleproof.simulator.held import ReplicaModel, capacity, simulate_held
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import SLO, Platform
from scaleproof.spec.policy import Policy
from scaleproof.tuner.bottleneck import GROWTH_SHARE, accused, capacity_of
from scaleproof.tuner.cpu_fit import CpuCurve, cpu_curve
from scaleproof.tuner.latency_fit import calls_of, fit_latency, slowest_call, with_calls
from scaleproof.tuner.overload_fit import fit_overload
from scaleproof.tuner.staircase import Climb, Spent
from scaleproof.tuner.start_up import start_up
from scaleproof.tuner.statistics import ratio_estimate

_METRIC_WINDOW_SECONDS: Final = 15.0
_NORMAL95: Final = 1.645
_WARM_UP_WORTH: Final = 1.25
"""A new replica's first requests have to cost this much more than an old one's before it is called a warm-up."""


def fit_service(
    name: str,
    climbs: Sequence[Climb],
    *,
    overload: Climb,
    spec: Platform,
    policy: Policy,
    life: Mapping[str, pd.DataFrame],
    callees: Mapping[str, ServiceCalibration],
    seed: int,
) -> ServiceCalibration:
    """One service's calibration.

    `overload` is a climb of one replica beyond its limit, `life` are the tables of the whole calibration, `callees` the services
    fitted before.

    Raises CannotMeasureError where CPU does not grow with requests, or no replica was seen to start.
    """
    slo = spec.services[name].slo
    resources = policy.services[name].resources
    limit = resources.limits.cpu_millicores / 1000
    idle = idle_cores(name, climbs)
    steps = [step for climb in climbs for step in climb.steps(name, slo.latency_seconds)]
    singles = [step for step in steps if step.replicas == 1]
    busy = fit_overload(name, overload, limit_cores=limit, idle_cores=idle).busy_seconds
    curve = cpu_curve(name, climbs, idle_cores=idle, limit_cores=limit, busy_seconds=busy)
    bare = replica_model(curve, limit, idle)
    calls = _calls(name, climbs, spec.services[name].calls, callees)
    called = calls_of(calls, callees)
    fit = fit_latency(bare, singles, seed=seed, calls=called)
    # Where only one number says what a request waits for, the services it calls are in it.
    waited = fit.wait.value + slowest_call(called)
    highest = max(step.rate_per_replica for step in singles)
    held = _capacity(replace(fit.model, wait_seconds=waited), slo, curve, highest)
    cpu = curve.at(held.value)
    by_replicas, suspect = _growth(name, climbs, held.value, slo, limit)
    overloaded = fit_overload(name, overload, limit_cores=limit, idle_cores=idle, wait_seconds=waited)
    started = start_up(life["replicas"], life["events"], name)
    if started is None:
        raise CannotMeasureError(
            f"calibration of {name}: no replica was seen to start, so start-up is not known",
            hint="allow at least 2 replicas (maxReplicas, and the machine's budget)",
        )
    mine = life["replicas"][life["replicas"]["service"] == name]
    warm_seconds, warm_factor = _warm_up(name, climbs)
    return ServiceCalibration(
        cpu_seconds_per_request=Estimate(
            value=cpu, low=cpu * (1 - curve.relative_error), high=cpu * (1 + curve.relative_error)
        ),
        busy_factor=curve.busy_seconds / cpu,
        idle_factor=(curve.busy_seconds + curve.idle_seconds) / cpu,
        idle_seconds=curve.time_constant_seconds,
        cpu_variation=fit.model.variation,
        idle_cores=idle,
        wait_seconds=fit.wait,
        wait_variation=fit.model.wait_variation,
        capacity_per_second=held,
        capacity_by_replicas=by_replicas,
        usage_at_capacity_cores=_usage_at_capacity(cpu, fit.model.variation, idle, held.value, limit),
        memory_peak_bytes=int(mine["memory_bytes"].max()),
        request_millicores=resources.requests.cpu_millicores,
        limit_millicores=resources.limits.cpu_millicores,
        start_seconds=started.seconds,
        start_burn_cores=started.burn_cores,
        start_burn_seconds=started.burn_seconds,
        warm_up_seconds=warm_seconds,
        warm_up_factor=warm_factor,
        queue_limit=overloaded.queue_limit,
        rejection_cpu_seconds=overloaded.rejection_cpu_seconds,
        calls=calls,
        bottleneck=suspect,
        highest_rate_per_replica=max(step.rate_per_replica for step in steps),
        highest_replicas=max(climb.replicas[name] for climb in climbs),
        steps=steps,
    )


def idle_cores(name: str, climbs: Sequence[Climb]) -> float:
    """CPU of a ready replica without requests: the least of the quiet moments, since work of the load before may linger."""
    quiet = [cores for climb in climbs if (cores := climb.idle_cores(name)) is not None]
    return max(0.0, min(quiet, default=0.0))


def replica_model(curve: CpuCurve, limit_cores: float, idle_cores: float) -> ReplicaModel:
    """A replica that costs what the curve says, its latency still to be fitted."""
    return ReplicaModel(
        cpu_seconds=curve.busy_seconds,
        variation=0.5,
        limit_cores=limit_cores,
        idle_cores=idle_cores,
        idle_factor=1 + curve.idle_seconds / curve.busy_seconds,
        idle_seconds=curve.time_constant_seconds,
    )


def _capacity(model: ReplicaModel, slo: SLO, curve: CpuCurve, highest: float) -> Estimate:
    """The model's capacity of one replica within the SLO, never beyond the highest rate measured."""
    value = min(highest, capacity(model, threshold_seconds=slo.latency_seconds, share=slo.share))
    relative = curve.relative_error
    return Estimate(value=value, low=value * max(0.0, 1 - relative), high=min(max(highest, value), value * (1 + relative)))


def missed_by(climb: Climb, name: str, slo: SLO, limit_cores: float) -> str | None:
    """What the replicas of a climb shared that was busy while they missed the SLO worst; None where they never did."""
    steps = climb.steps(name, slo.latency_seconds)
    worst = min(range(len(steps)), key=lambda i: steps[i].good_share)
    if steps[worst].good_share >= slo.share:
        return None
    return accused(climb.tables, climb.staircase.windows()[worst], steps[worst].cores_per_replica, limit_cores)


def _growth(
    name: str, climbs: Sequence[Climb], single: float, slo: SLO, limit_cores: float
) -> tuple[dict[int, float], str | None]:
    """Capacity by number of replicas, and the shared resource that stopped its growth, if one did.

    Of several climbs with one number the best counts: whatever else the machine does meanwhile only makes replicas slower.
    """
    found = {1: single}
    suspect: str | None = None
    for count in sorted({climb.replicas[name] for climb in climbs} - {1}):
        held = [
            (capacity_of(climb.steps(name, slo.latency_seconds), slo.share, count * single), climb)
            for climb in climbs
            if climb.replicas[name] == count
        ]
        found[count], best = max(held, key=lambda entry: entry[0])
        if suspect is None and found[count] < GROWTH_SHARE * count * single:
            suspect = missed_by(best, name, slo, limit_cores)
    return found, suspect


def _calls(
    name: str, climbs: Sequence[Climb], callees: Sequence[str], known: Mapping[str, ServiceCalibration]
) -> dict[str, float]:
    """Calls a request makes to each callee, in average requests of the callee: by the CPU that it spends on them."""
    counts: dict[str, float] = {}
    for callee in callees:
        parts = [spent for climb in climbs for spent in climb.spent(name, of=callee)]
        if not parts:
            continue
        idle = idle_cores(callee, climbs)
        requests = np.array([spent.requests for spent in parts])
        called = [_requests_behind(spent, idle, known[callee]) for spent in parts]
        made = ratio_estimate(np.array(called), requests).value
        if made > 0:
            counts[callee] = made
    return counts


def _requests_behind(spent: Spent, idle: float, known: ServiceCalibration) -> float:
    """How many average requests explain the CPU that was spent, on replicas that had nothing else to do."""
    cpu = known.cpu_seconds_per_request.value
    busy, cold = cpu * known.busy_factor, cpu * (known.idle_factor - known.busy_factor)
    curve = CpuCurve(busy, cold, known.idle_seconds, 0.0)
    cores = spent.cpu_seconds / spent.seconds / spent.replicas - idle
    return curve.rate_at(cores) * spent.seconds * spent.replicas if cores > 0 else 0.0


def _usage_at_capacity(cpu: float, variation: float, idle: float, rate: float, limit: float) -> float:
    """95 % quantile of a replica's use over the autoscaler's 15 s at capacity: the mean and the scatter of its requests."""
    mean = idle + cpu * rate
    requests = max(rate * _METRIC_WINDOW_SECONDS, 1.0)
    scatter = cpu * rate * math.sqrt((1 + variation**2) / requests)
    return min(limit, mean + _NORMAL95 * scatter)


def _warm_up(name: str, climbs: Sequence[Climb]) -> tuple[float, float]:
    """(seconds, factor) from replicas that were new in a climb beside an old one; (0, 1) where they cost the same."""
    for climb in climbs:
        table = climb.tables["replicas"]
        rows = table[(table["service"] == name) & (table["state"] == "ready") & (table["time_s"] > 0)]
        first_step = rows[rows["time_s"] <= climb.staircase.each_seconds]
        if climb.replicas[name] == 1 or first_step.empty:
            continue
        use = first_step.groupby("replica")["cpu_cores"].mean().sort_index()
        later = rows[rows["time_s"] > climb.staircase.each_seconds].groupby("replica")["cpu_cores"].mean().reindex(use.index)
        oldest = use.index[0]
        if use[oldest] <= 0 or not later[oldest] > 0 or len(use) == 1:
            continue
        early = float(use.drop(oldest).mean() / use[oldest])
        settled = float(later.drop(oldest).mean() / later[oldest])
        if early > _WARM_UP_WORTH and early > _WARM_UP_WORTH * settled:
            return climb.staircase.each_seconds, early / max(settled, 1.0)
    return 0.0, 1.0


def model_curve(
    services: Mapping[str, ServiceCalibration], name: str, slo: SLO, *, points: int = 25, seed: int = 1
) -> pd.DataFrame:
    """The fitted model of one replica for the report, its calls included, up to the highest rate measured.

    Columns: rate_per_replica, p50_seconds, p95_seconds, good_share.
    """
    found = services[name]
    calls = calls_of(found.calls, services)
    model = ReplicaModel(
        cpu_seconds=found.cpu_seconds_per_request.value,
        busy_factor=found.busy_factor,
        idle_factor=found.idle_factor,
        idle_seconds=found.idle_seconds,
        variation=found.cpu_variation,
        limit_cores=found.limit_millicores / 1000,
        wait_seconds=found.wait_seconds.value,
        wait_variation=found.wait_variation,
        idle_cores=found.idle_cores,
    )
    rows = []
    for rate in np.linspace(found.highest_rate_per_replica / points, found.highest_rate_per_replica, points):
        held = simulate_held(model, rate_per_second=float(rate), duration_seconds=60, seed=seed)
        whole = replace(held, latency_seconds=with_calls(held.latency_seconds, calls, seed=seed))
        rows.append(
            (float(rate), whole.percentile_seconds(50), whole.percentile_seconds(95), whole.share_within(slo.latency_seconds))
        )
    return pd.DataFrame(rows, columns=["rate_per_replica", "p50_seconds", "p95_seconds", "good_share"])


def steps_at(found: ServiceCalibration, replicas: int) -> list[CalibrationStep]:
    """The measured steps at that number of replicas, by rate."""
    return sorted((step for step in found.steps if step.replicas == replicas), key=lambda step: step.rate_per_replica)
