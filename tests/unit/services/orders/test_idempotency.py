"""An order that is placed twice by mistake is placed once, if the client says that it is the same one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from dashboard_issuer import Issuer
from service_processes import DataServer, Replica

from services.common.tokens.principal import Role

API = "/api/v2/orders"
ORDER = {"customer_id": 77, "items": [{"product_id": 3, "quantity": 2}, {"product_id": 9, "quantity": 1}]}
KEYS = (f"key-{number}" for number in range(10_000))


@pytest.fixture
def key() -> str:
    return next(KEYS)


@pytest.fixture
def count(filled: DataServer) -> Iterator[object]:
    """How many orders customer 77 has, or whatever else is asked."""
    with psycopg.connect(filled.url, autocommit=True) as connection:
        yield lambda query="SELECT count(*) FROM orders.orders WHERE customer_id = 77": connection.execute(query).fetchone()[0]


def place(orders: Replica, key: str | None, order: dict = ORDER, **headers: str):
    return orders.client.post(API, json=order, headers={**({} if key is None else {"idempotency-key": key}), **headers})


def test_sent_again_it_is_answered_alike_and_places_none(orders: Replica, key: str, count):
    before = count()
    first, second = place(orders, key), place(orders, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"] == f"{API}/{first.json()['id']}"
    assert count() == before + 1


def test_without_a_key_each_is_a_new_order(orders: Replica, count):
    before = count()
    assert place(orders, None).json()["id"] != place(orders, None).json()["id"]
    assert count() == before + 2


def test_twenty_at_once_are_one(orders: Replica, key: str, count):
    before = count()
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda _: place(orders, key), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert count() == before + 1


def test_another_order_with_the_same_key_is_refused(orders: Replica, key: str, count):
    assert place(orders, key).status_code == 201
    before = count()
    for other in ({**ORDER, "customer_id": 78}, {**ORDER, "items": ORDER["items"][:1]}):
        answer = place(orders, key, other)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert count() == before


def test_what_was_refused_may_be_corrected_under_the_same_key(orders: Replica, key: str):
    wrong = {**ORDER, "items": [{"product_id": 999_999, "quantity": 1}]}
    assert place(orders, key, wrong).json()["code"] == "order_part_unknown"
    assert place(orders, key).status_code == 201


def test_a_key_is_its_users_own(guarded_orders: Replica, issuer: Issuer, key: str):
    ids = set()
    for user in (101, 102):
        bearer = f"Bearer {issuer.token(str(user), Role.customer)}"
        answer = place(guarded_orders, key, {**ORDER, "customer_id": user}, authorization=bearer)
        assert answer.status_code == 201, answer.text
        ids.add(answer.json()["id"])
    assert len(ids) == 2


@pytest.mark.parametrize("wrong", ["", "a b", "a" * 65, "a;b", "\u00e4".encode().decode("latin-1")])
def test_a_wrong_key_is_422(orders: Replica, wrong: str):
    answer = orders.client.post(API, json=ORDER, headers=[(b"idempotency-key", wrong.encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


def test_after_a_day_keys_are_cleared_away(orders: Replica, key: str, count):
    first = place(orders, key)
    old = "UPDATE orders.idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = '{}' RETURNING 1"
    assert count(old.format(key)) == 1
    assert place(orders, next(KEYS)).status_code == 201, "who comes along clears away"
    assert count(f"SELECT count(*) FROM orders.idempotency_keys WHERE key = '{key}'") == 0
    assert place(orders, key).json()["id"] != first.json()["id"]
