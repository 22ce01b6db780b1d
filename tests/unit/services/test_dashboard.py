"""Each endpoint of the dashboard, with a real orders behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dashboard_issuer import Issuer
from service_processes import Replica, free_port

from services.common.tokens.principal import Role
from services.dashboard.schemas import RevenueOfDay
from services.dashboard.service import trend_of

API = "/api/v1/dashboard"


def days_of(*revenues: int) -> list[RevenueOfDay]:
    return [RevenueOfDay(day=date(2026, 1, 1 + n), orders=1, revenue_cents=cents) for n, cents in enumerate(revenues)]


@pytest.mark.parametrize(("revenues", "trend", "gloss"), [
    ((), None, "nothing was sold"),
    ((100,), None, "one day has no halves"),
    ((100, 150), 0.5, "half as much again"),
    ((100, 7, 150), 0.5, "the middle day is left out"),
    ((100, 100, 50, 100), -0.25, "a quarter less"),
    ((0, 100), None, "no growth can be told from nothing"),
])  # fmt: skip
def test_trend(revenues: tuple[int, ...], trend: float | None, gloss: str):
    assert trend_of(days_of(*revenues)) == trend, gloss


def test_overview_agrees_with_orders(dashboard: Replica, orders: Replica):
    orders.client.post("/api/v1/orders", json={"customer_id": 5, "items": [{"product_id": 7, "quantity": 3}]})
    overview = dashboard.client.get(f"{API}/overview", params={"days": 2}).json()
    revenue = orders.client.get("/api/v1/orders/revenue/daily", params={"days": 2}).json()
    newest = orders.client.get("/api/v1/orders", params={"limit": 10}).json()["orders"]
    assert overview["revenue_cents"] == revenue["total_cents"]
    assert overview["orders"] == sum(day["orders"] for day in revenue["days"]) >= 1
    assert overview["mean_order_cents"] == round(overview["revenue_cents"] / overview["orders"])
    assert [order["id"] for order in overview["newest"]] == [order["id"] for order in newest]
    assert sum(overview["by_status"].values()) == 10
    assert 'http_client_requests_total{callee="orders",status="200"}' in dashboard.client.get("/metrics").text


def test_a_user_who_never_chose_sees_the_defaults(dashboard: Replica):
    answer = dashboard.client.get(f"{API}/settings/new-user").json()
    assert answer == {
        "user_id": "new-user",
        "settings": {"theme": "system", "currency": "EUR", "days": 7, "widgets": ["revenue", "trend", "newest"]},
        "updated_at": None,
    }


def test_settings_are_kept_per_user_and_replaced_whole(dashboard: Replica):
    path = f"{API}/settings/user-1"
    first = dashboard.client.put(path, json={"theme": "dark", "widgets": ["trend"]}).json()
    assert dashboard.client.get(path).json() == first
    assert (first["settings"]["theme"], first["settings"]["widgets"]) == ("dark", ["trend"])
    second = dashboard.client.put(path, json={"currency": "USD"}).json()
    assert (second["settings"]["theme"], second["settings"]["currency"]) == ("system", "USD")
    assert second["updated_at"] > first["updated_at"]
    assert dashboard.client.get(f"{API}/settings/user-2").json()["updated_at"] is None


@pytest.mark.parametrize("wrong", [
    {"theme": "pink"}, {"currency": "euro"}, {"days": "7"}, {"days": 0}, {"widgets": ["clock"]}, {"widgets": ["trend"] * 4}, {"colour": "red"},
])  # fmt: skip
def test_wrong_settings_are_422_and_change_nothing(dashboard: Replica, wrong: dict):
    assert dashboard.client.put(f"{API}/settings/user-3", json=wrong).status_code == 422
    assert dashboard.client.get(f"{API}/settings/user-3").json()["updated_at"] is None


@pytest.mark.parametrize("user", ["a" * 65, "a.b", "a%20b", "%27"])
def test_a_wrong_user_id_is_422(dashboard: Replica, user: str):
    assert dashboard.client.get(f"{API}/settings/{user}").status_code == 422


@pytest.fixture
def lonely(environment: dict[str, str], tmp_path: Path) -> Iterator[Replica]:
    """A dashboard whose orders nobody serves."""
    nobody = f"http://127.0.0.1:{free_port()}"
    replica = Replica("dashboard", {**environment, "ORDERS_URL": nobody}, tmp_path / "dashboard.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()


def test_without_orders_the_overview_is_503_and_all_else_goes_on(lonely: Replica):
    answer = lonely.client.get(f"{API}/overview")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "temporarily_unavailable", "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert lonely.client.get(f"{API}/settings/user-1").status_code == 200
    assert lonely.status_of("/readyz") == 200
    assert 'http_client_requests_total{callee="orders",status="unconnected"}' in lonely.client.get("/metrics").text


def test_orders_are_asked_in_the_name_of_whoever_asks(
    environment: dict[str, str], guarded_orders: Replica, issuer: Issuer, tmp_path: Path
):
    """Both ask for tokens; without the caller's, orders would answer 401 and the overview would be a 502."""
    told = {**{name: value for name, value in environment.items() if name != "ACCESS"}, **issuer.environment}
    replica = Replica("dashboard", {**told, "ORDERS_URL": guarded_orders.url}, tmp_path / "dashboard.log")
    try:
        replica.wait_ready()
        for roles, status in (((Role.staff,), 200), ((Role.customer,), 403)):
            bearer = {"authorization": f"Bearer {issuer.token('7', *roles)}"}
            assert replica.client.get(f"{API}/overview", headers=bearer).status_code == status
        assert replica.client.get(f"{API}/overview").status_code == 401
    finally:
        replica.stop()
