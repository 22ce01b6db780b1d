"""One replica of 150m under two overloads. What it serves and refuses is known; the fit has to find out why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scaleproof.tuner.overload_fit import Overload, fit_overload
from scaleproof.tuner.staircase import Climb, Staircase

LIMIT = 0.15
OVERLOAD_SECONDS = 5.0


def overload(
    *steps: tuple[float, float], seconds: float = 0.2, cores: float = LIMIT, refused_status: int = 503, idle: float = 0.0
) -> Climb:
    """Steps of (requests/s, share of them served after `seconds`); the others are refused after 10 ms."""
    parts = []
    for index, (rate, share) in enumerate(steps):
        sent = index * OVERLOAD_SECONDS + np.arange(0, OVERLOAD_SECONDS, 1 / rate)
        ok = np.floor(np.arange(1, sent.size + 1) * share) > np.floor(np.arange(sent.size) * share)
        parts.append(pd.DataFrame({"sent_s": sent, "finished_s": sent + np.where(ok, seconds, 0.01), "ok": ok}))
    requests = pd.concat(parts).assign(service="orders")
    requests["status"] = np.where(requests["ok"], 200, refused_status)
    times = np.arange(-2.0, len(steps) * OVERLOAD_SECONDS + 1)
    replicas = pd.DataFrame(
        {"time_s": times, "service": "orders", "replica": "orders-0", "state": "ready", "cpu_cores": cores + idle}
    )
    staircase = Staircase(frozenset({"orders"}), tuple(rate for rate, _ in steps), OVERLOAD_SECONDS)
    return Climb(staircase=staircase, replicas={"orders": 1}, tables={"requests": requests, "replicas": replicas})


def fitted(climb: Climb, *, idle: float = 0.0, wait: float = 0.0) -> Overload:
    return fit_overload("orders", climb, limit_cores=LIMIT + idle, idle_cores=idle, wait_seconds=wait)


def served(rate: float, busy: float, rejection: float) -> tuple[float, float]:
    """(rate, share served) of a replica that uses up its limit: served x busy + (rate - served) x rejection = 0.15."""
    return rate, (LIMIT - rate * rejection) / (busy - rejection) / rate


def test_two_overloads_tell_what_requests_and_refusals_cost():
    climb = overload(served(250, 0.001, 0.0002), served(420, 0.001, 0.0002), idle=0.003)
    found = fitted(climb, idle=0.003)
    assert found.busy_seconds == pytest.approx(0.001, rel=0.03)
    assert found.rejection_cpu_seconds == pytest.approx(0.0002, rel=0.2)


def test_the_limit_is_what_waits_in_the_queue():
    step = served(300, 0.001, 0.0002)
    # 112.5 served a second that waited 0.2 s are 22.5; without the 0.1 s that they wait for others, half
    assert fitted(overload(step)).queue_limit == pytest.approx(22.5, rel=0.05)
    assert fitted(overload(step), wait=0.1).queue_limit == pytest.approx(11.25, rel=0.05)


def test_one_overload_cannot_tell_both_so_a_refusal_costs_what_is_usual():
    found = fitted(overload(served(400, 0.001, 0.0002)))
    assert found.busy_seconds == pytest.approx(0.001, rel=0.03)
    assert found.rejection_cpu_seconds == pytest.approx(0.0002, rel=0.1)


@pytest.mark.parametrize("speeds", [(0.9, 1.1), (1.1, 0.9)])
def test_a_machine_that_is_faster_in_one_step_makes_refusals_neither_free_nor_dear(speeds):
    steps = [served(rate, 0.001 / speed, 0.0002 / speed) for rate, speed in zip((250, 420), speeds, strict=True)]
    found = fitted(overload(*steps))
    assert 0.0001 < found.rejection_cpu_seconds < 0.0004
    assert found.busy_seconds == pytest.approx(0.001, rel=0.16)


@pytest.mark.parametrize(
    ("gloss", "climb"),
    [
        ("everybody is served in the end", overload((160, 1.0), (300, 1.0), seconds=2.0)),
        ("timeouts are no refusals", overload((160, 0.9), (300, 0.5), refused_status=0)),
    ],
)
def test_no_limit(gloss, climb):
    found = fitted(climb)
    assert (found.queue_limit, found.rejection_cpu_seconds) == (None, 0.0), gloss


def test_a_quota_that_was_not_used_up_tells_no_cost():
    assert fitted(overload((100, 1.0), (120, 1.0), cores=0.1)).busy_seconds is None


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.3, 0.9)])
def test_a_refusal_costs_neither_less_than_nothing_nor_more_than_an_answer(shares):
    found = fitted(overload((200, shares[0]), (400, shares[1])))
    assert found.busy_seconds is not None
    assert 0 <= found.rejection_cpu_seconds <= found.busy_seconds


def test_nobody_is_served():
    assert fitted(overload((200, 0.0), (400, 0.0))) == Overload(None, None, 0.0)
