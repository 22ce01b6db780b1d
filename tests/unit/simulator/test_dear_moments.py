from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.simulator import layout
from scaleproof.simulator.dear_moments import DearMoments, MomentRates, draw_moments
from scaleproof.simulator.draws import draw_run
from scaleproof.simulator.model import Assumptions

OFTEN = MomentRates(per_second=0.1, mean_seconds=2.0, factors=(1.5, 2.0))


def moments(*rows: tuple[float, float, float]) -> DearMoments:
    starts, ends, factors = np.array(sorted(rows, key=lambda row: row[2])).reshape(-1, 3).T
    return DearMoments(starts, ends, factors)


class TestMoments:
    def test_a_request_in_a_moment_costs_its_factor_and_others_what_they_did(self):
        found = moments((10.0, 12.0, 1.5)).at(np.array([9.9, 10.0, 11.9, 12.0]))
        assert found.tolist() == [1.0, 1.5, 1.5, 1.0]

    def test_where_two_meet_the_dearer_counts(self):
        assert moments((10.0, 14.0, 1.8), (11.0, 12.0, 1.3)).at(np.array([11.5])).tolist() == [1.8]

    def test_times_need_no_order(self):
        assert moments((1.0, 2.0, 1.5)).at(np.array([3.0, 1.5, 0.0])).tolist() == [1.0, 1.5, 1.0]

    def test_they_come_as_often_and_last_as_long_as_asked(self):
        drawn = [draw_moments(np.random.default_rng(seed), OFTEN, 100.0) for seed in range(400)]
        assert np.mean([each.starts.size for each in drawn]) == pytest.approx(10.0, rel=0.05)
        lengths = np.concatenate([each.ends - each.starts for each in drawn])
        assert lengths.mean() == pytest.approx(2.0, rel=0.08)

    @settings(max_examples=50)
    @given(seed=st.integers(0, 2**32 - 1), duration=st.floats(0.0, 600.0))
    def test_they_begin_within_the_run_and_cost_within_their_bounds(self, seed, duration):
        drawn = draw_moments(np.random.default_rng(seed), OFTEN, duration)
        assert ((drawn.starts >= 0) & (drawn.starts <= duration)).all()
        assert (np.diff(drawn.factors) >= 0).all()
        assert ((drawn.factors >= 1.5) & (drawn.factors <= 2.0)).all()


class TestRunsWithThem:
    def test_a_moment_makes_own_requests_and_calls_dearer(self, calibrated):
        calibration = calibrated(shop={}, page={"calls": {"shop": 1.0}})
        arrivals = {"page": np.arange(0.0, 300.0, 0.05), "shop": np.arange(0.0, 300.0, 0.1)}
        order = ("page", "shop")
        quiet = draw_run(calibration, order, arrivals, Assumptions(), seed=1, phase=0)
        dear = draw_run(calibration, order, arrivals, Assumptions(dear_moments=OFTEN), seed=1, phase=0)
        own = dear.requests["shop"].work / quiet.requests["shop"].work
        calls = dear.calls["page", "shop"].requests.work / quiet.calls["page", "shop"].requests.work
        for ratio in (own, calls):
            touched = ratio > 1.0 + 1e-9
            assert 0.05 < touched.mean() < 0.4
            assert ratio[touched].min() >= 1.5
            assert ratio[~touched] == pytest.approx(1.0)
        # The machine is slow for both: calls go out when their callers' requests come.
        callers = arrivals["page"][dear.calls["page", "shop"].caller_request]
        touched_at = callers[calls > 1.0 + 1e-9]
        assert np.isin(np.round(touched_at, 2), np.round(arrivals["shop"][own > 1.0 + 1e-9], 2)).mean() > 0.4

    def test_another_phase_has_other_moments_and_the_same_one_the_same(self, calibrated):
        arrivals = {"shop": np.arange(0.0, 300.0, 0.1)}
        some = Assumptions(dear_moments=OFTEN)

        def work(phase: int) -> np.ndarray:
            return draw_run(calibrated(), ("shop",), arrivals, some, seed=1, phase=phase).requests["shop"].work

        assert np.array_equal(work(0), work(0))
        assert not np.array_equal(work(0), work(1))

    def test_without_noise_there_are_none(self, calibrated):
        arrivals = {"shop": np.arange(0.0, 300.0, 0.1)}
        some = Assumptions(dear_moments=OFTEN, calibration_noise=False)
        drawn = draw_run(calibrated(), ("shop",), arrivals, some, seed=1, phase=0).requests["shop"].work
        plain = draw_run(calibrated(), ("shop",), arrivals, Assumptions(calibration_noise=False), seed=1, phase=0)
        assert np.array_equal(drawn, plain.requests["shop"].work)


class TestStarts:
    def test_starts_under_load_take_longer_by_that_factor(self, calibrated):
        slow = replace(Assumptions(), start_under_load=1.5)
        starts = draw_run(calibrated(), ("shop",), {"shop": np.zeros(0)}, slow, seed=1, phase=0).replicas["shop"]
        assert 7.5 <= starts[:, layout.START_SECONDS].min() < 8.0
        assert 11.5 < starts[:, layout.START_SECONDS].max() <= 12.0
