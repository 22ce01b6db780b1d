"""Arrivals, draws, the call graph, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.simulator import layout
from scaleproof.simulator.arrivals import checked, from_rates, from_schedule, from_shape
from scaleproof.simulator.calibration import Estimate
from scaleproof.simulator.call_graph import ancestors, callers_first
from scaleproof.simulator.draws import draw_run, gamma
from scaleproof.simulator.limits import beyond, refuse_beyond
from scaleproof.simulator.model import EMBEDDED, Assumptions
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import spike


class TestArrivals:
    def test_a_schedule_is_split_by_service(self):
        schedule = pd.DataFrame({"service": ["b", "a", "b"], "intended_s": [2.0, 1.0, 0.5]})
        split = from_schedule(schedule)
        assert {name: times.tolist() for name, times in split.items()} == {"a": [1.0], "b": [0.5, 2.0]}

    def test_rates_become_a_poisson_process(self):
        times = from_rates(np.array([0.0, 100.0, 0.0]), interval_seconds=50.0, seed=1)
        assert times.size == pytest.approx(5000, abs=250)
        assert 50 <= times.min() <= times.max() < 100
        assert (np.diff(times) >= 0).all()

    @pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
    def test_a_rate_that_is_none_is_refused(self, bad):
        with pytest.raises(BadInputError, match="interval 1"):
            from_rates(np.array([1.0, bad]), interval_seconds=1.0, seed=1)

    def test_a_shape_gives_each_service_its_share(self):
        times = from_shape(spike(), {"a": 100.0, "b": 10.0}, seed=3)
        peak = {name: np.count_nonzero((part >= 40) & (part < 100)) / 60 for name, part in times.items()}
        assert peak == {"a": pytest.approx(100, rel=0.1), "b": pytest.approx(10, rel=0.3)}
        assert np.array_equal(times["a"], from_shape(spike(), {"a": 100.0, "b": 10.0}, seed=3)["a"])

    def test_an_empty_trace_is_no_arrivals(self):
        assert from_rates(np.zeros(0), interval_seconds=1.0, seed=1).size == 0

    @pytest.mark.parametrize("bad", [[2.0, 1.0], [-1.0], [np.nan]])
    def test_unsorted_or_impossible_times_are_refused(self, bad):
        with pytest.raises(BadInputError, match="arrivals of shop"):
            checked({"shop": np.array(bad)}, {"shop": None})

    def test_an_unknown_service_is_refused_a_missing_one_is_empty(self):
        with pytest.raises(BadInputError, match="'ship' is not a service"):
            checked({"ship": np.zeros(1)}, {"shop": None})
        assert checked({}, {"shop": None})["shop"].size == 0


class TestCallGraph:
    def test_callers_come_first(self):
        order = callers_first(["orders", "page", "web"], {"web": {"page": 1.0}, "page": {"orders": 2.0}})
        assert order == ("web", "page", "orders")

    def test_a_circle_is_refused(self):
        with pytest.raises(BadInputError, match="circle"):
            callers_first(["a", "b"], {"a": {"b": 1.0}, "b": {"a": 1.0}})

    def test_ancestors_are_all_who_reach_it(self):
        calls = {"web": {"page": 1.0}, "page": {"orders": 2.0}}
        assert ancestors("orders", calls) == {"web", "page"}
        assert ancestors("web", calls) == frozenset()


class TestDraws:
    @settings(max_examples=25, deadline=None)
    @given(mean=st.floats(0.001, 1.0), variation=st.floats(0.1, 1.5))
    def test_gamma_has_the_mean_and_the_variation(self, mean, variation):
        drawn = gamma(np.random.default_rng(1), mean, variation, 60_000)
        assert drawn.mean() == pytest.approx(mean, rel=0.05)
        assert drawn.std() / drawn.mean() == pytest.approx(variation, rel=0.1)

    def test_without_variation_it_is_constant(self):
        assert gamma(np.random.default_rng(1), 0.5, 0.0, 2).tolist() == [0.5, 0.5]

    def test_the_same_seed_and_phase_draw_the_same(self, calibrated):
        calibration = calibrated(shop={"cpu_seconds_per_request": Estimate(value=0.01, low=0.008, high=0.012)})
        arrivals = {"shop": np.arange(0.0, 50.0, 0.1)}

        def work(seed: int, phase: int, assumptions: Assumptions) -> np.ndarray:
            return draw_run(calibration, ("shop",), arrivals, assumptions, seed=seed, phase=phase).requests["shop"].work

        plain, exact = Assumptions(), Assumptions(calibration_noise=False)
        assert np.array_equal(work(1, 0, plain), work(1, 0, plain))
        # another phase: the same requests on a calibration drawn anew, so all are longer or shorter by one factor
        ratio = work(1, 1, plain) / work(1, 0, plain)
        assert ratio == pytest.approx(ratio[0])
        assert ratio[0] != pytest.approx(1.0, abs=1e-6)
        assert np.array_equal(work(1, 1, exact), work(1, 0, exact))
        assert not np.array_equal(work(2, 0, exact), work(1, 0, exact))

    def test_calls_are_as_many_as_calibrated(self, calibrated):
        calibration = calibrated(shop={}, page={"calls": {"shop": 1.5}})
        arrivals = {"page": np.arange(4000.0), "shop": np.zeros(0)}
        draws = draw_run(calibration, ("page", "shop"), arrivals, Assumptions(), seed=1, phase=0)
        per_request = np.bincount(draws.calls["page", "shop"].caller_request, minlength=4000)
        assert set(per_request) == {1, 2}
        assert per_request.mean() == pytest.approx(1.5, abs=0.05)

    def test_starts_are_within_what_was_measured(self, calibrated):
        draws = draw_run(calibrated(), ("shop",), {"shop": np.zeros(0)}, Assumptions(), seed=1, phase=0)
        starts = draws.replicas["shop"][:, layout.START_SECONDS]
        assert 5.0 <= starts.min() < 5.5
        assert 7.5 < starts.max() <= 8.0
        assert 0 <= draws.sync_phase["shop"] < 15
        assert 0 <= draws.scrape_phase < 15


class TestLimits:
    def test_more_replicas_than_measured_where_a_bottleneck_was_found(self, calibrated, policy_of):
        limited = calibrated(shop={"bottleneck": "postgres", "capacity_by_replicas": {1: 15.0, 4: 40.0}})
        refuse_beyond(limited, policy_of(high=4))
        with pytest.raises(
            BadInputError, match=r"services.shop.autoscaling.maxReplicas: 6 replicas, but .* postgres"
        ) as caught:
            refuse_beyond(limited, policy_of(high=6))
        assert "maxReplicas to 4" in (caught.value.hint or "")

    def test_without_a_bottleneck_more_replicas_are_fine(self, calibrated, policy_of):
        assert beyond(calibrated(), policy_of(high=40)) == []

    def test_another_limit_was_not_measured(self, calibrated, policy_of):
        assert [item.field for item in beyond(calibrated(), policy_of(limit="500m"))] == ["services.shop.resources.limits.cpu"]

    def test_a_service_without_calibration_is_not_this_modules_business(self, calibrated, policy_of):
        assert beyond(calibrated(), policy_of("shop", "other")) == []


class TestAssumptions:
    def test_a_target_has_its_own(self, calibrated):
        stamp = calibrated().stamp
        of = {
            runtime: Assumptions.of(stamp.model_copy(update={"target": "kube", "runtime": runtime}))
            for runtime in ("containerd", "cri-o")
        }
        assert Assumptions.of(stamp) == EMBEDDED
        assert [of[runtime].counter_seconds for runtime in ("containerd", "cri-o")] == [(0.0, 0.0), (10.0, 20.0)]
        assert of["cri-o"].drain_seconds == of["containerd"].drain_seconds > Assumptions().drain_seconds

    def test_phases_that_are_known_are_not_drawn(self, calibrated):
        known = Assumptions(sync_phase_seconds=3.5, scrape_phase_seconds=11.0)
        draws = [draw_run(calibrated(), ("shop",), {"shop": np.zeros(0)}, known, seed=1, phase=phase) for phase in range(3)]
        assert [(draw.sync_phase["shop"], draw.scrape_phase) for draw in draws] == [(3.5, 11.0)] * 3
