from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.hpa.compiled import COMPILED
from scaleproof.hpa.reasons import (
    COUNT_AGAINST_DIRECTION,
    DIRECTION_FLIPPED,
    NO_METRICS,
    OFF_TARGET,
    OFF_TARGET_AFTER_FILL_IN,
    WITHIN_TOLERANCE,
    WITHIN_TOLERANCE_AFTER_FILL_IN,
)
from scaleproof.hpa.replica_calculator import (
    IGNORED,
    MISSING,
    READY,
    UNREADY,
    calc_plain_metric_replicas,
    get_external_per_pod_metric_replicas,
    get_resource_replicas,
)
from scaleproof.simulator.traffic.alike import replicas_for_schedule, replicas_for_utilization, replicas_for_value

COUNTS = st.integers(0, 9)
USAGES = st.integers(0, 3000) | st.integers(0, 10**9)
TARGETS = st.integers(1, 400) | st.integers(1, 100_000)
TOLERANCES = st.sampled_from([0.0, 0.1, 0.25]) | st.floats(0, 2)
EXAMPLES = settings(max_examples=2000 if COMPILED else 100, deadline=None)


@st.composite
def situations(draw):
    """(Current replicas, target, tolerances; ready, unready, missing; usage of every pod; groups in any order)."""
    ready, unready, missing = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    groups = draw(st.permutations([READY] * ready + [UNREADY] * unready + [MISSING] * missing + [IGNORED] * draw(COUNTS)))
    usage = draw(st.lists(USAGES, min_size=len(groups), max_size=len(groups)))
    if draw(st.booleans()):  # near the target, where tolerances decide
        target = draw(st.integers(1, 400))
        usage = [target + draw(st.integers(-target // 4, target // 4)) for _ in groups]
    else:
        target = draw(TARGETS)
    at = (draw(st.integers(0, 30)), target, draw(TOLERANCES), draw(TOLERANCES))
    return at, (ready, unready, missing), np.array(groups, np.int64), np.array(usage, np.int64)


def total(groups, usage) -> int:
    return int(usage[groups == READY].sum())


@EXAMPLES
@given(situation=situations(), request=st.sampled_from([1, 3, 100, 250]) | st.integers(1, 100_000))
def test_utilization_is_that_of_the_pods_one_by_one(situation, request):
    at, counts, groups, usage = situation
    replicas, _, _, _, _, reason = get_resource_replicas(*at, groups, usage, np.full(groups.size, request), 0)
    assert replicas_for_utilization(*at, *counts, total(groups, usage), request) == (replicas, reason)


@EXAMPLES
@given(situation=situations())
def test_a_value_is_that_of_the_pods_one_by_one(situation):
    at, counts, groups, usage = situation
    replicas, _, _, _, reason = calc_plain_metric_replicas(*at, groups, usage, 0, 0)
    assert replicas_for_value(*at, *counts, total(groups, usage)) == (replicas, reason)


@settings(max_examples=200 if COMPILED else 60, deadline=None)
@given(current=st.integers(1, 60), wanted=st.integers(1, 60), down=TOLERANCES, up=TOLERANCES)
def test_a_schedule_is_an_external_metric_of_one_a_replica(current, wanted, down, up):
    """KEDA's metric has milli-values: `wanted` thousand, at a target of a thousand."""
    expected = get_external_per_pod_metric_replicas(current, 1000, 1000 * wanted, down, up)[0]
    assert replicas_for_schedule(current, wanted, down, up) == expected


def test_every_reason():
    """Current replicas; ready, not ready, without a sample; the mean of the ready ones, in per cent of the request; target 50 %."""
    for current, counts, mean, expected in (
        (3, (0, 1, 2), 0, (0, NO_METRICS)),
        (3, (3, 0, 0), 55, (3, WITHIN_TOLERANCE)),
        (3, (3, 0, 0), 75, (5, OFF_TARGET)),
        # 2 × 75 % over 3 pods is the target
        (3, (2, 1, 0), 75, (3, WITHIN_TOLERANCE_AFTER_FILL_IN)),
        # one without a sample counts as 100 % on the way down: (40 + 100) / 2 = 70 %
        (2, (1, 0, 1), 40, (2, DIRECTION_FLIPPED)),
        # 3 × 80 % over 4 pods: 60 %, ceil(1.2 × 4) = 5, but there are 6
        (6, (3, 1, 0), 80, (6, COUNT_AGAINST_DIRECTION)),
        (4, (3, 1, 0), 100, (6, OFF_TARGET_AFTER_FILL_IN)),
    ):
        usage = counts[0] * mean * 2
        assert replicas_for_utilization(current, 50, 0.1, 0.1, *counts, usage, 200) == expected, (current, counts, mean)


def test_a_target_above_100_is_what_a_pod_without_a_sample_counts_as():
    """Target 160 %: 2 pods at 50 %, 1 unknown taken for 160 %: 86 %, ratio 0.54; ceil(0.54 × 3) = 2."""
    assert replicas_for_utilization(3, 160, 0.1, 0.1, 2, 0, 1, 250, 250) == (2, OFF_TARGET_AFTER_FILL_IN)
