from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.world import policy, truth
from scaleproof.tuner.capacity_plan import peak_rates, replicas_allowed, replicas_needed

LIMITS = {"orders": 150, "dashboard": 150}


def with_bottleneck(replicas: int):
    found = truth()
    orders = found.services["orders"].model_copy(update={"bottleneck": "the datastores", "highest_replicas": replicas})
    return found.model_copy(update={"services": {**found.services, "orders": orders}})


def test_peak_is_the_busiest_ten_seconds_and_holds_the_calls_of_others():
    quiet, busy = np.arange(0, 100, 1.0), np.arange(100, 120, 0.05)
    rates = peak_rates({"orders": np.concatenate([quiet, busy]), "dashboard": np.arange(0, 120, 0.1)}, truth())
    assert rates["dashboard"] == pytest.approx(10, rel=0.02)
    assert rates["orders"] == pytest.approx(20 + 0.5 * 10, rel=0.02)


def test_nobody_comes():
    assert peak_rates({"orders": np.zeros(0)}, truth()) == {"orders": 0.0, "dashboard": 0.0}
    assert replicas_needed(truth(), {}) == {"orders": 1, "dashboard": 1}


def test_need_is_rate_by_capacity():
    assert replicas_needed(truth(), {"orders": 41.0, "dashboard": 15.0}) == {"orders": 3, "dashboard": 1}


def test_the_need_comes_first_and_headroom_after():
    allowed = replicas_allowed(truth(), policy(), {"orders": 4, "dashboard": 2}, 1200)
    assert allowed == {"orders": 5, "dashboard": 3}


def test_what_cannot_fit_is_shared_by_need():
    assert replicas_allowed(truth(), policy(), {"orders": 8, "dashboard": 2}, 750) == {"orders": 4, "dashboard": 1}


def test_a_shared_bottleneck_bounds_the_replicas():
    assert replicas_allowed(with_bottleneck(3), policy(), {"orders": 4, "dashboard": 1}, 5000)["orders"] == 3


@given(st.integers(1, 30), st.integers(1, 30), st.integers(300, 6000))
def test_the_budget_is_never_exceeded(orders, dashboard, budget):
    allowed = replicas_allowed(truth(), policy(), {"orders": orders, "dashboard": dashboard}, budget)
    assert sum(allowed[name] * LIMITS[name] for name in allowed) <= budget
    assert min(allowed.values()) >= 1
