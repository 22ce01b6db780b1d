"""Balancing, scrapes, replicas' lives: the parts that the kernel is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.simulator import layout
from scaleproof.simulator.balancing import less_loaded, pick_two
from scaleproof.simulator.layout import DRAINING, FREE, READY, STARTING, STATE, Slots
from scaleproof.simulator.metric_lag import read_counters, scrape
from scaleproof.simulator.pods import create, drain, next_change, routable, to_remove


def slots(kinds: list[int]) -> Slots:
    count = len(kinds)
    state = np.zeros((count, layout.STATE_COLUMNS), np.int64)
    state[:, STATE] = kinds
    state[:, layout.ORDINAL] = np.arange(count)
    return Slots(
        np.zeros((count, layout.CPU_COLUMNS)),
        np.zeros((count, layout.QUEUE_COLUMNS), np.int64),
        np.zeros((count, layout.LIFE_COLUMNS)),
        state,
        np.full((count, layout.SAMPLE_COLUMNS), np.nan),
    )


class TestBalancing:
    @given(draw=st.floats(0, 1, exclude_max=True), count=st.integers(2, 60))
    def test_two_different_replicas(self, draw, count):
        first, second = pick_two(draw, count)
        assert 0 <= first < count
        assert 0 <= second < count
        assert first != second

    def test_every_pair_is_as_likely(self):
        pairs = [pick_two(draw, 3) for draw in (np.arange(6000) + 0.5) / 6000]
        counts = {pair: pairs.count(pair) for pair in set(pairs)}
        assert len(counts) == 6
        assert all(abs(count - 1000) <= 2 for count in counts.values())

    def test_the_shorter_queue_wins_the_first_where_equal(self):
        queue = np.zeros((2, layout.QUEUE_COLUMNS), np.int64)
        assert less_loaded(queue, 1, 0) == 1
        queue[1, layout.LENGTH] = 1
        assert less_loaded(queue, 1, 0) == 0


class TestMetricLag:
    def timeline(self, created: float, readings: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
        table = slots([READY])
        table.life[0, layout.CREATED] = created
        seen = []
        for now, used in readings:
            scrape(0, now, used, used * 100, 15.0, table.life, table.samples)
            sample = table.samples[0]
            known = not np.isnan(sample[layout.SAMPLE_AT])
            seen.append((float(sample[layout.SAMPLE_CPU_NANO]) / 1e6, float(sample[layout.SAMPLE_WINDOW])) if known else None)
        return seen

    def test_a_rate_needs_two_scrapes(self):
        # created at 12, scraped at 15 (too young) and 30: 1.5 CPU seconds in 15 s are 100m
        assert self.timeline(12.0, [(15.0, 0.5), (30.0, 2.0)]) == [None, (100.0, 15.0)]

    def test_ten_seconds_old_counts_from_the_start(self):
        # created at 4, scraped at 15: 2.2 CPU seconds in 11 s
        assert self.timeline(4.0, [(15.0, 2.2)]) == [(200.0, 11.0)]

    def test_older_than_the_resolution_waits_for_the_second_scrape(self):
        assert self.timeline(-1.0, [(15.0, 2.0), (30.0, 2.0)]) == [None, (0.0, 15.0)]

    def test_counters_that_were_not_read_again_change_nothing(self):
        # read at 3 and 17; the scrapes at 15 and 30 get those, the one at 45 gets the one at 17 once more
        assert self.timeline(-60.0, [(3.0, 6.0), (17.0, 7.4), (17.0, 7.4)]) == [None, (100.0, 14.0), (100.0, 14.0)]

    def test_nanocores_are_truncated(self):
        assert self.timeline(14.0, [(15.0, 0.0), (30.0, 1.0)])[1] == (pytest.approx(66.666666, abs=1e-9), 15.0)


class TestReadings:
    @given(draw=st.floats(0, 1, exclude_max=True))
    def test_they_are_as_far_apart_as_the_settings_say_and_evenly_so(self, draw):
        table = slots([READY])
        settings = np.zeros(layout.SETTINGS)
        settings[layout.COUNTER_LEAST], settings[layout.COUNTER_MOST] = 10.0, 20.0
        table.samples[0, layout.READ_DRAW] = draw
        moments = [0.0]
        for _ in range(200):
            read_counters(0, moments[-1], 1.0, 2.0, settings, table.samples)
            assert table.samples[0, layout.READ_AT] == moments[-1]
            moments.append(float(table.samples[0, layout.NEXT_READ]))
        apart = np.diff(moments)
        assert apart.min() >= 10
        assert apart.max() <= 20
        assert np.histogram(apart, bins=5, range=(10, 20))[0] == pytest.approx(40, abs=3)


class TestScalingDown:
    def test_not_ready_first_then_the_youngest(self):
        table = slots([READY, STARTING, READY, FREE, DRAINING, STARTING])
        order = []
        while (slot := to_remove(table)) >= 0:
            order.append(slot)
            drain(slot, 1.0, table)
        assert order == [5, 1, 2, 0]

    def test_nothing_left_to_remove(self):
        assert to_remove(slots([FREE, DRAINING])) == -1


class TestLife:
    draws = np.array([[6.0, 0.75, 0.5, 0.5]])
    settings = np.zeros(layout.SETTINGS)

    def test_a_replica_is_known_to_the_gateway_after_readiness_and_propagation(self):
        table = slots([FREE])
        lived = np.zeros((3, layout.LIVED_COLUMNS))
        assert create(10.0, 2, table, self.draws, self.settings, lived) == 0
        assert lived[2, layout.LIVED_FROM] == 10.0
        assert next_change(10.0, table, self.settings) == 16.0
        assert routable(16.5, table, np.zeros(1, np.int64)) == 0

    def test_no_free_slot_no_replica(self):
        assert create(0.0, 0, slots([READY]), self.draws, self.settings, np.zeros((1, layout.LIVED_COLUMNS))) == -1
