from __future__ import annotations

import math

import pytest

from scaleproof.cluster.autoscaler_view import view
from scaleproof.hpa.reasons import CODES


def condition(kind: str, status: str, reason: str, message: str = "said so") -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message}


FINE = (condition("AbleToScale", "True", "ReadyForNewScale"), condition("ScalingActive", "True", "ValidMetricFound"))
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
RATE = {"type": "External", "external": {"metric": {"name": "rate"}, "target": {"type": "AverageValue", "averageValue": "10"}}}


def autoscaler(*conditions: dict, current: int = 2, desired: int = 2, metrics: tuple = (), now: tuple = ()) -> dict:
    return {
        "spec": {"scaleTargetRef": {"name": "orders"}, "metrics": list(metrics)},
        "status": {
            "currentReplicas": current,
            "desiredReplicas": desired,
            "conditions": list(conditions),
            "currentMetrics": list(now),
        },
    }


def test_before_its_first_sync_it_has_decided_nothing() -> None:
    assert view({"spec": {"scaleTargetRef": {"name": "orders"}}}) is None


@pytest.mark.parametrize(
    ("conditions", "desired", "reason"),
    [
        ((*FINE, condition("ScalingLimited", "False", "DesiredWithinRange")), 2, "DesiredWithinRange"),
        ((*FINE, condition("ScalingLimited", "True", "TooManyReplicas")), 2, "TooManyReplicas"),
        ((*FINE, condition("ScalingLimited", "True", "ScaleUpLimit")), 4, "ScaleUpLimit"),
        ((condition("AbleToScale", "True", "ScaleDownStabilized"), FINE[1]), 2, "ScaleDownStabilized"),
        ((condition("AbleToScale", "True", "SucceededRescale"), FINE[1]), 4, "MetricAboveTarget"),
        ((condition("AbleToScale", "True", "SucceededRescale"), FINE[1]), 1, "AllMetricsBelowTarget"),
        ((FINE[0], condition("ScalingActive", "False", "FailedGetResourceMetric")), 2, "FailedGetResourceMetric"),
        ((FINE[0], condition("ScalingActive", "False", "ScalingDisabled")), 0, "ScalingDisabled"),
    ],
)
def test_the_reason_is_one_of_ours(conditions: tuple, desired: int, reason: str) -> None:
    seen = view(autoscaler(*conditions, desired=desired))
    assert seen.reason == reason
    assert reason in CODES


def test_the_metric_with_the_highest_ratio_leads() -> None:
    now = (
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 60, "averageValue": "90m"}}},
        {"type": "External", "external": {"metric": {"name": "rate"}, "current": {"averageValue": "25"}}},
    )
    seen = view(autoscaler(*FINE, metrics=(CPU, RATE), now=now))
    assert (seen.utilization, seen.target) == (25.0, 10.0)
    only_cpu = view(autoscaler(*FINE, metrics=(CPU, RATE), now=(now[0], {"type": ""})))
    assert only_cpu.row(7.0) == (7.0, "orders", 2, 2, "DesiredWithinRange", "said so", 60.0, 50.0)


def test_no_metric_is_no_number() -> None:
    seen = view(autoscaler(*FINE, metrics=(CPU,)))
    assert math.isnan(seen.utilization)
    assert math.isnan(seen.target)
