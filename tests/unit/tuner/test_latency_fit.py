from __future__ import annotations

import pytest

from scaleproof.simulator.calibration import CalibrationStep
from scaleproof.simulator.held import ReplicaModel, simulate_held
from scaleproof.tuner.latency_fit import fit_latency

TRUTH = ReplicaModel(cpu_seconds=0.005, variation=1.0, limit_cores=0.15, wait_seconds=0.004, idle_cores=0.003)


def measured(model: ReplicaModel, rate: float, seconds: float = 400) -> CalibrationStep:
    held = simulate_held(model, rate_per_second=rate, duration_seconds=seconds, seed=77)
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
