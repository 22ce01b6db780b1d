"""Each endpoint of orders, on 2,000 generated orders whose newest is of 28 February 2026."""

from __future__ import annotations

import pytest
from service_processes import ORDERS, Replica

API = "/api/v2/orders"
OLD_API = "/api/v1/orders"


def ids(page: dict) -> list[int]:
    return [order["id"] for order in page["orders"]]


def test_pages_run_from_the_newest_order_to_the_oldest_without_gap_or_repetition(orders: Replica):
    seen: list[int] = []
    before = ORDERS + 1  # other tests place orders meanwhile
    while before is not None:
        page = orders.client.get(API, params={"limit": 90, "before": before}).json()
        seen += ids(page)
        before = page["next_before"]
    assert seen == list(range(ORDERS, 0, -1))


def test_pages_by_number_are_those_by_keyset(orders: Replica):
    newest = orders.client.get(API, params={"status": "cancelled", "limit": 30}).json()["orders"]
    seen, page = [], 1
    while page is not None and page <= 3:
        answer = orders.client.get(OLD_API, params={"status": "cancelled", "limit": 10, "page": page}).json()
        seen += answer["orders"]
        page = answer["next_page"]
    assert seen == newest


def test_pages_by_number_have_an_end(orders: Replica):
    last = orders.client.get(OLD_API, params={"limit": 1, "page": 1000}).json()
    assert (len(last["orders"]), last["next_page"]) == (1, None)
    assert orders.client.get(OLD_API, params={"limit": 100, "page": 999}).json() == {"orders": [], "next_page": None}


@pytest.mark.parametrize(
    "path", ["/42", "/search?q=ORD-00000042", "/revenue/daily?days=90", "/products/top", "/999999999", "/search?q=a"]
)
def test_what_is_not_a_list_is_the_same_in_both_versions(orders: Replica, path: str):
    old, new = (orders.client.get(api + path) for api in (OLD_API, API))
    assert old.status_code == new.status_code
    ignored = {"trace_id", "instance"}
    assert {name: value for name, value in old.json().items() if name not in ignored} == {
        name: value for name, value in new.json().items() if name not in ignored
    }


def test_each_version_pages_in_its_own_way(orders: Replica):
    assert orders.client.get(OLD_API, params={"before": 7}).status_code == 422
    assert orders.client.get(API, params={"page": 2}).status_code == 422
    operations = orders.client.get("/openapi.json").json()["paths"]
    assert {api: operations[api]["get"].get("deprecated", False) for api in (OLD_API, API)} == {OLD_API: True, API: False}


def test_a_line_sums_up_its_order(orders: Replica):
    line = orders.client.get(API, params={"before": 101, "limit": 1}).json()["orders"][0]
    detail = orders.client.get(f"{API}/100").json()
    assert line["reference"] == "ORD-00000100"
    assert {name: detail[name] for name in line} == line
    assert line["pieces"] == sum(item["quantity"] for item in detail["items"])
    assert line["total_cents"] == sum(item["quantity"] * item["unit_price_cents"] for item in detail["items"])


def test_filters_combine(orders: Replica):
    of_status = orders.client.get(API, params={"status": "cancelled", "limit": 100}).json()["orders"]
    assert {order["status"] for order in of_status} == {"cancelled"}
    customer = of_status[0]["customer_id"]
    both = orders.client.get(API, params={"status": "cancelled", "customer_id": customer}).json()["orders"]
    assert {(order["status"], order["customer_id"]) for order in both} == {("cancelled", customer)}
    assert of_status[0]["id"] in [order["id"] for order in both]


@pytest.mark.parametrize("limit", [1, 9, 100])
def test_each_length_of_a_page(orders: Replica, limit: int):
    page = orders.client.get(API, params={"limit": limit, "before": ORDERS + 1}).json()
    assert ids(page) == list(range(ORDERS, ORDERS - limit, -1))
    assert page["next_before"] == ORDERS - limit + 1


def test_no_match_is_an_empty_page(orders: Replica):
    assert orders.client.get(API, params={"customer_id": 2**31 - 1}).json() == {"orders": [], "next_before": None}


def test_an_order_just_placed_is_in_every_list_at_once(orders: Replica):
    placed = orders.client.post(API, json={"customer_id": 321, "items": [{"product_id": 7, "quantity": 3}]}).json()
    for query in ({}, {"status": "placed"}, {"customer_id": 321}, {"status": "placed", "customer_id": 321}):
        for api in (API, OLD_API):
            assert placed["id"] in ids(orders.client.get(api, params={**query, "limit": 5}).json())
    name = orders.client.get(f"{API}/{placed['id']}").json()["customer_name"]
    for text in (name, placed["reference"]):
        assert placed["id"] in ids(orders.client.get(f"{API}/search", params={"q": text}).json())


def test_revenue_is_the_same_from_the_database_and_from_the_cache(orders: Replica):
    before = lookups(orders, "revenue")
    first, second = (orders.client.get(f"{API}/revenue/daily", params={"days": 77}) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"
    after = lookups(orders, "revenue")
    assert (after["miss"] - before["miss"], after["hit_l1"] - before["hit_l1"]) == (1, 1)


def test_an_unknown_order_is_404(orders: Replica):
    answer = orders.client.get(f"{API}/999999999")
    assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")


@pytest.mark.parametrize("text", ["ORD-00000042", "  ord-00000042 "])
def test_search_by_reference(orders: Replica, text: str):
    assert ids(orders.client.get(f"{API}/search", params={"q": text}).json()) == [42]


def test_search_by_how_a_name_begins_whatever_its_case(orders: Replica):
    name = orders.client.get(f"{API}/42").json()["customer_name"]
    for text in (name, name.upper(), name[:-1]):
        found = orders.client.get(f"{API}/search", params={"q": text}).json()["orders"]
        assert found
        assert all(order["customer_name"].lower().startswith(text.lower()) for order in found)
        assert [order["id"] for order in found] == sorted((order["id"] for order in found), reverse=True)


@pytest.mark.parametrize("text", ["%%", "__", "a%' OR 1=1 --", "\\\\", "zz"])
def test_search_takes_no_wildcards(orders: Replica, text: str):
    assert orders.client.get(f"{API}/search", params={"q": text}).json()["orders"] == []


def test_revenue_counts_an_order_placed_today_and_leaves_older_days_out(orders: Replica):
    placed = orders.client.post(API, json={"customer_id": 5, "items": [{"product_id": 7, "quantity": 3}]}).json()
    revenue = orders.client.get(f"{API}/revenue/daily", params={"days": 1}).json()
    (today,) = revenue["days"]
    assert today["day"] == placed["created_at"][:10]
    assert today["orders"] >= 1
    assert revenue["total_cents"] == today["revenue_cents"] >= placed["total_cents"]


def test_the_top_products_are_those_of_today_with_what_was_just_sold(orders: Replica):
    def top(limit: int) -> list[dict]:
        return orders.client.get(f"{API}/products/top", params={"days": 1, "limit": limit}).json()["products"]

    before = {product["product_id"]: product for product in top(20)}
    order = {"customer_id": 5, "items": [{"product_id": 11, "quantity": 100}, {"product_id": 12, "quantity": 90}]}
    placed = orders.client.post(API, json=order).json()
    found = top(20)
    assert [product["revenue_cents"] for product in found] == sorted((each["revenue_cents"] for each in found), reverse=True)
    assert top(1) == found[:1]
    items = orders.client.get(f"{API}/{placed['id']}").json()["items"]
    after = {product["product_id"]: product for product in found}
    for item in items:
        product, sold = after[item["product_id"]], item["quantity"] * item["unit_price_cents"]
        earlier = before.get(item["product_id"], {"pieces": 0, "revenue_cents": 0})
        assert product["name"] == item["product_name"]
        assert product["pieces"] - earlier["pieces"] == item["quantity"]
        assert product["revenue_cents"] - earlier["revenue_cents"] == sold


@pytest.mark.parametrize("api", [API, OLD_API])
def test_a_placed_order_can_be_read_where_location_says(orders: Replica, api: str):
    wanted = [{"product_id": 3, "quantity": 2}, {"product_id": 4, "quantity": 1}, {"product_id": 3, "quantity": 1}]
    answer = orders.client.post(api, json={"customer_id": 9, "items": wanted})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{api}/{answer.json()['id']}"
    detail = orders.client.get(answer.headers["location"]).json()
    assert detail["id"] == answer.json()["id"] > ORDERS
    assert [{"product_id": item["product_id"], "quantity": item["quantity"]} for item in detail["items"]] == wanted
    assert [item["line"] for item in detail["items"]] == [1, 2, 3]
    assert (
        detail["total_cents"]
        == answer.json()["total_cents"]
        == sum(i["quantity"] * i["unit_price_cents"] for i in detail["items"])
    )


@pytest.mark.parametrize(
    "order",
    [
        {"customer_id": 999_999, "items": [{"product_id": 1, "quantity": 1}]},
        {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}, {"product_id": 999_999, "quantity": 1}]},
    ],
)
def test_an_order_with_an_unknown_part_leaves_nothing_behind(orders: Replica, order: dict):
    newest = ids(orders.client.get(API, params={"limit": 1}).json())
    answer = orders.client.post(API, json=order)
    assert (answer.status_code, answer.json()["code"]) == (422, "order_part_unknown")
    assert ids(orders.client.get(API, params={"limit": 1}).json()) == newest


@pytest.mark.parametrize("path", [
    "?limit=0", "?limit=101", "?limit=x", "?status=lost", "?customer_id=0", "?customer_id=2147483648", "?before=-1",
    "/0", "/x", "/2147483648", "/search", "/search?q=a", f"/search?q={'a' * 65}", "/revenue/daily?days=0", "/revenue/daily?days=91",
    "/products/top?days=0", "/products/top?days=91", "/products/top?limit=0", "/products/top?limit=21", "/products/top?limit=x",
    "/search?q=ab%00c", "?colour=red", "/1?colour=red", "/search?q=ab&colour=red", "?limit=1&limit=2", "?limit=%2B1", "?limit=1.5", "?status=",
])  # fmt: skip
def test_a_wrong_query_is_422(orders: Replica, path: str):
    answer = orders.client.get(API + path)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert len(answer.json()["errors"]) == 1


@pytest.mark.parametrize("page", ["0", "1001", "x", "-1", "1.5"])
def test_a_wrong_page_is_422(orders: Replica, page: str):
    assert orders.client.get(OLD_API, params={"page": page}).status_code == 422


ITEM = {"product_id": 1, "quantity": 1}


@pytest.mark.parametrize("order", [
    {},
    {"customer_id": 1, "items": []},
    {"customer_id": 1, "items": [ITEM] * 21},
    {"customer_id": "1", "items": [ITEM]},
    {"customer_id": True, "items": [ITEM]},
    {"customer_id": 1, "items": [{"product_id": 1, "quantity": 0}]},
    {"customer_id": 1, "items": [{"product_id": 1, "quantity": 101}]},
    {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1.5}]},
    {"customer_id": 1, "items": [{**ITEM, "unit_price_cents": 1}]},
    {"customer_id": 1, "items": [ITEM], "status": "paid"},
])  # fmt: skip
def test_a_wrong_order_is_422(orders: Replica, order: dict):
    assert orders.client.post(API, json=order).status_code == 422


def lookups(replica: Replica, cache: str) -> dict[str, float]:
    counted = {"hit_l1": 0.0, "miss": 0.0}
    for line in replica.client.get("/metrics").text.splitlines():
        for result in counted:
            if line.startswith(f'cache_lookups_total{{cache="{cache}",result="{result}"}}'):
                counted[result] = float(line.split()[-1])
    return counted
