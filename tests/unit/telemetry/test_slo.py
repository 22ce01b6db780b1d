from __future__ import annotations

import pytest

from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.slo import Violation, served_share, violation

# orders: 100 ms; dashboard: 500 ms
FATES = [
    (0.0, "orders", 0.0, 0.05, ""),  # good
    (1.0, "orders", 1.0, 1.2, ""),  # slow: 200 ms
    (2.0, "orders", 2.3, 2.35, ""),  # slow: 50 ms from sending, but 350 ms from the intended time
    (3.0, "orders", 3.0, 3.01, "http 503"),  # failed, however fast
    (4.0, "orders", None, None, ""),  # never sent
    (5.0, "dashboard", 5.0, 5.2, ""),  # good: its own threshold is 500 ms
    (6.0, "dashboard", 6.0, float("nan"), "unfinished"),  # failed
]


def test_each_intended_request_has_one_fate(make_run):
    run = make_run(FATES)
    assert violation(run) == Violation(intended=7, failed=2, never_sent=1, slow=2)
    assert violation(run).share == pytest.approx(5 / 7)
    assert violation(run, "orders") == Violation(intended=5, failed=1, never_sent=1, slow=2)
    assert violation(run, "dashboard") == Violation(intended=2, failed=1, never_sent=0, slow=0)


def test_a_window_takes_the_requests_intended_in_it(make_run):
    run = make_run(FATES)
    assert violation(run, start_s=2.0, end_s=4.0) == Violation(intended=2, failed=1, never_sent=0, slow=1)
    assert violation(run, "nobody").share == 0.0


def test_served_means_answered_without_failure_however_late(make_run):
    run = make_run(FATES)
    assert served_share(run) == pytest.approx(4 / 7)
    assert served_share(run, 0.0, 3.0) == 1.0
    assert served_share(run, 100.0, 200.0) == 1.0
    assert served_share(run, service="dashboard") == 0.5


def test_a_later_step_counts_for_the_service_it_went_to(make_run):
    second = {
        "action": 0,
        "step": 1,
        "service": "dashboard",
        "name": "x",
        "intended_s": 0.05,
        "sent_s": 0.05,
        "finished_s": 1.0,
        "status": 200,
        "ok": True,
        "error": "",
    }
    run = make_run(FATES[:1], later_steps=[second])
    assert violation(run, "orders") == Violation(intended=1, failed=0, never_sent=0, slow=0)
    assert violation(run, "dashboard") == Violation(intended=1, failed=0, never_sent=0, slow=1)
    assert intended_requests(run)["step"].tolist() == [0, 1]


def test_a_run_without_requests_violates_nothing(make_run):
    assert violation(make_run()).share == 0.0
