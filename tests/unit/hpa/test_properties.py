"""What must hold for any numbers, and that compiled and interpreted functions agree."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.hpa import compiled
from scaleproof.hpa.behavior import normalize_desired_replicas, normalize_desired_replicas_with_behaviors
from scaleproof.hpa.compiled import kernel
from scaleproof.hpa.reasons import CODES, MEANINGS, NAMES, REASONS
from scaleproof.hpa.replica_calculator import (
    MISSING,
    READY,
    calc_plain_metric_replicas,
    get_external_per_pod_metric_replicas,
    get_object_per_pod_metric_replicas,
    get_resource_replicas,
    get_usage_ratio_replica_count,
    group_pods,
    is_within,
)
from scaleproof.hpa.scale_events import store_scale_event
from scaleproof.hpa.stabilization import record

counts = st.integers(min_value=1, max_value=50)
policies = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 200), st.sampled_from([15, 30, 60, 120])), min_size=1, max_size=3
)
entries = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 400)), max_size=6)
EXAMPLES = settings(max_examples=200 if compiled.COMPILED else 40, deadline=None)
"""Of what compares compiled with interpreted functions: where nothing is compiled, they are the same ones."""


@st.composite
def situations(draw):
    """Pods in groups with usage and requests, as parallel lists."""
    size = draw(st.integers(1, 12))
    groups = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    usage = draw(st.lists(st.integers(0, 5000), min_size=size, max_size=size))
    requests = draw(st.lists(st.integers(1, 2000), min_size=size, max_size=size))
    return groups, usage, requests


def normalize(current, desired, least, most, up, down, recommendations, ups, downs, *, make=list):
    """normalize_desired_replicas_with_behaviors at time 1000, with ages in seconds and room for one more entry."""
    column = lambda values: make([*values, 0])
    kinds = [make([policy[i] for policy in side[2]]) for side in (up, down) for i in range(3)]
    return normalize_desired_replicas_with_behaviors(
        1000, current, desired, least, most,
        up[0], up[1], *kinds[:3], down[0], down[1], *kinds[3:],
        column([r for r, _ in recommendations]), column([1000 - age for _, age in recommendations]), len(recommendations),
        column([c for c, _ in ups]), column([1000 - age for _, age in ups]), len(ups),
        column([c for c, _ in downs]), column([1000 - age for _, age in downs]), len(downs),
    )  # fmt: skip


sides = st.tuples(st.sampled_from([0, 15, 60, 300]), st.integers(0, 2), policies)


@given(counts, st.integers(0, 200), st.integers(1, 10), st.integers(0, 40), sides, sides, entries, entries, entries)
def test_a_count_within_the_bounds_stays_within_them(current, desired, least, spread, up, down, recommendations, ups, downs):
    most = least + spread
    current = min(max(current, least), most)
    replicas, *_ = normalize(current, desired, least, most, up, down, recommendations, ups, downs)
    assert least <= replicas <= most


@given(counts, st.integers(0, 200), sides, sides, entries, entries, entries)
def test_the_limit_never_turns_the_direction(current, desired, up, down, recommendations, ups, downs):
    replicas, stabilized, *_ = normalize(current, desired, 1, 1000, up, down, recommendations, ups, downs)
    if stabilized >= current:
        assert current <= replicas <= max(stabilized, current)
    else:
        assert max(stabilized, 1) <= replicas <= current


@given(counts, st.integers(0, 200), sides, sides, entries)
def test_disabled_means_never(current, desired, up, down, recommendations):
    off_up, off_down = (up[0], 2, up[2]), (down[0], 2, down[2])
    assert normalize(current, desired, 1, 1000, off_up, off_down, recommendations, [], [])[0] == current


@given(st.integers(0, 10), st.integers(0, 400), entries)
def test_without_behavior_the_count_at_most_doubles(current, desired, recommendations):
    values, times = [r for r, _ in recommendations] + [0], [1000 - age for _, age in recommendations] + [0]
    replicas, stabilized, _, _, count = normalize_desired_replicas(
        1000, current, desired, 0, 1000, 300, values, times, len(values) - 1
    )
    assert replicas <= max(2 * current, 4)
    assert stabilized >= desired
    assert values[:count].count(desired) >= 1


@given(situations(), st.integers(1, 400), counts, st.integers(1, 500))
def test_more_usage_never_means_fewer_replicas(situation, target, current, more):
    groups, usage, requests = situation
    groups = [group if group != MISSING else READY for group in groups]
    before = get_resource_replicas(current, target, 0.0, 0.0, groups, usage, requests, 0)[0]
    after = get_resource_replicas(current, target, 0.0, 0.0, groups, [u + more for u in usage], requests, 0)[0]
    # With pods that are not ready the count may be held on the way up, never lowered.
    assert after >= min(before, current)


@given(st.integers(1, 1000), counts)
def test_on_target_nothing_moves(target, current):
    replicas, utilization, *_ = get_resource_replicas(current, target, 0.1, 0.1, [READY], [target], [100], 0)
    assert (replicas, utilization) == (current, target)


@given(st.floats(0, 3), st.floats(0, 0.9), st.floats(0, 3))
def test_the_tolerance_is_inclusive(usage_ratio, down, up):
    assert is_within(1.0 + up, down, up)
    assert is_within(1.0 - down, down, up)
    assert is_within(usage_ratio, down, up) == ((1.0 - down) <= usage_ratio <= (1.0 + up))
    assert not is_within(math.nan, down, up)


@kernel
def _resource(current, target, down, up, groups, usage, requests, strays):
    return get_resource_replicas(current, target, down, up, groups, usage, requests, strays)


@kernel
def _plain(current, target, down, up, groups, usage, strays, stray_usage):
    return calc_plain_metric_replicas(current, target, down, up, groups, usage, strays, stray_usage)


@kernel
def _values(current, status, usage, target, down, up, ready):
    replicas, reason = get_usage_ratio_replica_count(current, usage / target, down, up, ready)
    one = get_object_per_pod_metric_replicas(status, target, usage, down, up)
    two = get_external_per_pod_metric_replicas(status, target, usage, down, up)
    return replicas, reason, one, two


@kernel
def _behave(
    args,
    up_types,
    up_values,
    up_periods,
    down_types,
    down_values,
    down_periods,
    values,
    times,
    count,
    changes,
    stamps,
    marks,
    events,
):
    replicas, stabilized, able, limited, count = normalize_desired_replicas_with_behaviors(
        1000.0, args[0], args[1], 1, 40, 30.0, args[2], up_types, up_values, up_periods,
        60.0, args[3], down_types, down_values, down_periods,
        values, times, count, changes, stamps, events, changes, stamps, events,
    )  # fmt: skip
    events = store_scale_event(1000.0, 3, 60.0, changes, stamps, marks, events)
    plain = normalize_desired_replicas(1000.0, args[0], args[1], 1, 40, 60.0, values, times, count)
    return replicas, stabilized, able, limited, events, plain


@kernel
def _grouped(phases, deleting, starts, ready, transitions, sampled, times, windows, groups):
    return group_pods(True, 400.0, 300.0, 30.0, phases, deleting, starts, ready, transitions, sampled, times, windows, groups)


def interpreted(function):
    return getattr(function, "py_func", function)


def same(left, right):
    return np.testing.assert_array_equal(np.hstack(left).astype(float), np.hstack(right).astype(float))


@EXAMPLES
@given(situations(), st.integers(1, 400), counts, st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 2), st.integers(0, 900))
def test_metrics_compiled_equal_interpreted(situation, target, current, down, up, strays, stray_usage):
    groups, usage, requests = situation
    arrays = [np.array(groups, np.int8), np.array(usage), np.array(requests)]
    same(
        _resource(current, target, down, up, *arrays, strays),
        interpreted(_resource)(current, target, down, up, groups, usage, requests, strays),
    )
    same(
        _plain(current, target, down, up, *arrays[:2], strays, stray_usage * strays),
        interpreted(_plain)(current, target, down, up, groups, usage, strays, stray_usage * strays),
    )


@EXAMPLES
@given(st.integers(0, 20), st.integers(0, 20), st.integers(-1000, 10**18), st.integers(1, 10**6), st.floats(0, 0.5), counts)
def test_object_and_external_metrics_compiled_equal_interpreted(current, status, usage, target, tolerance, ready):
    arguments = (current, status, usage, target, tolerance, tolerance, ready)
    same(_values(*arguments), interpreted(_values)(*arguments))


@EXAMPLES
@given(counts, st.integers(0, 60), st.integers(0, 2), st.integers(0, 2), policies, policies, entries, entries)
def test_behavior_compiled_equals_interpreted(current, desired, up_select, down_select, up, down, recommendations, events):
    def arguments(make):
        rules = [make([float(p[i]) if i == 2 else p[i] for p in side]) for side in (up, down) for i in range(3)]
        room = [0] * (8 - len(recommendations))
        values, times = (
            make([r for r, _ in recommendations] + room),
            make([1000.0 - age for _, age in recommendations] + [0.0] * len(room)),
        )
        room = [0] * (8 - len(events))
        changes, stamps = make([c for c, _ in events] + room), make([1000.0 - age for _, age in events] + [0.0] * len(room))
        given = make([current, desired, up_select, down_select])
        return (given, *rules, values, times, len(recommendations), changes, stamps, make([False] * 8), len(events))

    compiled_arguments, plain_arguments = arguments(np.array), arguments(list)
    same(_behave(*compiled_arguments), interpreted(_behave)(*plain_arguments))
    for left, right in zip(compiled_arguments, plain_arguments, strict=True):
        same((left,), (right,))  # what was stored, too


@EXAMPLES
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.booleans(), st.integers(0, 400), st.integers(-1, 2), st.integers(0, 400), st.booleans()
        ),
        min_size=1,
        max_size=8,
    )
)
def test_groups_compiled_equal_interpreted(pods):
    def arguments(make):
        size = len(pods)
        columns = [make([float(p[i]) if i in (2, 4) else p[i] for p in pods]) for i in range(6)]
        return (*columns, make([395.0] * size), make([15.0] * size), make([0] * size))

    compiled_arguments, plain_arguments = arguments(np.array), arguments(list)
    assert _grouped(*compiled_arguments) == interpreted(_grouped)(*plain_arguments)
    assert list(compiled_arguments[-1]) == plain_arguments[-1]


def test_a_full_ring_is_an_error_not_a_lost_entry():
    with pytest.raises(IndexError, match="no room"):
        record(2, 1, 0.0, [1, 2], [0.0, 0.0], 2)


def test_reasons_have_one_code_one_name_and_a_meaning():
    assert len({reason.code for reason in REASONS}) == len({reason.name for reason in REASONS}) == len(REASONS)
    assert all(CODES[NAMES[reason.code]] == reason.code and MEANINGS[reason.name] for reason in REASONS)


def test_the_algorithm_needs_no_compiler():
    # Explaining a case imports no numba; SCALEPROOF_INTERPRETED leaves kernels as they are.
    code = (
        "import sys, scaleproof.hpa.explain, scaleproof.hpa.controller\n"
        "from scaleproof.hpa.compiled import kernel\n"
        "f = lambda: 1\n"
        "assert kernel(f) is f\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"SCALEPROOF_INTERPRETED": "1", "PATH": ""}, timeout=60)


def test_the_cache_is_one_folder_a_source_state(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = compiled._cache_folder()
    assert folder.parent == tmp_path / "scaleproof"
    assert folder == compiled._cache_folder()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert compiled._cache_folder() == tmp_path / "mine" / folder.name
