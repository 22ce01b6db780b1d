"""Whole timelines, each side with its own memory: every sync ends alike."""

from __future__ import annotations

import collections
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upstream.timelines import timeline
from upstream.verdict import play

from scaleproof.hpa.explain import explain

CHUNKS, TIMELINES = 25, 80


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_upstream_goes_the_same_way(compare, first_seed, chunk):
    seen = collections.Counter()
    for seed in range(first_seed + chunk * TIMELINES, first_seed + (chunk + 1) * TIMELINES):
        cases, ours = play(timeline(Random(seed)))
        assert (found := compare(f"timeline-{seed}", cases, ours)) is None, found
        seen.update(reason for answer, _ in ours for reason in answer["conditions"].values())
        seen["syncs"] += len(ours)
        seen["rescaled"] += sum(answer["rescaled"] is not None for answer, _ in ours)
        alone = ours[-1]
        assert explain(alone[1])["desiredReplicas"] == alone[0]["desiredReplicas"]
    assert seen["syncs"] >= 50 * TIMELINES
    assert seen["rescaled"] > seen["syncs"] / 20
    assert (
        min(
            seen[f"True {reason}"] for reason in ("ScaleUpStabilized", "ScaleDownStabilized", "ScaleUpLimit", "TooManyReplicas")
        )
        > 0
    )


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(world=st.builds(timeline, st.randoms(use_true_random=False), syncs=st.integers(2, 8)))
def test_upstream_goes_the_same_way_in_small_timelines(compare, world):
    cases, ours = play(world)
    assert (found := compare("timeline-small", cases, ours)) is None, found
