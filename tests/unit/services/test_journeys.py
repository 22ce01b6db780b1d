"""What the reference platform's users do, as Locust sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from service_processes import ROOT


def journeys_of(locustfile: str) -> list[dict[str, Any]]:
    """Read in a process of its own: Locust patches whatever imports it."""
    command = [sys.executable, "-m", "scaleproof.load.inspect_locustfile", locustfile]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    found: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])["journeys"]
    return found


@pytest.fixture(scope="module")
def shares() -> dict[tuple[str, str], float]:
    """Share of all requests by service and task."""
    journeys = journeys_of("loadtests/locustfile.py")
    users = sum(journey["weight"] for journey in journeys)
    return {
        (task["service"], f"{journey['name']}.{task['name']}"): journey["weight"]
        / users
        * task["weight"]
        / sum(each["weight"] for each in journey["tasks"])
        for journey in journeys
        for task in journey["tasks"]
    }


def test_every_task_says_which_service_it_calls(shares: dict[tuple[str, str], float]):
    assert {service for service, _ in shares} == {"identity", "orders", "dashboard"}
    assert sum(shares.values()) == pytest.approx(1)


def test_four_of_five_requests_are_for_orders(shares: dict[tuple[str, str], float]):
    assert sum(share for (service, _), share in shares.items() if service == "orders") == pytest.approx(0.815, abs=0.02)


def test_a_few_renew_their_token_ahead_of_time_whoever_they_are(shares: dict[tuple[str, str], float]):
    refreshing = {task: share for (service, task), share in shares.items() if service == "identity"}
    assert set(refreshing) == {f"{name}.refresh" for name in ("BrowsingCustomer", "Buyer", "SettingsUser", "Staff")}
    assert 0.03 < sum(refreshing.values()) < 0.06


def test_most_look_and_few_write(shares: dict[tuple[str, str], float]):
    writing = sum(share for (_, task), share in shares.items() if task.endswith(("place_order", "write_settings")))
    assert 0.05 < writing < 0.15


def test_an_opened_dashboard_is_seven_calls_at_once_to_three_services():
    [journey] = journeys_of("loadtests/dashboard_users.py")
    services = {task["name"]: task["service"] for task in journey["tasks"]}
    [page] = [task for task in journey["tasks"] if task["together"]]
    called = sorted(services[name] for name in (page["name"], *page["together"]))
    assert called == ["dashboard"] * 4 + ["identity"] + ["orders"] * 2
    assert page["weight"] / sum(task["weight"] for task in journey["tasks"]) == pytest.approx(0.8)
