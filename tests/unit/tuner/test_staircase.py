from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scaleproof.tuner.staircase import Climb, Staircase, rate_per_user

STAIRS = Staircase(frozenset({"orders"}), (10.0, 20.0), 5.0)


def test_the_shape_holds_every_rate():
    shape = STAIRS.shape()
    users = shape.users_at(np.array([0.0, 4.9, 5.1, 9.9]), 40)
    assert list(users) == [20, 20, 40, 40]
    assert shape.duration_seconds == STAIRS.duration_seconds == 10


def test_the_plan_has_users_for_the_highest_rate():
    plan = STAIRS.plan(rate_per_user=0.5, think_seconds=(1.0, 3.0), most_users=100, seed=3, locustfile=Path("file.py"))
    assert (plan.users, plan.services, plan.seed) == (40, frozenset({"orders"}), 3)
    assert plan.think_seconds == (1.0, 3.0)


@pytest.mark.parametrize(
    ("most_users", "users", "think"),
    [
        (50, 50, (1.25, 3.75)),  # no more than the load has, so they think less
        (1000, 200, (5.0, 15.0)),
    ],
)
def test_as_many_users_as_the_load_has(most_users, users, think):
    plan = STAIRS.plan(rate_per_user=0.1, think_seconds=(5.0, 15.0), most_users=most_users, seed=3, locustfile=Path("file.py"))
    assert (plan.users, plan.think_seconds) == (users, think)


def test_nobody_thinks_longer_than_it_lasts():
    plan = STAIRS.plan(rate_per_user=0.05, think_seconds=(10.0, 30.0), most_users=1000, seed=3, locustfile=Path("file.py"))
    assert (plan.users, plan.think_seconds) == (200, (5.0, 15.0))


def test_rate_per_user_of_a_schedule():
    assert rate_per_user(pd.DataFrame({"action": range(600)}), users=20, seconds=60) == 0.5


def climb(cores: dict[float, float], finished: list[float], *, replicas: int = 1, slow: int = 0) -> Climb:
    """Samples of CPU by time, and requests that all take 10 ms but for the first `slow` ones."""
    samples = pd.DataFrame(
        [
            {"time_s": t, "service": "orders", "replica": f"r{n}", "state": "ready", "cpu_cores": c / replicas}
            for t, c in cores.items()
            for n in range(replicas)
        ]
    )
    ends = np.array(finished)
    requests = pd.DataFrame({"action": np.arange(ends.size), "step": 0, "service": "orders", "finished_s": ends, "ok": True})
    latency = np.where(np.arange(ends.size) < slow, 0.4, 0.01)
    schedule = pd.DataFrame({"action": np.arange(ends.size), "service": "orders", "intended_s": ends - latency})
    tables = {"replicas": samples, "requests": requests, "schedule": schedule}
    return Climb(staircase=STAIRS, replicas={"orders": replicas}, tables=tables)


EVERY_TENTH = list(np.arange(0.05, 5, 0.1)) + list(np.arange(5.025, 10, 0.05))  # 10/s, then 20/s


def test_quiet_seconds_before_the_load_give_idle_use():
    assert climb({-2.0: 0.01, -1.0: 0.02, 0.0: 0.03, 1.0: 0.5}, [1.0], replicas=2).idle_cores("orders") == pytest.approx(0.0125)


def test_no_quiet_second_was_seen():
    assert climb({1.0: 0.5, 2.0: 0.5}, [1.5]).idle_cores("orders") is None


def test_spent_counts_requests_of_exactly_the_samples_time():
    found = climb({float(t): 0.05 if t <= 5 else 0.1 for t in range(11)}, EVERY_TENTH).spent("orders")
    assert [(s.requests, round(s.cpu_seconds, 6), s.seconds) for s in found] == [(50, 0.25, 5.0), (100, 0.5, 5.0)]


def test_an_overloaded_step_does_not_count():
    half_answered = list(np.arange(0.05, 5, 0.1)) + list(np.arange(5.05, 10, 0.1))  # 10/s although 20/s were sent
    assert len(climb({float(t): 0.1 for t in range(11)}, half_answered).spent("orders")) == 1


def test_where_all_is_overload_the_first_step_is_given():
    found = climb({float(t): 0.15 for t in range(11)}, list(np.arange(0.5, 10, 0.5))).spent("orders")
    assert [s.requests for s in found] == [10]


def test_a_sample_without_one_of_the_replicas_is_left_out():
    whole = climb({float(t): 0.1 for t in range(11)}, EVERY_TENTH, replicas=2)
    table = whole.tables["replicas"]
    broken = table[~((table["time_s"] == 3.0) & (table["replica"] == "r1"))]
    seen = Climb(staircase=STAIRS, replicas={"orders": 2}, tables={**whole.tables, "replicas": broken}).samples("orders")
    assert 3.0 not in set(seen["end_s"])


def test_steps_say_latency_share_and_rate():
    first, second = climb({float(t): 0.1 for t in range(11)}, EVERY_TENTH, slow=80).steps("orders", 0.3)
    assert (first.good_share, second.good_share) == (0.0, pytest.approx(0.91, abs=0.03))
    assert first.p95_seconds == pytest.approx(0.4)
    assert second.p50_seconds == pytest.approx(0.01)
    assert second.rate_per_replica == pytest.approx(20, rel=0.03)
    assert second.cores_per_replica == pytest.approx(0.1)


def test_cpu_of_a_step_holds_nothing_of_the_next_one_and_of_the_end():
    """Samples end half a second after the full one: that over an edge belongs to neither step."""
    samples = {t + 0.5: 0.05 if t < 5 else 0.1 if t < 10 else 0.0 for t in range(-1, 12)}
    first, second = climb(samples, EVERY_TENTH).steps("orders", 0.3)
    assert (first.cores_per_replica, second.cores_per_replica) == (pytest.approx(0.05), pytest.approx(0.1))


def test_a_step_without_any_answer():
    silent = climb({1.0: 0.1, 2.0: 0.1}, [1.0])
    nothing = {**silent.tables, "requests": silent.tables["requests"].iloc[:0]}
    step = Climb(staircase=STAIRS, replicas={"orders": 1}, tables=nothing).steps("orders", 0.3)[0]
    assert (step.rate_per_replica, step.good_share, step.p95_seconds) == (0.0, 0.0, 1e6)
