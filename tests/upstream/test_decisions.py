"""One sync at a time, in any situation: ours and upstream's own code decide alike."""

from __future__ import annotations

import collections
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upstream import cases
from upstream.verdict import Autoscaler

CHUNKS, CASES = 25, 4000

small_cases = st.builds(cases.decision, st.randoms(use_true_random=False), most_pods=st.integers(0, 4))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_upstream_decides_the_same(compare, first_seed, chunk):
    seen = collections.Counter()
    for seed in range(first_seed + chunk * CASES, first_seed + (chunk + 1) * CASES):
        case = cases.decision(Random(seed))
        ours = Autoscaler().sync(case)
        assert (found := compare(f"decision-{seed}", [case], [ours])) is None, found
        seen.update(ours[0]["conditions"].values())
        seen["rescaled"] += ours[0]["rescaled"] is not None
    # Comparing nothing much would prove nothing much.
    assert seen["rescaled"] > CASES / 10
    assert min(seen[reason] for reason in OFTEN) > CASES / 200, seen


OFTEN = (
    "True ValidMetricFound",
    "True SucceededRescale",
    "True ScaleUpStabilized",
    "True ScaleDownStabilized",
    "True ReadyForNewScale",
    "True ScaleUpLimit",
    "True TooManyReplicas",
    "True TooFewReplicas",
    "False DesiredWithinRange",
    "False ScalingDisabled",
    "False FailedGetResourceMetric",
    "False FailedGetContainerResourceMetric",
    "False FailedGetPodsMetric",
    "False FailedGetObjectMetric",
    "False FailedGetExternalMetric",
)


@settings(max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(case=small_cases)
def test_upstream_decides_the_same_in_small_cases(compare, case):
    assert (found := compare("decision-small", [case], [Autoscaler().sync(case)])) is None, found
