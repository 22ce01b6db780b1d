"""What of orders is cached, and that nobody sees an answer from before an order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from service_processes import ORDERS, Replica, wait_until

from services.common.cache.cacheable import Cacheable
from services.common.settings import SettingsError
from services.orders import caching
from services.orders.settings import CACHEABLE, read_cached

API = "/api/v2/orders"
ORDER = {"customer_id": 77, "items": [{"product_id": 7, "quantity": 3}]}


@pytest.mark.parametrize(("text", "cached"), [
    (None, {"revenue"}), ("none", set()), ("list,detail", {"list", "detail"}), (",".join(CACHEABLE), set(CACHEABLE)),
])  # fmt: skip
def test_what_is_cached_is_a_setting(text: str | None, cached: set[str]):
    assert read_cached({} if text is None else {"CACHED": text}) == cached


@pytest.mark.parametrize("text", ["", "lists", "list,,detail", "none,list"])
def test_a_name_that_nobody_knows_is_refused(text: str):
    with pytest.raises(SettingsError, match=r"^CACHED is "):
        read_cached({"CACHED": text})


def test_the_settings_know_what_may_be_cached():
    kinds = [value for value in vars(caching).values() if isinstance(value, Cacheable)]
    assert sorted(kind.name for kind in kinds) == sorted(CACHEABLE)


@pytest.fixture
def two_replicas(environment: dict[str, str], tmp_path: Path) -> Iterator[list[Replica]]:
    everything = {**environment, "CACHED": ",".join(CACHEABLE), "SERVICE": f"cached-{tmp_path.name}"}
    replicas = [Replica("orders", everything, tmp_path / f"{number}.log") for number in range(2)]
    try:
        yield [replica.wait_ready() for replica in replicas]
    finally:
        for replica in replicas:
            replica.stop()


def test_with_everything_cached_an_order_is_seen_at_once_where_it_was_placed_and_soon_elsewhere(two_replicas: list[Replica]):
    here, there = two_replicas
    lists = ("?limit=1", "?limit=1&status=placed", "?limit=1&customer_id=77")
    unchanged = f"?limit=1&before={ORDERS}"
    for replica in two_replicas:
        for path in (*lists, unchanged):
            assert replica.client.get(API + path).status_code == 200
    coming = here.client.get(API + lists[0]).json()["orders"][0]["id"] + 1
    assert {replica.client.get(f"{API}/{coming}").status_code for replica in two_replicas} == {404}
    placed = here.client.post(API, json=ORDER)
    assert placed.status_code == 201

    def newest(replica: Replica) -> set[int]:
        return {replica.client.get(API + path).json()["orders"][0]["id"] for path in lists}

    assert newest(here) == {placed.json()["id"]}
    wait_until(lambda: newest(there) == {placed.json()["id"]}, "seen on the other replica", limit_seconds=1.0)
    assert {replica.client.get(f"{API}/{placed.json()['id']}").status_code for replica in two_replicas} == {200}
    before = here.client.get("/metrics").text
    here.client.get(API + unchanged)
    hits = 'cache_lookups_total{cache="list",result="hit_l1"}'
    assert count(here.client.get("/metrics").text, hits) == count(before, hits) + 1, "a later page does not change"


def test_a_numbered_page_changes_with_every_order(two_replicas: list[Replica]):
    here, _ = two_replicas
    path = "/api/v1/orders?limit=1&page=2"
    newest = here.client.get(API + "?limit=1").json()["orders"]
    assert here.client.get(path).json()["orders"] != newest
    assert here.client.post(API, json=ORDER).status_code == 201
    assert here.client.get(path).json()["orders"] == newest


def count(metrics: str, line: str) -> float:
    return next((float(row.split()[-1]) for row in metrics.splitlines() if row.startswith(line)), 0.0)
