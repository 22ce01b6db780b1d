from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from scaleproof.simulator.calibration import CalibrationStep
from scaleproof.simulator.held import ReplicaModel, simulate_held
from scaleproof.tuner.latency_fit import Called, fit_latency, slowest_call, with_calls

TRUTH = ReplicaModel(cpu_seconds=0.005, variation=1.0, limit_cores=0.15, wait_seconds=0.004, idle_cores=0.003)


def measured(model: ReplicaModel, rate: float, seconds: float = 400, calls: Sequence[Called] = ()) -> CalibrationStep:
    held = simulate_held(model, rate_per_second=rate, duration_seconds=seconds, seed=77)
    held = replace(held, latency_seconds=with_calls(held.latency_seconds, calls, seed=78))
    return CalibrationStep(
        replicas=1,
        rate_per_replica=rate,
        p50_seconds=held.percentile_seconds(50),
        p95_seconds=held.percentile_seconds(95),
        good_share=held.share_within(0.3),
        cores_per_replica=held.cores,
        requests=held.arrivals.size,
    )


BARE = ReplicaModel(cpu_seconds=0.005, variation=0.5, limit_cores=0.15, idle_cores=0.003)


def test_long_steps_tell_variation_and_wait():
    fit = fit_latency(BARE, [measured(TRUTH, rate) for rate in (8, 15, 20, 25)], seed=1)
    assert fit.model.variation == 1.0
    assert fit.wait.value == pytest.approx(0.004, abs=0.0015)
    assert fit.wait.low <= fit.wait.value <= fit.wait.high


def test_the_fit_predicts_a_rate_that_it_did_not_see():
    fit = fit_latency(BARE, [measured(TRUTH, rate) for rate in (8, 15, 25)], seed=1)
    seen, predicted = measured(TRUTH, 20), measured(fit.model, 20)
    assert predicted.p95_seconds == pytest.approx(seen.p95_seconds, rel=0.25)


def test_steps_in_overload_do_not_count():
    quiet = [measured(TRUTH, rate) for rate in (8, 15, 20)]
    overloaded = measured(TRUTH, 36, seconds=20).model_copy(update={"rate_per_replica": 29.4})
    assert fit_latency(BARE, [*quiet, overloaded], seed=1) == fit_latency(BARE, quiet, seed=1)


def test_nothing_measured_keeps_what_is_usual():
    fit = fit_latency(BARE, [], seed=1)
    assert (fit.model, fit.wait.value) == (BARE, 0.0)


@pytest.mark.parametrize("wait_variation", [0.1, 0.3, 1.4])
def test_waits_that_hardly_differ_make_no_long_tail(wait_variation):
    truth = replace(TRUTH, variation=0.3, wait_variation=wait_variation)
    fit = fit_latency(BARE, [measured(truth, rate) for rate in (4, 8, 12, 15)], seed=1)
    assert fit.model.wait_variation == pytest.approx(wait_variation, abs=0.45)
    seen, predicted = measured(truth, 6), measured(fit.model, 6)
    assert predicted.p50_seconds == pytest.approx(seen.p50_seconds, rel=0.1)
    assert predicted.p95_seconds == pytest.approx(seen.p95_seconds, rel=0.15)


def test_a_dear_mood_of_the_machine_is_not_taken_for_variation():
    """Two steps near the quota needed a fifth more CPU than the curve says: their long tails are the quota's."""
    truth = replace(TRUTH, variation=0.3)
    dear = replace(truth, cpu_seconds=1.2 * truth.cpu_seconds)
    fit = fit_latency(BARE, [measured(truth, 8), measured(truth, 14), measured(dear, 20), measured(dear, 23)], seed=1)
    assert fit.model.variation == 0.3
    assert fit.model.cpu_seconds == BARE.cpu_seconds
    assert measured(fit.model, 6).p95_seconds == pytest.approx(measured(truth, 6).p95_seconds, rel=0.1)


ORDERS = ReplicaModel(
    cpu_seconds=0.00069, variation=0.5, limit_cores=0.1, idle_cores=0.0024, idle_factor=2.2, idle_seconds=0.02
)
# Of orders on a quiet machine: requests/s, p50 and p95 in ms, cores, requests. The curve says 0.072 and 0.084 cores at 70/s and 88/s.
ON_A_QUIET_MACHINE = [
    (17.1, 3.5, 4.6, 0.0263, 108),
    (35.6, 3.4, 4.6, 0.0466, 225),
    (51.7, 3.2, 4.7, 0.0596, 328),
    (69.8, 3.4, 37.0, 0.0800, 442),
    (88.4, 3.6, 37.9, 0.0948, 557),
]


def test_p95_under_low_load_is_what_was_measured_there():
    steps = [
        CalibrationStep(
            replicas=1,
            rate_per_replica=rate,
            p50_seconds=p50 / 1000,
            p95_seconds=p95 / 1000,
            good_share=1.0,
            cores_per_replica=cores,
            requests=requests,
        )
        for rate, p50, p95, cores, requests in ON_A_QUIET_MACHINE
    ]
    fit = fit_latency(ORDERS, steps, seed=1)
    for step in steps[:3]:
        assert measured(fit.model, step.rate_per_replica).p95_seconds == pytest.approx(step.p95_seconds, rel=0.25)


def test_a_step_whose_cpu_was_not_seen_is_judged_by_the_curve():
    unseen = [measured(TRUTH, rate).model_copy(update={"cores_per_replica": 0.0}) for rate in (8, 15, 20, 25)]
    assert fit_latency(BARE, unseen, seed=1).model.variation == 1.0


CALL = Called(count=0.6, wait_seconds=0.02, wait_variation=0.5, cpu_seconds=0.01, cpu_variation=0.3)


def test_what_the_called_services_take_is_not_a_wait_of_ones_own():
    fit = fit_latency(BARE, [measured(TRUTH, rate, calls=[CALL]) for rate in (4, 8, 15, 20)], seed=1, calls=[CALL])
    assert fit.wait.value == pytest.approx(0.004, abs=0.002)
    seen, predicted = measured(TRUTH, 10, calls=[CALL]), measured(fit.model, 10, calls=[CALL])
    assert predicted.p50_seconds == pytest.approx(seen.p50_seconds, rel=0.1)
    assert predicted.p95_seconds == pytest.approx(seen.p95_seconds, rel=0.2)


def test_calls_of_one_request_go_out_at_once():
    twice = Called(count=2.0, wait_seconds=0.02, wait_variation=0.0, cpu_seconds=0.01, cpu_variation=0.0)
    other = Called(count=1.0, wait_seconds=0.05, wait_variation=0.0, cpu_seconds=0.0, cpu_variation=0.0)
    assert with_calls(np.full(5, 0.001), [twice, other], seed=1) == pytest.approx(0.051)
    assert with_calls(np.full(5, 0.001), [twice], seed=1) == pytest.approx(0.031)
    assert slowest_call([twice, other]) == pytest.approx(0.05)
    assert slowest_call([]) == 0.0


def test_a_call_that_not_every_request_makes():
    times = with_calls(np.zeros(20_000), [CALL], seed=1)
    assert np.mean(times > 0) == pytest.approx(0.6, abs=0.02)
    assert times.mean() == pytest.approx(CALL.seconds, rel=0.05)
