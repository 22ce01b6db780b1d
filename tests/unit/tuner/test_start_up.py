from __future__ import annotations

import pandas as pd
import pytest

from scaleproof.telemetry.run import empty_table
from scaleproof.tuner.start_up import start_up

NO_EVENTS = empty_table("events")


def life(replica: str, states: list[tuple[float, str, float]], service: str = "orders") -> pd.DataFrame:
    rows = [
        {"time_s": t, "service": service, "replica": replica, "state": state, "cpu_cores": cores, "memory_bytes": 1}
        for t, state, cores in states
    ]
    return pd.DataFrame(rows)


def test_two_starts_give_a_range_and_their_burn():
    table = pd.concat(
        [
            life("a", [(1, "starting", 0.1), (2, "starting", 0.2), (5, "ready", 0.0)]),  # 4 s
            life("b", [(10, "starting", 0.15), (16, "ready", 0.0)]),  # 6 s
        ]
    )
    found = start_up(table, NO_EVENTS, "orders")
    assert found.seconds == pytest.approx((4 * 0.9, 6 * 1.15))
    assert (found.burn_seconds, found.seen) == (5.0, 2)
    assert found.burn_cores == pytest.approx(0.15)


def test_events_are_more_exact_than_samples():
    table = life("a", [(1, "starting", 0.1), (5, "ready", 0.0)])
    events = pd.DataFrame(
        [
            {"time_s": 0.4, "kind": "created", "component": "orders", "replica": "a", "message": ""},
            {"time_s": 4.2, "kind": "ready", "component": "orders", "replica": "a", "message": ""},
        ]
    )
    assert start_up(table, events, "orders").burn_seconds == pytest.approx(3.8)


@pytest.mark.parametrize(
    "states",
    [
        [(1, "ready", 0.0), (2, "ready", 0.0)],  # was there before
        [(1, "starting", 0.1), (2, "starting", 0.1)],  # never ready
        [(1, "ready", 0.0), (2, "starting", 0.1)],  # a restart
    ],
)
def test_what_is_no_start(states):
    assert start_up(life("a", states), NO_EVENTS, "orders") is None


def test_other_services_do_not_count():
    assert start_up(life("a", [(1, "starting", 0.1), (5, "ready", 0.0)]), NO_EVENTS, "dashboard") is None
