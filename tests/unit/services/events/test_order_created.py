"""An order is an event: one for each that is placed, none for any other request. Nobody reads it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest
from event_world import Stream
from service_processes import DataServer, Replica, wait_until

API = "/api/v2/orders"
CUSTOMER = 88
ORDER = {"customer_id": CUSTOMER, "items": [{"product_id": 3, "quantity": 2}, {"product_id": 9, "quantity": 1}]}


@pytest.fixture
def events(filled: DataServer) -> Callable[[], list[dict]]:
    def ask() -> list[dict]:
        with psycopg.connect(filled.url) as connection:
            query = "SELECT data FROM orders.outbox WHERE (data ->> 'customer_id')::int = %s ORDER BY data -> 'order_id'"
            return [data for (data,) in connection.execute(query, (CUSTOMER,))]

    return ask


def test_each_order_is_one_event_and_reaches_the_stream(orders: Replica, redis: DataServer, events: Callable[[], list[dict]]):
    before = len(events())
    placed = orders.client.post(API, json=ORDER).json()
    keyed = [orders.client.post(API, json=ORDER, headers={"idempotency-key": "event-1"}).json() for _ in range(2)]
    assert keyed[0]["id"] == keyed[1]["id"], "sent again"
    wanted = [
        {"order_id": each["id"], "customer_id": CUSTOMER, "total_cents": each["total_cents"]} for each in (placed, keyed[0])
    ]
    assert events()[before:] == wanted

    def published() -> list[dict]:
        found = asyncio.run(Stream(redis.url, "orders").events())
        return [event.data for event in found if event.type == "order_created" and event.data in wanted]

    wait_until(lambda: sorted(published(), key=str) == sorted(wanted, key=str), "published", limit_seconds=20)


def test_what_places_no_order_is_no_event(orders: Replica, events: Callable[[], list[dict]]):
    orders.client.post(API, json=ORDER, headers={"idempotency-key": "event-2"})
    before = len(events())
    unknown = {**ORDER, "items": [{"product_id": 3, "quantity": 1}, {"product_id": 999_999, "quantity": 1}]}
    assert orders.client.post(API, json=unknown).status_code == 422
    other = {**ORDER, "items": [{"product_id": 4, "quantity": 1}]}
    assert (
        orders.client.post(API, json=other, headers={"idempotency-key": "event-2"}).json()["code"] == "idempotency_key_reused"
    )
    assert len(events()) == before
