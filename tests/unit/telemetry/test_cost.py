from __future__ import annotations

import pytest

from scaleproof.telemetry.cost import cost, replica_counts, replica_lifetimes, steady_since


def samples(service, replica, first, last, state="ready"):
    return [
        {"time_s": float(t), "service": service, "replica": replica, "state": state, "throttled_share": 0.1}
        for t in range(first, last + 1)
    ]


def test_replica_seconds_count_from_creation_to_end_times_the_request(make_run):
    # timeline: a lives throughout; b from 4 to 8; the load ends at 10, observation at 12
    run = make_run(replicas=[*samples("orders", "a", 0, 12), *samples("orders", "b", 4, 7)])
    spent = cost(run)
    assert spent.until_s == 10.0
    assert spent.replica_seconds["orders"] == 10 + 4
    assert spent.core_seconds["orders"] == pytest.approx(14 * 0.2)
    assert spent.replica_seconds["dashboard"] == 0
    assert spent.total_replica_seconds == 14
    assert spent.total_core_seconds == pytest.approx(2.8)


def test_events_give_the_exact_moments(make_run):
    events = [
        {"time_s": 3.25, "kind": "created", "component": "orders", "replica": "b", "message": ""},
        {"time_s": 7.5, "kind": "stopped", "component": "orders", "replica": "b", "message": ""},
    ]
    run = make_run(replicas=[*samples("orders", "a", 0, 10), *samples("orders", "b", 4, 7)], events=events)
    lives = replica_lifetimes(run).set_index("replica")
    assert lives.loc["b", ["created_s", "ended_s"]].tolist() == [3.25, 7.5]
    assert lives.loc["a", ["created_s", "ended_s"]].tolist() == [0.0, 10.0]


def test_cost_counts_until_the_way_back_to_the_steady_count(make_run):
    # b outlives the load by 5 s; from 16 on there is one replica again
    run = make_run(replicas=[*samples("orders", "a", 0, 20), *samples("orders", "b", 2, 15), *samples("dashboard", "d", 0, 20)])
    assert steady_since(run) == 16.0
    spent = cost(run)
    assert spent.until_s == 16.0
    assert spent.replica_seconds == {"orders": 16 + 14, "dashboard": 16}


def test_a_run_is_taken_to_stay_steady_beyond_its_observation(make_run):
    run = make_run(replicas=[*samples("orders", "a", 0, 12), *samples("dashboard", "d", 0, 12)])
    assert cost(run, until_s=100.0).replica_seconds == {"orders": 100, "dashboard": 100}


def test_a_service_that_never_comes_back_is_counted_as_far_as_it_was_seen(make_run):
    run = make_run(replicas=[*samples("orders", "a", 0, 20), *samples("orders", "b", 2, 20), *samples("dashboard", "d", 0, 20)])
    assert steady_since(run) is None
    assert cost(run).until_s == 20.0


def test_counts_at_every_sample(make_run):
    run = make_run(replicas=[*samples("orders", "a", 0, 2), *samples("orders", "b", 1, 2, state="starting")])
    table = replica_counts(run, "orders")
    assert table["total"].tolist() == [1, 2, 2]
    assert table["ready"].tolist() == [1, 1, 1]


def test_without_samples_nothing_is_spent(make_run):
    assert cost(make_run()).total_core_seconds == 0
