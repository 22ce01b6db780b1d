"""The proof of a loop that never happened, for whoever needs a plausible one: deterministic, around `sample_run`."""

from __future__ import annotations

import numpy as np

from fakes.sample_run import STARTED_AT, Crash, sample_policy, sample_run
from scaleproof.simulator.calibration import Calibration, CalibrationStep, Estimate, ServiceCalibration, Stamp
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.cost import replica_counts
from scaleproof.telemetry.run import Run
from scaleproof.telemetry.summary import Summary, summarise
from scaleproof.tuner.results import (
    FrontierPoint,
    MetricChange,
    Prediction,
    Proof,
    RunReference,
    Sensitivity,
    TuningResult,
    Verdict,
)

DIFF = """\
--- Pulumi.dev.yaml
+++ Pulumi.dev.yaml
@@ -5,12 +5,12 @@
     services:
       orders:
         autoscaling:   # the starting policy
-          minReplicas: 1
+          minReplicas: 5
           maxReplicas: 6
           metrics:
             - type: Resource
-              resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
+              resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}
"""


def sample_proof(*, users: int = 10_000, crash: bool = True, better: bool = True) -> tuple[Proof, dict[str, Run]]:
    """A proof and its runs by folder: before fails the SLO in the rise, after does not."""
    before, after = sample_policy(), sample_policy(target=60, min_replicas=5, cpu="110m")
    runs = {
        "A1": sample_run(
            label="before", policy=before, users=users, crash=Crash(175.0) if crash else None, overloaded_seconds=2
        ),
        "B1": sample_run(label="after", policy=after, users=users, overloaded_seconds=1),
    }
    summaries = {name: summarise(run) for name, run in runs.items()}
    verdict = Verdict(
        decision="better" if better else "not better",
        indicative=True,
        keeps_slo_before=summaries["A1"].keeps_slo,
        keeps_slo_after=summaries["B1"].keeps_slo,
        changes=_changes(summaries["A1"], summaries["B1"]),
        runs=[_reference(name, run, summaries[name]) for name, run in runs.items()],
        reasons=["the new policy serves far more requests well, at a cost within the noise"]
        if better
        else ["the new policy is dearer without serving more requests well"],
        restored=not better,
    )
    proof = Proof(
        created_at=STARTED_AT + 600,
        target="local",
        stack="dev",
        users=users,
        shape_name="spike",
        seed=7,
        holds=better,
        in_force="after" if better else "before",
        calibration=sample_calibration(),
        tuning=_tuning(before, after),
        predictions=[_prediction("before", runs["A1"], summaries["A1"]), _prediction("after", runs["B1"], summaries["B1"])],
        verdict=verdict,
        versions={"scaleproof": "0.1.0"},
    )
    return proof, runs


def sample_calibration() -> Calibration:
    """orders and dashboard, the first with a shared bottleneck."""

    def service(capacity: float, by_replicas: dict[int, float], bottleneck: str | None, calls: dict[str, float]):
        return ServiceCalibration(
            cpu_seconds_per_request=_around(0.0021, 0.05),
            wait_seconds=_around(0.004, 0.2),
            capacity_per_second=_around(capacity, 0.04),
            capacity_by_replicas=by_replicas,
            usage_at_capacity_cores=0.128,
            memory_peak_bytes=92 << 20,
            request_millicores=110,
            limit_millicores=150,
            start_seconds=(2.1, 3.4),
            start_burn_cores=0.15,
            start_burn_seconds=1.8,
            calls=calls,
            bottleneck=bottleneck,
            highest_rate_per_replica=capacity * 1.3,
            highest_replicas=4,
            steps=[_step(count, rate, capacity) for count in by_replicas for rate in (10.0, 25.0, 40.0, capacity * 1.2)],
        )

    return Calibration(
        stamp=Stamp(
            machine="3f2a9c5d7711",
            target="local",
            image="b0c1d2e3f4a5",
            limits={"orders": "150m/256Mi"},
            measured_at=STARTED_AT,
        ),
        slo={"orders": (0.3, 0.95), "dashboard": (0.5, 0.95)},
        services={
            "orders": service(52, {1: 52, 2: 103, 4: 187}, "PostgreSQL", {}),
            "dashboard": service(44, {1: 44, 2: 87, 4: 171}, None, {"orders": 0.5}),
        },
    )


def _step(replicas: int, rate: float, capacity: float) -> CalibrationStep:
    p95 = 0.012 + 0.25 * (rate / capacity) ** 6 * (1 + 0.05 * replicas)
    return CalibrationStep(
        replicas=replicas,
        rate_per_replica=rate,
        p50_seconds=p95 / 3,
        p95_seconds=p95,
        good_share=1.0 if rate < capacity else 0.7,
        cores_per_replica=0.01 + rate * 0.0021,
        requests=round(rate * 5 * replicas),
    )


def _around(value: float, share: float) -> Estimate:
    return Estimate(value=value, low=value * (1 - share), high=value * (1 + share))


def _changes(before: Summary, after: Summary) -> list[MetricChange]:
    values = {
        "violation": lambda summary: summary.violation.share,
        "cost": lambda summary: summary.cost.total_core_seconds,
        "replica_seconds": lambda summary: summary.cost.total_replica_seconds,
        "p95_seconds": lambda summary: summary.latency.p95_s,
    }
    return [
        MetricChange(
            metric=metric,
            before=value(before),
            after=value(after),
            difference=_around(value(after) - value(before), 0.1),
            significant=True,
        )
        for metric, value in values.items()
    ]


def _reference(folder: str, run: Run, summary: Summary) -> RunReference:
    return RunReference(
        label=folder,
        policy=run.meta.label,
        folder=folder,
        violation=summary.violation.share,
        violation_by_service={name: service.violation.share for name, service in summary.services.items()},
        keeps_slo=summary.keeps_slo,
        cost=summary.cost.total_core_seconds,
        replica_seconds=summary.cost.total_replica_seconds,
        served_share_of_peak=summary.served_share_at_peak,
        marked_share=summary.marked_share,
    )


def _tuning(before: Policy, after: Policy) -> TuningResult:
    costs = np.array([96, 104, 113, 121, 134, 152, 180], dtype=float)
    violations = np.array([0.42, 0.21, 0.09, 0.045, 0.031, 0.008, 0.0002])
    frontier = [
        FrontierPoint(
            label=f"orders 5-6 at {95 - 7 * index} %",
            cost=_around(float(costs[index]), 0.02),
            violation=_around(float(violations[index]), 0.15),
            keeps_slo=bool(violations[index] < 0.04),
            chosen=index == 4,
            policy=after,
        )
        for index in range(len(costs))
    ]
    start = FrontierPoint(
        label="as it was", cost=_around(148, 0.03), violation=_around(0.55, 0.1), keeps_slo=False, starting=True, policy=before
    )
    return TuningResult(
        before=before,
        after=after,
        changed=True,
        diff=DIFF,
        before_cost=start.cost,
        before_violation=start.violation,
        after_cost=frontier[4].cost,
        after_violation=frontier[4].violation,
        violation_by_service={"orders": _around(0.031, 0.1), "dashboard": _around(0.012, 0.1)},
        frontier=[*frontier, start],
        sensitivity=[
            Sensitivity(label="orders: target 60 % → 70 %", cost_change=-0.06, violation_change=0.018, keeps_slo=False),
            Sensitivity(label="orders: least replicas 5 → 6", cost_change=0.09, violation_change=-0.011, keeps_slo=True),
        ],
        reasons=[
            "orders starts from 5 replicas: the rise of 20 s is quicker than two decisions of the autoscaler",
            "orders requests 110m, a replica's p95 use at capacity",
            "the scale-down window stays at 60 s",
        ],
        margin=0.2,
        seeds=[101, 102, 103],
        policies_tried=2412,
    )


def _prediction(label: str, run: Run, summary: Summary) -> Prediction:
    times = np.arange(0.0, run.meta.duration_seconds, 5.0)
    median, low, high = {}, {}, {}
    for service in run.meta.platform.services:
        counts = replica_counts(run, service)
        total = np.interp(times, counts["time_s"], counts["total"]).round()
        median[service] = total.tolist()
        low[service] = np.minimum(total, np.roll(total, 2)).tolist()
        high[service] = np.maximum(total, np.roll(total, -1)).tolist()
    worst = max(service.violation.share for service in summary.services.values())
    return Prediction(
        label=label,
        time_s=times.tolist(),
        replicas=median,
        replicas_low=low,
        replicas_high=high,
        violation=_around(worst * 1.05, 0.15),
        violation_by_service={name: _around(service.violation.share, 0.15) for name, service in summary.services.items()},
        cost=_around(summary.cost.total_core_seconds * 0.98, 0.05),
        replica_seconds=_around(summary.cost.total_replica_seconds * 1.1, 0.05),
        p95_seconds={name: _around(service.latency.p95_s, 0.2) for name, service in summary.services.items()},
    )
