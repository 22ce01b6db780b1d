"""A day in slots of 15 seconds, and what an answer makes of them. Times are chosen; nothing waits."""

from __future__ import annotations

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.runtime.metrics_history import KEPT_SECONDS, MOST_POINTS, SLOT_SECONDS, Counted, MetricsHistory, Seen
from scaleproof.telemetry.percentiles import histogram_quantile

BEGAN = 1_000_005.0
FIRST = 1_000_020.0
"""Where the slot after the beginning begins."""


def seen(replicas: int, desired: int, answers: int = 0, failures: int = 0, fast: int | None = None) -> dict[str, Seen]:
    """Of `answers` so many were fast: at most 100 ms; the others took up to a second."""
    buckets = ((0.1, answers if fast is None else fast), (1.0, answers), (math.inf, answers)) if answers else ()
    return {"orders": Seen(replicas, desired, Counted(answers, failures, buckets))}


def recorded(*slots: dict[str, Seen]) -> MetricsHistory:
    """A slot each, without a gap."""
    history = MetricsHistory(BEGAN)
    for index, slot in enumerate(slots):
        history.record(FIRST + index * SLOT_SECONDS, slot)
    return history


def test_what_was_seen_becomes_a_value_a_slot():
    history = recorded(seen(1, 1, 30), seen(1, 3, 90, failures=6, fast=75), seen(3, 3, 90, failures=6, fast=75))
    document = history.document(FIRST + 2 * SLOT_SECONDS + 3, 60)
    assert document["step_seconds"] == SLOT_SECONDS
    assert document["times"] == [1_000_005, 1_000_020, 1_000_035, 1_000_050]
    assert document["services"]["orders"] == {
        "replicas": [None, 1, 1, 3],
        "desired": [None, 1, 3, 3],
        "requests_per_second": [None, 2.0, 4.0, 0.0],
        "error_share": [None, 0.0, 0.1, None],  # nobody asked in the last one
        "p95_ms": [None, 95.0, 820.0, None],  # 57th of 60, of which 45 were fast: 12/15 of the way from 100 to 1,000 ms
    }


def test_a_slot_is_recorded_once():
    history = MetricsHistory(BEGAN)
    assert history.is_due(FIRST)
    history.record(FIRST, seen(1, 1))
    assert not history.is_due(FIRST + SLOT_SECONDS - 1)
    assert history.is_due(FIRST + SLOT_SECONDS)


def test_longer_periods_have_longer_steps_and_lose_no_peak():
    slots = [seen(9 if index == 5 else 1, 1, 15 * (index + 1)) for index in range(48)]
    document = recorded(*slots).document(FIRST + 47 * SLOT_SECONDS, 8 * 3600)
    orders = document["services"]["orders"]
    assert document["step_seconds"] == 8 * 3600 / MOST_POINTS
    assert len(document["times"]) == len(orders["replicas"]) == MOST_POINTS
    assert max(value for value in orders["replicas"] if value is not None) == 9
    assert {value for value in orders["requests_per_second"] if value is not None} == {1.0}


def test_a_gateway_that_was_silent_is_made_up_for_by_the_next_slot():
    silent = {"orders": Seen(2, 2, None)}
    orders = recorded(seen(1, 1, 15), silent, seen(2, 2, 75)).document(FIRST + 30, 45)["services"]["orders"]
    assert orders["replicas"] == [1, 2, 2]
    assert orders["requests_per_second"] == [1.0, None, 2.0]


def test_a_gateway_that_began_anew_counts_from_zero():
    orders = recorded(seen(1, 1, 300), seen(1, 1, 15, failures=15)).document(FIRST + 15, 30)["services"]["orders"]
    assert orders["requests_per_second"][1] == 1.0
    assert orders["error_share"][1] == 1.0


def test_a_day_and_not_more_is_kept_in_little_memory():
    tracemalloc.start()
    history = MetricsHistory(BEGAN)
    slots = KEPT_SECONDS // SLOT_SECONDS
    for index in range(slots + 500):
        buckets = [(bound / 100, index * 100) for bound in range(1, 50)]
        history.record(FIRST + index * SLOT_SECONDS, {"orders": Seen(1, 1, Counted(index * 100, index, buckets))})
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 4e6
    last = FIRST + (slots + 499) * SLOT_SECONDS
    document = history.document(last, KEPT_SECONDS)
    assert len(document["times"]) == MOST_POINTS
    assert None not in document["services"]["orders"]["replicas"][1:]
    assert len(json.dumps(document)) < 50_000
    assert not any(history.document(last - 2 * KEPT_SECONDS, KEPT_SECONDS)["services"]["orders"]["replicas"])


@given(counts=st.lists(st.integers(0, 50), min_size=3, max_size=3))
def test_its_quantile_is_the_telemetrys(counts: list[int]):
    bounds = (0.05, 0.5, math.inf)
    upto = [sum(counts[: index + 1]) for index in range(3)]
    counted = Counted(upto[-1], 0, tuple(zip(bounds, upto, strict=True)))
    [p95] = recorded({"orders": Seen(1, 1, counted)}).document(FIRST, 15)["services"]["orders"]["p95_ms"]
    if upto[-1] == 0:
        assert p95 is None
    else:
        assert p95 == pytest.approx(1000 * histogram_quantile(bounds, upto, 0.95), abs=1e-3)
