"""The local autoscaler's side: timelines of one service, a sync every 15 s."""

from __future__ import annotations

import math

import pytest

from scaleproof.hpa.controller import HorizontalController, Pod, Sample
from scaleproof.spec.autoscaling import AutoscalingSpec


def spec(*, target=80, least=1, most=10, behavior=None, **extra):
    return AutoscalingSpec.model_validate(
        {
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}},
                }
            ],
            "behavior": behavior,
            **extra,
        }
    )


def pods(count, usage, now, **fields):
    return [
        Pod(
            f"orders-{i}",
            start_time=-1000.0,
            ready=True,
            ready_since=-990.0,
            requests_milli={"cpu": 100},
            samples={"cpu": Sample(usage, now - 5, 15)},
            **fields,
        )
        for i in range(count)
    ]


def play(controller, usages, replicas=1, start=0.0):
    """One sync every 15 s; each usage is of every pod. Returns the counts after each."""
    counts = []
    for i, usage in enumerate(usages):
        now = start + 15 * i
        replicas = controller.reconcile(now, current_replicas=replicas, pods=pods(replicas, usage, now)).desired_replicas
        counts.append(replicas)
    return counts


def test_a_spike_doubles_each_sync_without_behavior():
    # 1 → 4 (the least cap) → 8 → 10 (maxReplicas), although the ratio asks for five times as many.
    assert play(HorizontalController(spec()), [400, 400, 400, 400]) == [4, 8, 10, 10]


def test_after_the_spike_the_highest_recommendation_of_five_minutes_holds():
    # At 15 s the last 20 is recommended and caps to 8. It holds the count up while it is at most 300 s old: until 315 s.
    counts = play(HorizontalController(spec(most=8)), [400, 400, *[8] * 22])
    assert counts == [4, 8, *[8] * 20, 1, 1]


def test_a_window_of_zero_scales_down_at_once():
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    assert play(HorizontalController(spec(behavior=behavior)), [8, 8], replicas=8) == [1, 1]


def test_a_policy_of_one_pod_a_minute_is_a_staircase():
    behavior = {
        "scaleDown": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
        }
    }
    # An event exactly 60 s old has left the period.
    assert play(HorizontalController(spec(behavior=behavior)), [8] * 10, replicas=5) == [4, 4, 4, 4, 3, 3, 3, 3, 2, 2]


def test_an_empty_behavior_is_not_a_missing_one():
    # Missing: at most double, at least 4. Empty: at most +4 or +100 % per 15 s.
    assert play(HorizontalController(spec(most=50)), [800], replicas=3) == [6]
    assert play(HorizontalController(spec(most=50, behavior={})), [800], replicas=3) == [7]


def test_scaling_up_waits_for_the_window():
    behavior = {"scaleUp": {"stabilizationWindowSeconds": 30}}
    # The seed of 1 at 0 s holds the count until it is exactly 30 s old; the 5 recommended since then is the lowest.
    assert play(HorizontalController(spec(behavior=behavior)), [400, 400, 400, 400]) == [1, 1, 5, 5]


def test_bounds_come_first_and_need_no_metrics():
    controller = HorizontalController(spec(least=2, most=4))
    above = controller.reconcile(0, current_replicas=9, pods=[])
    below = controller.reconcile(15, current_replicas=1, pods=[])
    assert (above.desired_replicas, above.reason) == (4, "AboveMaxReplicas")
    assert (below.desired_replicas, below.reason) == (2, "BelowMinReplicas")
    assert math.isnan(above.utilization)


def test_zero_replicas_were_asked_for_and_stay():
    decision = HorizontalController(spec()).reconcile(0, current_replicas=0, pods=[])
    assert (decision.desired_replicas, decision.reason) == (0, "ScalingDisabled")


def test_a_starting_pod_neither_helps_nor_hurts():
    # One pod at 150 %, one just started and busy starting: its sample is not believed, it counts 0 on the way up.
    now = 100.0
    ready = Pod(
        "a",
        start_time=-900.0,
        ready=True,
        ready_since=-890.0,
        requests_milli={"cpu": 100},
        samples={"cpu": Sample(150, 95, 15)},
    )
    burning = Pod(
        "b", start_time=90.0, ready=True, ready_since=98.0, requests_milli={"cpu": 100}, samples={"cpu": Sample(500, 99, 5)}
    )
    decision = HorizontalController(spec()).reconcile(now, current_replicas=2, pods=[ready, burning])
    assert decision.desired_replicas == 2
    assert decision.reason == "WithinToleranceAfterFillIn"


def test_without_any_sample_the_count_stays_and_says_why():
    no_sample = Pod("a", start_time=-900.0, ready=True, ready_since=-890.0, requests_milli={"cpu": 100})
    decision = HorizontalController(spec()).reconcile(0, current_replicas=1, pods=[no_sample])
    assert (decision.desired_replicas, decision.reason) == (1, "FailedGetResourceMetric")
    assert "no metrics returned" in decision.error


def test_a_pod_without_a_request_has_no_utilisation():
    bare = Pod("a", start_time=-900.0, ready=True, ready_since=-890.0, samples={"cpu": Sample(80, -5, 15)})
    decision = HorizontalController(spec()).reconcile(0, current_replicas=1, pods=[bare])
    assert decision.reason == "FailedGetResourceMetric"
    assert "missing request for cpu in Pod a" in decision.error


def test_a_pods_metric_is_given_by_name():
    wanted = spec(
        metrics=[
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}
        ]
    )
    controller = HorizontalController(wanted)
    decision = controller.reconcile(
        0, current_replicas=2, pods=pods(2, 1, 0), metrics={"rps": {"orders-0": 20_000, "orders-1": 20_000}}
    )
    assert decision.desired_replicas == 4
    assert (decision.utilization, decision.target) == (20.0, 10.0)
    assert controller.reconcile(15, current_replicas=4, pods=pods(4, 1, 15)).reason == "FailedGetPodsMetric"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (
            "Object",
            {
                "metric": {"name": "q"},
                "describedObject": {"kind": "Service", "name": "s"},
                "target": {"type": "Value", "value": "1"},
            },
        ),
        ("External", {"metric": {"name": "q"}, "target": {"type": "Value", "value": "1"}}),
    ],
)
def test_metrics_the_embedded_default_lacks_are_invalid_not_ignored(kind, source):
    controller = HorizontalController(spec(metrics=[{"type": kind, kind.lower(): source}]))
    decision = controller.reconcile(0, current_replicas=2, pods=pods(2, 80, 0))
    assert decision.reason == f"FailedGet{kind}Metric"


def test_a_new_spec_keeps_what_is_remembered():
    controller = HorizontalController(spec())
    assert play(controller, [80], replicas=6) == [6]
    controller.apply(spec(most=20))
    # The recommendation of 6 still holds the count up.
    assert play(controller, [8], replicas=6, start=15.0) == [6]


def test_the_message_is_one_sentence_with_the_numbers():
    decision = HorizontalController(spec()).reconcile(0, current_replicas=2, pods=pods(2, 120, 0))
    assert decision.message == "2 → 3: a metric is above its target; cpu at 120 % against 80 % recommends 3"
    assert [step.step for step in decision.steps] == ["metric", "stabilize", "limit"]
