"""An overload of 100 requests/s on one replica, of which it serves some."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scaleproof.tuner.overload_fit import FILL_SECONDS, OVERLOAD_SECONDS, Shedding, fit_shedding
from scaleproof.tuner.staircase import Climb, Staircase

RATE = 100.0


def overload(served_every: int, seconds: float, *, cores: float = 0.15, refused_status: int = 503) -> Climb:
    """Every so-many-th request is served after `seconds`; the others are refused after 10 ms."""
    sent = np.arange(0, OVERLOAD_SECONDS, 1 / RATE)
    ok = np.arange(sent.size) % served_every == 0
    requests = pd.DataFrame({"service": "orders", "sent_s": sent, "finished_s": sent + np.where(ok, seconds, 0.01), "ok": ok})
    requests["status"] = np.where(ok, 200, refused_status)
    times = np.arange(-2.0, OVERLOAD_SECONDS + 1)
    replicas = pd.DataFrame({"time_s": times, "service": "orders", "replica": "orders-0", "state": "ready", "cpu_cores": cores})
    staircase = Staircase(frozenset({"orders"}), (RATE,), OVERLOAD_SECONDS)
    return Climb(staircase=staircase, replicas={"orders": 1}, tables={"requests": requests, "replicas": replicas})


def fitted(climb: Climb, *, cpu_seconds: float = 0.002, wait_seconds: float = 0.0) -> Shedding | None:
    return fit_shedding("orders", climb, cpu_seconds=cpu_seconds, idle_cores=0.0, wait_seconds=wait_seconds)


def test_half_are_served_after_half_a_second():
    found = fitted(overload(2, 0.5))
    assert found is not None
    # 50 a second that wait 0.5 s are 25 in the queue; 0.15 cores less 50 x 2 ms leave 50 ms for 50 refusals a second
    assert found.queue_limit == pytest.approx(25, rel=0.03)
    assert found.rejection_cpu_seconds == pytest.approx(0.001, rel=0.05)


def test_who_waits_for_others_does_not_queue_for_the_cpu():
    found = fitted(overload(2, 0.5), wait_seconds=0.1)
    assert found is not None
    assert found.queue_limit == pytest.approx(20, rel=0.03)


@pytest.mark.parametrize(("cores", "cpu_seconds"), [(0.05, 0.001), (1.0, 0.003)])
def test_a_refusal_costs_neither_less_than_nothing_nor_more_than_an_answer(cores, cpu_seconds):
    found = fitted(overload(2, 0.5, cores=cores), cpu_seconds=cpu_seconds)
    assert found is not None
    assert 0 <= found.rejection_cpu_seconds <= cpu_seconds


@pytest.mark.parametrize(
    ("gloss", "climb"),
    [
        ("everybody is served", overload(1, 3.0)),
        ("timeouts are no refusals", overload(2, 3.0, refused_status=0)),
        ("nobody is served", overload(10**6, FILL_SECONDS)),
    ],
)
def test_no_limit(gloss, climb):
    assert fitted(climb) is None, gloss
