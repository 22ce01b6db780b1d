from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.world import platform, policy, truth
from scaleproof.spec.platform import Platform
from scaleproof.tuner.capacity_plan import connections_of, peak_rates, replicas_allowed, replicas_needed, usable_connections

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
    allowed = replicas_allowed(truth(), policy(), {"orders": 4, "dashboard": 2}, 1200, platform())
    assert allowed == {"orders": 5, "dashboard": 3}


def test_what_cannot_fit_is_shared_by_need():
    assert replicas_allowed(truth(), policy(), {"orders": 8, "dashboard": 2}, 750, platform()) == {"orders": 4, "dashboard": 1}


def test_a_shared_bottleneck_bounds_the_replicas():
    assert replicas_allowed(with_bottleneck(3), policy(), {"orders": 4, "dashboard": 1}, 5000, platform())["orders"] == 3


@given(st.integers(1, 30), st.integers(1, 30), st.integers(300, 6000))
def test_the_budget_is_never_exceeded(orders, dashboard, budget):
    allowed = replicas_allowed(truth(), policy(), {"orders": orders, "dashboard": dashboard}, budget, platform())
    assert sum(allowed[name] * LIMITS[name] for name in allowed) <= budget
    assert min(allowed.values()) >= 1


def with_pools(max_connections: int, *, orders: int | None = 4, dashboard: int | None = None) -> Platform:
    pools = {"orders": orders, "dashboard": dashboard}
    found = platform().model_dump(mode="json")
    found["postgres"] = {"max_connections": max_connections, "reserved_connections": 3}
    for name, size in pools.items():
        found["services"][name]["postgres_connections"] = size
    return Platform.model_validate(found)


@pytest.mark.parametrize(("connections", "orders", "gloss"), [
    (27, 4, "4 × (4 + 1) = 20 fit into 24, 4 × (5 + 2) = 28 do not"),
    (31, 5, "28 fit into 28"),
    (100, 6, "room for more than are needed"),
    (5, 1, "one is always allowed: whether it fits is what `lint` says"),
])  # fmt: skip
def test_all_connections_and_those_of_a_rollout_fit_the_database(connections: int, orders: int, gloss: str):
    allowed = replicas_allowed(truth(), policy(), {"orders": 2, "dashboard": 1}, 5000, with_pools(connections))
    assert allowed == {"orders": orders, "dashboard": 4}, gloss


def test_without_pools_or_a_database_there_is_nothing_to_fit():
    assert usable_connections(platform()) is None
    assert usable_connections(with_pools(10, orders=None)) is None
    assert usable_connections(with_pools(10)) == 7
    assert connections_of(with_pools(10, dashboard=2), {"orders": 4, "dashboard": 1, "gone": 9}) == 4 * 5 + 2 * 2
