from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaleproof.simulator import layout
from scaleproof.simulator.calibration import Estimate
from scaleproof.simulator.evaluator import Evaluator
from scaleproof.simulator.held import ReplicaModel, capacity, simulate_held
from scaleproof.simulator.intervals import band, estimate
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.run import through_bottleneck
from scaleproof.simulator.simulate import simulate
from scaleproof.spec.errors import BadInputError

EXACT = Assumptions(calibration_noise=False)
WINDOW_30 = {"scaleDown": {"stabilizationWindowSeconds": 30}}


@pytest.fixture
def surge(steady):
    def build(seed: int = 0):
        return {
            "shop": np.concatenate(
                [steady(5, 30, seed=seed), steady(40, 60, start=30, seed=seed), steady(5, 30, start=90, seed=seed)]
            )
        }

    return build


class TestResult:
    def test_a_surge_under_a_policy(self, calibrated, platform_of, policy_of, surge):
        result = simulate(
            calibrated(),
            platform_of(),
            policy_of(behavior=WINDOW_30),
            surge,
            duration_seconds=120,
            seeds=(1, 2, 3),
            phases=2,
            until_steady=True,
        )
        assert len(result.runs) == 6
        assert result.services == ("shop",)
        # it scales up for the surge and back afterwards
        replicas = result.replicas("shop")
        assert replicas.median[10] == 1
        assert replicas.median[80] >= 3
        assert (replicas.low <= replicas.median).all()
        assert (replicas.median <= replicas.high).all()
        assert result.time_s[0] == 1.0
        assert result.time_s.size == replicas.median.size
        # the surge's beginning hurts, the end is fine
        starts, violation = result.violation_series("shop", 10)
        assert starts.size == violation.median.size == 12
        assert violation.median[4] > 0.5
        assert violation.median[-1] == 0
        assert 0 < result.violation.value < 1
        assert result.violation == result.violation_by_service["shop"]
        # cost is replica-seconds times the request of 200m
        assert result.cost.value == pytest.approx(result.replica_seconds.value * 0.2)
        assert result.ready("shop").median.max() <= replicas.median.max()
        assert result.usage_cores("shop").median[50] > 0.2
        assert result.p95_seconds["shop"].value > 0.3

    def test_windows(self, calibrated, platform_of, policy_of, surge):
        result = simulate(calibrated(), platform_of(), policy_of(), surge, duration_seconds=120, seeds=(1, 2), phases=1)
        _, p95 = result.p95_windows("shop", 30)
        load = result.load_windows("shop", 30, 0.25)
        # quiet first: a tenth of a second at most, a fifth of the limit; then overload
        assert p95.median[0] < 0.1
        assert load.median[0] == pytest.approx(0.2, abs=0.05)
        assert p95.median[1] > 1
        assert load.median[1] > 0.8

    def test_the_same_arguments_give_the_same_result(self, calibrated, platform_of, policy_of, surge):
        def again():
            return simulate(calibrated(), platform_of(), policy_of(), surge, duration_seconds=120, seeds=(5,), phases=1).runs[0]

        one, two = again(), again()
        assert np.array_equal(one.services["shop"].latency_seconds, two.services["shop"].latency_seconds)
        assert one.services["shop"].decision_list() == two.services["shop"].decision_list()
        assert one.cost() == two.cost()

    def test_decisions_have_names(self, calibrated, platform_of, policy_of, surge):
        run = simulate(calibrated(), platform_of(), policy_of(), surge(), duration_seconds=120, seeds=(1,), phases=1).runs[0]
        decisions = run.services["shop"].decision_list()
        assert {"MetricAboveTarget"} <= {decision.reason for decision in decisions}
        changes = [decision for decision in decisions if decision.desired_replicas != decision.current_replicas]
        assert changes[0].usage > 70

    def test_progress_is_told(self, calibrated, platform_of, policy_of, surge):
        told = []
        simulate(
            calibrated(), platform_of(), policy_of(), surge(), duration_seconds=120, seeds=(1, 2), phases=1,
            progress=lambda done, total: told.append((done, total)),
        )  # fmt: skip
        assert told == [(1, 2), (2, 2)]

    def test_without_requests_nothing_is_violated(self, calibrated, platform_of, policy_of):
        result = simulate(calibrated(), platform_of(), policy_of(), {}, duration_seconds=30, seeds=(1,), phases=1)
        assert result.violation.value == 0
        assert np.isnan(result.p95_seconds["shop"].value)
        assert np.isnan(result.p95_windows("shop", 10)[1].median).all()
        assert result.replica_seconds.value == 30


class TestCost:
    def test_counts_until_the_steady_count_is_back(self, calibrated, platform_of, policy_of, steady):
        arrivals = {"shop": steady(40, 60)}
        policy = policy_of(behavior=WINDOW_30)

        def run(*, until_steady: bool):
            return simulate(
                calibrated(),
                platform_of(),
                policy,
                arrivals,
                duration_seconds=60,
                seeds=(1,),
                phases=1,
                until_steady=until_steady,
            ).runs[0]

        short, whole = run(until_steady=False), run(until_steady=True)
        assert short.cost_until_seconds == 60
        assert 75 < whole.cost_until_seconds < 200
        assert whole.cost_until_seconds == whole.steady_at_seconds
        assert whole.cost() > short.cost()
        assert whole.cost(60.0) == pytest.approx(short.cost())
        # beyond the steady count nothing but that count is added
        assert whole.replica_seconds(whole.steady_at_seconds + 100) == pytest.approx(whole.replica_seconds() + 100)
        assert short.steady_at_seconds == np.inf
        # beyond the simulated time the last count goes on
        last = short.services["shop"].seconds[-1, layout.SECOND_TOTAL]
        assert short.replica_seconds(70.0) == pytest.approx(short.replica_seconds(60.0) + 10 * last)

    def test_a_policy_that_stands_still_is_steady_at_once(self, calibrated, platform_of, policy_of):
        run = simulate(
            calibrated(),
            platform_of(),
            policy_of(low=2, high=2),
            {},
            duration_seconds=30,
            seeds=(1,),
            phases=1,
            until_steady=True,
        ).runs[0]
        assert (run.steady_at_seconds, run.cost_until_seconds) == (0.0, 30.0)
        assert run.cost() == pytest.approx(2 * 30 * 0.2)


class TestCalls:
    def test_a_callers_latency_includes_its_callees(self, calibrated, platform_of, policy_of, steady):
        slow = Estimate(value=0.2, low=0.2, high=0.2)
        calibration = calibrated(shop={"wait_seconds": slow}, page={"calls": {"shop": 1.0}})
        platform, policy = platform_of("page", "shop"), policy_of("page", "shop", low=2)
        run = simulate(
            calibration, platform, policy, {"page": steady(4, 60)}, duration_seconds=60, seeds=(1,), phases=1, assumptions=EXACT
        ).runs[0]
        assert np.median(run.services["page"].latency_seconds) > 0.15
        # calls are load for the callee, but not requests that users intended
        assert run.services["shop"].seconds[:, layout.SECOND_CPU].sum() > 1
        assert run.services["shop"].arrivals.size == 0

    def test_a_failed_call_fails_its_caller(self, calibrated, platform_of, policy_of, steady):
        calibration = calibrated(
            shop={"cpu_seconds_per_request": Estimate(value=1, low=1, high=1)}, page={"calls": {"shop": 1.0}}
        )
        platform = platform_of("page", "shop", timeout=2.0)
        run = simulate(
            calibration,
            platform,
            policy_of("page", "shop", high=1),
            {"page": steady(5, 40)},
            duration_seconds=40,
            seeds=(1,),
            phases=1,
        ).runs[0]
        assert run.services["page"].violation > 0.9
        assert np.count_nonzero(run.services["page"].status == layout.LOST) > 100
        assert run.violation == run.services["page"].violation

    def test_the_shared_bottleneck_lets_through_only_so_much(self, calibrated, platform_of, policy_of, steady):
        measured = {
            "capacity_by_replicas": {1: 15.0, 4: 20.0},
            "cpu_seconds_per_request": Estimate(value=1e-3, low=1e-3, high=1e-3),
        }

        def violation(bottleneck: str | None) -> float:
            calibration = calibrated(shop={**measured, "bottleneck": bottleneck})
            arrivals = {"shop": steady(40, 60)}
            return simulate(
                calibration, platform_of(), policy_of(low=4), arrivals, duration_seconds=60, seeds=(1,), phases=1
            ).violation.value

        assert violation(None) < 0.05
        assert violation("postgres") > 0.8

    def test_one_after_the_other_and_never_those_that_never_left(self):
        assert through_bottleneck(np.array([1.0, np.nan, 1.0, 0.5]), 0.25)[[3, 0, 2]].tolist() == [0.75, 1.25, 1.5]


class TestEvaluator:
    def evaluator(self, calibrated, platform_of, surge, **changes) -> Evaluator:
        known = {"duration_seconds": 120, "seeds": (1, 2, 3)}
        return Evaluator(calibrated(), platform_of(), surge, **{**known, **changes})

    def test_it_gives_what_simulate_gives(self, calibrated, platform_of, policy_of, surge):
        policies = [policy_of(low=low) for low in (1, 3, 1)]
        with self.evaluator(calibrated, platform_of, surge) as evaluator:
            found = evaluator.evaluate(policies)
        for policy, evaluation in zip(policies, found, strict=True):
            runs = simulate(calibrated(), platform_of(), policy, surge, duration_seconds=120, seeds=(1, 2, 3), phases=1).runs
            assert evaluation.cost.tolist() == [run.cost() for run in runs]
            assert evaluation.violation.tolist() == [run.violation for run in runs]
            assert evaluation.cost_by_service["shop"].tolist() == evaluation.cost.tolist()
        # a warm reserve costs more and violates less
        assert found[1].cost_estimate.value > found[0].cost_estimate.value
        assert found[1].violation_estimate.value < found[0].violation_estimate.value

    def test_a_few_seeds_first(self, calibrated, platform_of, policy_of, surge):
        with self.evaluator(calibrated, platform_of, surge) as evaluator:
            few = evaluator.evaluate([policy_of()], seeds=(2,))[0]
            every = evaluator.evaluate([policy_of()])[0]
        assert few.cost.tolist() == [every.cost[1]]

    def test_nothing_is_simulated_twice(self, calibrated, platform_of, policy_of, steady, monkeypatch):
        from scaleproof.simulator import evaluator as module

        served = []
        real = module.serve
        monkeypatch.setattr(module, "serve", lambda setup, *rest: (served.append(setup.name), real(setup, *rest))[1])
        calibration = calibrated(page={"calls": {"shop": 1.0}})
        page, other = policy_of("page", "shop").services["page"], policy_of("shop", low=2).services["shop"]
        base = policy_of("page", "shop")
        changed = base.model_copy(update={"services": {"page": page, "shop": other}})
        with Evaluator(
            calibration, platform_of("page", "shop"), {"page": steady(4, 30)}, duration_seconds=30, seeds=(1,)
        ) as evaluator:
            evaluator.evaluate([base])
            evaluator.evaluate([base])
            evaluator.evaluate([changed])
        # the caller once; the callee once a policy of its own
        assert served == ["page", "shop", "shop"]

    def test_cost_up_to_a_common_end(self, calibrated, platform_of, policy_of, surge):
        with self.evaluator(calibrated, platform_of, surge, cost_until_seconds=300.0) as evaluator:
            found = evaluator.evaluate([policy_of(low=2, high=2)])[0]
        assert found.cost == pytest.approx(2 * 300 * 0.2)

    @pytest.mark.parametrize("changes", [{"duration_seconds": 0}, {"seeds": ()}, {"phases": 0}])
    def test_nothing_to_simulate_is_refused(self, calibrated, platform_of, surge, changes):
        with pytest.raises(BadInputError, match="expected a duration above 0"):
            self.evaluator(calibrated, platform_of, surge, **changes)

    def test_services_must_be_calibrated_and_have_a_policy(self, calibrated, platform_of, policy_of, surge):
        with (
            self.evaluator(calibrated, platform_of, surge) as evaluator,
            pytest.raises(BadInputError, match="policy: service shop"),
        ):
            evaluator.evaluate([policy_of("other")])
        with (
            Evaluator(calibrated(), platform_of("shop", "new"), surge, duration_seconds=9, seeds=(1,)) as evaluator,
            pytest.raises(BadInputError, match="calibration: service new is missing"),
        ):
            evaluator.evaluate([policy_of("shop", "new")])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), low=st.integers(1, 3), rate=st.floats(1, 60))
def test_whatever_happens_the_books_balance(calibrated, platform_of, policy_of, seed, low, rate):
    calibration, platform, policy = calibrated(), platform_of(), policy_of
    arrivals = {"shop": np.sort(np.random.default_rng(seed).random(int(rate * 40))) * 40}
    run = simulate(
        calibration, platform, policy(low=low), arrivals, duration_seconds=40, seeds=(seed,), phases=1, assumptions=EXACT
    ).runs[0]
    shop = run.services["shop"]
    # every request has one end, and only a good end has a latency
    assert shop.latency_seconds.size == shop.status.size == arrivals["shop"].size
    assert (np.isfinite(shop.latency_seconds) == (shop.status == layout.SERVED_OK)).all()
    assert (shop.latency_seconds > 0).all()
    # replica-seconds from lives and from the time series agree within a second a replica that changed
    assert run.replica_seconds(40.0) == pytest.approx(shop.seconds[:, layout.SECOND_TOTAL].sum(), abs=shop.lived.shape[0] + 1)
    assert shop.seconds[:, layout.SECOND_TOTAL].min() >= 1
    # CPU stays within the quotas
    assert shop.seconds[:, layout.SECOND_CPU].max() <= shop.seconds[:, layout.SECOND_TOTAL].max() * 0.3 + 1e-9


class TestIntervals:
    def test_nineteen_runs_span_ninety_per_cent(self):
        found = estimate([float(value) for value in range(1, 20)])
        assert (found.low, found.value, found.high) == (1.0, 10.0, 19.0)

    def test_few_runs_give_least_and_greatest(self):
        found = estimate([3.0, 1.0, 2.0])
        assert (found.low, found.value, found.high) == (1.0, 2.0, 3.0)

    def test_infinities_stay_and_unknowns_go(self):
        assert estimate([np.inf, np.inf, np.nan]).value == np.inf
        assert np.isnan(estimate([np.nan]).low)

    def test_a_band_is_one_estimate_a_row(self):
        found = band([np.array([1.0, np.nan]), np.array([3.0, np.nan])])
        assert (found.low[0], found.median[0], found.high[0]) == (1.0, 2.0, 3.0)
        assert np.isnan(found.median[1])


class TestHeld:
    model = ReplicaModel(cpu_seconds=0.01, variation=1.0, limit_cores=0.25)

    def test_capacity_is_the_rate_at_which_the_share_is_met(self):
        found = capacity(self.model, threshold_seconds=0.5, share=0.95, duration_seconds=60)
        assert 10 < found < 25
        below, above = (simulate_held(self.model, rate_per_second=rate, seed=1) for rate in (0.7 * found, 1.3 * found))
        assert below.share_within(0.5) > 0.95 > above.share_within(0.5)

    def test_two_replicas_hold_twice_as_much_and_more(self):
        one, two = (
            capacity(self.model, threshold_seconds=0.5, share=0.95, replicas=count, duration_seconds=60) for count in (1, 2)
        )
        assert two >= 1.9 * one

    def test_a_threshold_below_the_work_itself_holds_nothing(self):
        assert capacity(self.model, threshold_seconds=1e-6, share=0.95, duration_seconds=20) < 1

    def test_cpu_is_rate_times_work(self):
        assert simulate_held(self.model, rate_per_second=10, seed=2).cores == pytest.approx(0.1, rel=0.1)

    def test_without_requests_there_is_no_percentile(self):
        step = simulate_held(self.model, rate_per_second=0, duration_seconds=10)
        assert np.isnan(step.percentile_seconds(95))
        assert step.share_within(0.1) == 1.0
