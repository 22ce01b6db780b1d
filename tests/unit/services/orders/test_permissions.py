"""Who may do what with orders, as data: every endpoint for a customer's own object and somebody else's. Each cell is asked of a replica."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_issuer import Issuer
from service_processes import Replica

from services.common.tokens.authorisation import PERMISSIONS
from services.common.tokens.principal import Role

WHO = ("own", "another", "staff", "admin", "anonymous")
"""A customer with the own object, a customer with somebody else's, and who has no orders."""
MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", ""):                            (200, 200, 200, 403, 401),
    ("GET", "?customer_id={customer_id}"):  (200, 403, 200, 403, 401),
    ("GET", "/search?q={reference}"):       (200, 200, 200, 403, 401),
    ("GET", "/revenue/daily"):              (403, 403, 200, 403, 401),
    ("GET", "/products/top"):               (403, 403, 200, 403, 401),
    ("GET", "/{order_id}"):                 (200, 403, 200, 403, 401),
    ("POST", ""):                           (201, 403, 201, 403, 401),
}  # fmt: skip
VERSIONS = ("/api/v1/orders", "/api/v2/orders")


def cells() -> Iterator[tuple[str, str, str, str, int]]:
    for version in VERSIONS:
        for (method, path), statuses in MATRIX.items():
            for who, status in zip(WHO, statuses, strict=True):
                yield version, method, path, who, status


def bearer(issuer: Issuer, user_id: int | str, *roles: Role) -> dict[str, str]:
    return {"authorization": f"Bearer {issuer.token(str(user_id), *roles)}"}


@pytest.fixture(scope="module")
def order(guarded_orders: Replica, issuer: Issuer) -> dict[str, Any]:
    """Somebody's newest order."""
    page = guarded_orders.client.get(VERSIONS[1], headers=bearer(issuer, 9, Role.staff))
    return page.json()["orders"][0]


def test_every_endpoint_is_in_the_matrix():
    served = {row.endpoint for row in PERMISSIONS if row.service == "orders"}
    assert served == {f"{method} {version}{path.partition('?')[0]}" for version in VERSIONS for method, path in MATRIX}


@pytest.mark.parametrize(("version", "method", "path", "who", "status"), list(cells()))
def test_cell(
    version: str, method: str, path: str, who: str, status: int, guarded_orders: Replica, issuer: Issuer, order: dict[str, Any]
):
    customer = order["customer_id"]
    headers = {
        "own": bearer(issuer, customer, Role.customer),
        "another": bearer(issuer, customer + 1, Role.customer),
        "staff": bearer(issuer, customer + 1, Role.staff),
        "admin": bearer(issuer, customer, Role.admin),
        "anonymous": {},
    }[who]
    filled = path.format(customer_id=customer, reference=order["reference"], order_id=order["id"])
    body = {"customer_id": customer, "items": [{"product_id": 1, "quantity": 1}]} if method == "POST" else None
    answer = guarded_orders.client.request(method, version + filled, headers=headers, json=body)
    assert answer.status_code == status, answer.text
    if status in (401, 403):
        assert answer.json()["code"] == {401: "unauthenticated", 403: "forbidden"}[status]
        assert ("www-authenticate" in answer.headers) == (status == 401)
    if who == "another" and status == 200:
        assert all(each["customer_id"] == customer + 1 for each in answer.json()["orders"]), "nobody else's are in a list"


def test_a_customer_finds_only_own_orders_by_name(guarded_orders: Replica, issuer: Issuer):
    of_staff, path = bearer(issuer, 9, Role.staff), VERSIONS[1]
    newest = guarded_orders.client.get(path, params={"limit": 50}, headers=of_staff).json()["orders"]
    one, other = list({each["customer_id"]: each for each in newest}.values())[:2]
    customer = one["customer_id"]

    def found(name: str, headers: dict[str, str]) -> set[int]:
        answer = guarded_orders.client.get(path + "/search", params={"q": name, "limit": 50}, headers=headers)
        return {each["customer_id"] for each in answer.json()["orders"]}

    of_customer = bearer(issuer, customer, Role.customer)
    assert found(one["customer_name"], of_customer) == {customer}
    assert found(other["customer_name"], of_customer) == set()
    assert found(other["customer_name"], of_staff) == {other["customer_id"]}
    assert found("zz", of_customer) == set()


def test_what_one_was_shown_is_not_shown_to_another(
    environment: dict[str, str], issuer: Issuer, order: dict[str, Any], tmp_path
):
    """With everything cached: the owner first, then others, each twice."""
    told = {**{name: value for name, value in environment.items() if name != "ACCESS"}, **issuer.environment}
    replica = Replica("orders", {**told, "CACHED": "detail,list,revenue,search"}, tmp_path / "orders.log").wait_ready()
    try:
        customer, path = order["customer_id"], f"{VERSIONS[1]}/{order['id']}"
        for user, roles, status in [
            (customer, (Role.customer,), 200),
            (customer + 1, (Role.customer,), 403),
            (customer + 1, (Role.staff,), 200),
            (customer + 2, (Role.customer,), 403),
        ] * 2:
            assert replica.client.get(path, headers=bearer(issuer, user, *roles)).status_code == status
            found = replica.client.get(VERSIONS[1], headers=bearer(issuer, user, *roles)).json()["orders"]
            assert Role.staff in roles or {each["customer_id"] for each in found} <= {user}
    finally:
        replica.stop()


@pytest.mark.parametrize("path", ["", "/search?q=ada", "/1"])
def test_a_user_without_a_role_or_without_a_number_sees_nothing(path: str, guarded_orders: Replica, issuer: Issuer):
    for headers in (bearer(issuer, 1), bearer(issuer, "somebody", Role.customer)):
        answer = guarded_orders.client.get(VERSIONS[1] + path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_told_of_no_identity_it_lets_nobody_in(environment: dict[str, str], issuer: Issuer, tmp_path):
    told = {name: value for name, value in environment.items() if name != "ACCESS"}
    replica = Replica("orders", told, tmp_path / "orders.log").wait_ready()
    try:
        for headers in ({}, bearer(issuer, 9, Role.staff)):
            answer = replica.client.get(VERSIONS[0], headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "identity_not_configured")
    finally:
        replica.stop()
