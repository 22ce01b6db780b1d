"""Widgets whose figures are summed up or recorded by somebody else: what sells best, how the platform fares, what the autoscaler did."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

TOP = "**/api/v2/orders/products/top?**"
PLATFORM = "**/api/v1/dashboard/platform/**"
TIMES = [1_700_000_000 + 15 * n for n in range(240)]
REPLICAS = {
    "step_seconds": 15,
    "times": TIMES,
    "services": [
        {"name": "dashboard", "replicas": [1] * 240, "desired": [1] * 240},
        {"name": "orders", "replicas": [1] * 120 + [4] * 120, "desired": [1] * 119 + [4] * 121},
    ],
}
HEALTH = {
    "step_seconds": 15,
    "times": TIMES,
    "services": [
        {"name": "dashboard", "requests_per_second": [0] * 240, "error_share": [None] * 240, "p95_ms": [None] * 240},
        {
            "name": "orders",
            "requests_per_second": [20] * 240,
            "error_share": [0.05] * 240,
            "p95_ms": [100 + n / 3 for n in range(240)],
        },
    ],
}
"""An hour in which orders was scaled up, answered one request in twenty with an error, and grew slower; nobody asked the dashboard."""


def begin(visit, *roles: str, **context):
    visitor = visit(None, *roles, **context)
    visitor.sign_in()
    visitor.new_layout("Shop")
    return visitor


def rows(widget: Locator) -> list[list[str]]:
    """The table's, cell by cell."""
    expect(widget.locator("tbody tr").first).to_be_visible()
    return [row.locator("th, td").all_inner_texts() for row in widget.locator("tbody tr").all()]


def is_painted(widget: Locator) -> bool:
    """Whether anything of the canvas is not transparent."""
    return widget.locator("canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(each => each > 0)"
    )


def configure(visitor, name: str, **values: str) -> None:
    visitor.page.get_by_role("button", name=f"Configure {name}").click()
    for label, value in values.items():
        visitor.in_dialog(label).fill(value)
    visitor.page.get_by_role("button", name="Apply").click()


def test_what_sells_best_is_a_list_with_bars(visit):
    ada = begin(visit, "staff")
    widget = ada.add("Top products")
    expect(widget.get_by_role("listitem")).to_have_count(5)
    with ada.world.api(ada.person) as api:
        products = api.get("/api/v2/orders/products/top?days=30&limit=5").json()["products"]
    texts = widget.get_by_role("listitem").all_inner_texts()
    for text, product in zip(texts, products, strict=True):
        assert text.split("\n")[0].strip() == product["name"]
        assert f"{product['pieces']} sold" in text
        assert f"{round(product['revenue_cents'] / 100):,}" in text
    bars = widget.locator(".ranking-bar")
    widths = [box["width"] for bar in bars.all() if (box := bar.bounding_box()) is not None]
    assert len(widths) == 5
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] / widths[0] == pytest.approx(products[-1]["revenue_cents"] / products[0]["revenue_cents"], abs=0.02)
    configure(ada, "Top products", Days="7", **{"How many": "2"})
    expect(widget.get_by_role("listitem")).to_have_count(2)
    expect(widget.get_by_role("list", name="Most revenue in 7 days")).to_be_visible()
    ada.save()


def an_hour_ago(visitor) -> None:
    """Figures of an hour in which something happened, in place of what the platform did since it was started."""
    visitor.page.route(PLATFORM, lambda route: route.fulfill(json=REPLICAS if "replicas" in route.request.url else HEALTH))


def test_the_platform_s_own_figures(visit):
    ada = begin(visit, "staff", "admin")
    services = ["dashboard", "identity", "orders"]
    health, replicas = rows(ada.add("Platform health")), rows(ada.add("Replicas over time"))
    assert [row[0] for row in health] == [row[0] for row in replicas] == services
    for name, rate, _, p95 in health:
        assert float(rate) >= 0, name
        assert re.fullmatch(r"–|\d+ ms", p95), name
    for name, *counts in replicas:
        assert all(1 <= int(count) <= 6 for count in counts), name
    ada.save()


def test_health_is_a_line_and_a_row_a_service(visit):
    ada = begin(visit, "staff")
    an_hour_ago(ada)
    widget = ada.add("Platform health")
    [dashboard, orders] = rows(widget)
    assert dashboard == ["dashboard", "0", "–", "–"]
    assert orders[:3] == ["orders", "20", "5%"]
    assert re.fullmatch(r"1\d\d ms", orders[3])
    expect(widget.get_by_role("img", name="95th percentile of the answers' latency in the last 60 minutes")).to_be_visible()
    assert is_painted(widget)
    ada.save()


def test_replicas_are_steps_and_a_row_a_service(visit):
    ada = begin(visit, "admin")
    an_hour_ago(ada)
    widget = ada.add("Replicas over time")
    assert rows(widget) == [["dashboard", "1", "1", "1"], ["orders", "4", "4", "4"]]
    expect(widget.get_by_role("img", name="Replicas of the last 60 minutes. Now: dashboard 1, orders 4")).to_be_visible()
    assert is_painted(widget)
    configure(ada, "Replicas over time", Services="orders", Minutes="5")
    expect(widget.get_by_role("img", name="Replicas of the last 5 minutes. Now: orders 4")).to_be_visible()
    assert rows(widget) == [["orders", "4", "4", "4"]]
    configure(ada, "Replicas over time", Services="nobody")
    expect(widget).to_contain_text("Nothing recorded yet.")
    ada.save()


def test_who_may_not_see_it_is_told_so(visit):
    customer = begin(visit)
    for kind in ("Top products", "Platform health"):
        expect(customer.add(kind)).to_contain_text("You do not have the right to see this.")
    customer.page.get_by_role("button", name="Add widget").first.click()
    dialog = customer.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Platform health")).to_be_visible()
    expect(dialog.get_by_role("button", name="Replicas over time")).to_have_count(0)


def test_where_there_is_nothing_yet_it_is_said(visit):
    ada = begin(visit, "staff", "admin")
    ada.page.route(TOP, lambda route: route.fulfill(json={"products": []}))
    ada.page.route(PLATFORM, lambda route: route.fulfill(json={"step_seconds": 15, "times": [], "services": []}))
    expect(ada.add("Top products")).to_contain_text("Nothing sold yet.")
    for kind in ("Platform health", "Replicas over time"):
        expect(ada.add(kind)).to_contain_text("Nothing recorded yet.")


def test_a_platform_that_keeps_no_metrics_is_said_to_keep_none(visit):
    ada = begin(visit, "admin")
    problem = {"type": "/docs/errors#metrics_not_kept", "status": 404, "code": "metrics_not_kept"}
    ada.page.route(PLATFORM, lambda route: route.fulfill(status=404, json=problem))
    for kind in ("Platform health", "Replicas over time"):
        widget = ada.add(kind)
        expect(widget).to_contain_text("This platform keeps no such figures.")
        expect(widget.get_by_role("button", name="Try again")).to_have_count(0)


def test_all_three_speak_german(visit):
    ada = begin(visit, "staff", "admin")
    for kind in ("Top products", "Platform health", "Replicas over time"):
        ada.add(kind)
    ada.save()
    german = visit(ada.person, locale="de-DE")
    an_hour_ago(german)
    german.sign_in()
    expect(german.widget("Meistverkauft")).to_contain_text("verkauft")
    expect(german.widget("Meistverkauft").get_by_role("list", name="Höchster Umsatz in 30 Tagen")).to_be_visible()
    expect(german.widget("Zustand der Plattform").get_by_role("columnheader")).to_have_text(
        ["Dienst", "Anfragen/s", "Fehler", "p95"]
    )
    expect(german.widget("Zustand der Plattform")).to_contain_text("5 %")
    replicas = german.widget("Replikate über die Zeit")
    expect(replicas.get_by_role("img", name="Replikate der letzten 60 Minuten. Jetzt: dashboard 1, orders 4")).to_be_visible()
