from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.world import policy
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.tuner.knobs import DOWN_RULES, UP_RULES, Knobs, describe_rules, label_of, with_knobs

BASE = policy().services["orders"].autoscaling

knobs = st.builds(
    lambda least, more, target, up, up_window, down, down_window: Knobs(
        minimum=least,
        maximum=least + more,
        target=target,
        up_rules=up,
        up_window=up_window,
        down_rules=down,
        down_window=down_window,
    ),
    st.integers(1, 5),
    st.integers(0, 5),
    st.integers(5, 300),
    st.sampled_from(UP_RULES),
    st.none() | st.integers(0, 600),
    st.sampled_from(DOWN_RULES),
    st.none() | st.integers(0, 600),
)


@given(knobs)
def test_what_is_turned_is_read_back(wanted):
    assert Knobs.of(wanted.applied_to(BASE)) == wanted


@given(knobs)
def test_the_turned_spec_is_a_valid_one(wanted):
    turned = wanted.applied_to(BASE)
    assert AutoscalingSpec.model_validate(turned.model_dump(by_alias=True, exclude_none=True)) == turned


def test_unturned_knobs_leave_the_very_same_spec():
    assert Knobs.of(BASE).applied_to(BASE) is BASE


def test_tolerance_and_select_policy_survive():
    spec = AutoscalingSpec.model_validate(
        {"maxReplicas": 3, "behavior": {"scaleDown": {"selectPolicy": "Min", "tolerance": "0.05"}}}
    )
    down = Knobs.of(spec).turned(down_window=60).applied_to(spec).behavior.scale_down
    assert (down.select_policy, down.tolerance, down.stabilization_window_seconds) == ("Min", "0.05", 60)


@pytest.mark.parametrize(
    "metrics",
    [
        [],  # Kubernetes' own default metric: nothing to turn
        [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}}],
        [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "100m"}}}],
        [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}},
        ],
    ],
)
def test_other_metrics_have_no_target_knob_and_stay(metrics):
    spec = AutoscalingSpec.model_validate({"maxReplicas": 3, "metrics": metrics})
    turned = Knobs.of(spec).turned(minimum=2).applied_to(spec)
    assert Knobs.of(spec).target is None
    assert (turned.metrics, turned.min_replicas) == (spec.metrics, 2)


def test_minimum_follows_a_lower_maximum():
    assert Knobs(minimum=3, maximum=5, target=80).turned(maximum=2).minimum == 2


def test_back_at_all_defaults_there_is_no_behavior():
    plain = Knobs.of(BASE).turned(down_window=None)
    assert plain.applied_to(BASE).behavior is None
    assert plain.down_window_seconds == 300


def test_label_says_what_differs_from_the_defaults():
    turned = Knobs.of(BASE).turned(minimum=2, target=95, up_window=15, down_rules=(("Pods", 1, 30),), up_rules=UP_RULES[1])
    text = label_of(with_knobs(policy(), {"orders": turned}))
    assert text == (
        "orders 2-4 at 95 %, down after 60 s by 1 pods per 30 s, up after 15 s, up by 900 % per 15 s; "
        "dashboard 1-2 at 80 %, down after 60 s"
    )
    assert describe_rules(None) == "Kubernetes' default"
