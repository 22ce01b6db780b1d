"""CPU a request: the same at every rate, or dearer where requests are rare."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaleproof.simulator.held import ReplicaModel, simulate_held
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.tuner.cpu_fit import CpuCurve, cpu_curve
from scaleproof.tuner.staircase import Spent


class FakeClimb:
    """Steps of 10 s on one replica, given as requests/s and CPU seconds a request."""

    def __init__(self, *steps: tuple[float, float], idle: float = 0.0) -> None:
        self.parts = [Spent(rate * 10, (rate * each + idle) * 10, 10.0, 1) for rate, each in steps]

    def spent(self, _service: str) -> list[Spent]:
        return self.parts


def curve(*steps: tuple[float, float], idle: float = 0.0, busy: float | None = None) -> CpuCurve:
    climb = FakeClimb(*steps, idle=idle)
    return cpu_curve("orders", [climb], idle_cores=idle, limit_cores=1.0, busy_seconds=busy)  # type: ignore[list-item]  # what a climb has spent is all it needs


def test_the_same_at_every_rate():
    found = curve((10, 0.002), (20, 0.002), (40, 0.002), (60, 0.002), idle=0.003)
    assert found.at(5) == pytest.approx(0.002)
    assert found.at(100) == pytest.approx(0.002)
    assert found.rate_at(0.1) == pytest.approx(50)


def test_rare_requests_are_dearer():
    truth = CpuCurve(0.0008, 0.0012, 0.02, 0.0)
    found = curve(*[(rate, truth.at(rate)) for rate in (10, 25, 50, 90, 140)])
    for rate in (10, 60, 140, 180):
        assert found.at(rate) == pytest.approx(truth.at(rate), rel=0.03)
    assert 0.05 < found.relative_error < 0.2


def test_rate_at_is_the_inverse():
    found = CpuCurve(0.0008, 0.0012, 0.02, 0.0)
    for rate in (1.0, 30.0, 170.0):
        assert found.rate_at(rate * found.at(rate)) == pytest.approx(rate)


def test_noise_widens_the_interval():
    calm = curve((10, 0.002), (20, 0.00201), (40, 0.00199), (60, 0.002))
    noisy = curve((10, 0.0026), (20, 0.0016), (40, 0.0023), (60, 0.0018))
    assert noisy.relative_error > 2 * calm.relative_error


def test_a_steep_curve_is_not_continued_below_what_was_seen():
    found = curve((10, 0.004), (20, 0.002), (40, 0.001))
    assert found.at(10_000) >= 0.0003


def test_an_overload_tells_what_requests_in_a_row_cost():
    truth = CpuCurve(0.0008, 0.0012, 0.02, 0.0)
    found = curve(*[(rate, truth.at(rate)) for rate in (10, 25, 50)], busy=0.0008)
    assert found.at(400) == pytest.approx(truth.at(400), rel=0.02)


def test_throttled_steps_do_not_count():
    climb = FakeClimb((10, 0.002), (20, 0.002), (40, 0.002), (60, 0.001))
    found = cpu_curve("orders", [climb], idle_cores=0.0, limit_cores=0.065)  # type: ignore[list-item]  # as above
    assert found.at(60) == pytest.approx(0.002)


def test_one_step_has_no_curve():
    assert curve((10, 0.002)).at(500) == pytest.approx(0.002)


def test_cpu_that_does_not_grow_is_said():
    with pytest.raises(CannotMeasureError, match="does not grow"):
        curve((10, 0.0), (20, 0.0))
    with pytest.raises(CannotMeasureError, match="no CPU sample"):
        curve()


def test_the_simulated_replica_costs_what_the_curve_says():
    """The curve is the mean over exponential gaps: what the kernel does with Poisson arrivals while nothing queues."""
    found = CpuCurve(0.0008, 0.0012, 0.02, 0.0)
    model = ReplicaModel(cpu_seconds=0.0008, variation=0.3, limit_cores=1.0, idle_factor=2.5, idle_seconds=0.02)
    for rate in (10.0, 60.0):
        held = simulate_held(model, rate_per_second=rate, duration_seconds=120)
        assert held.cores / rate == pytest.approx(found.at(rate), rel=0.06)
    plain = simulate_held(replace(model, idle_factor=1.0), rate_per_second=60.0, duration_seconds=120)
    assert plain.cores / 60 == pytest.approx(0.0008, rel=0.05)
