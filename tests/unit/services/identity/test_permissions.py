"""The permission matrix: docs/users.md's table, the data, and what the running identity does, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from identity_accounts import Accounts
from identity_tokens import principal
from service_processes import ROOT, Replica

from services.common.tokens.authorisation import PERMISSIONS, Reach, allowed, reach_of
from services.common.tokens.caller import Access
from services.common.tokens.principal import Role

ROW = re.compile(r"^\| (\w+) \| `([A-Z]+ \S+)` \| (\S+) \| (\S+) \| (\S+) \|$", re.MULTILINE)
REACHES = {"–": Reach.none, "own": Reach.own, "any": Reach.any}
OWN, ELSE = "17", "18"


@dataclass(frozen=True)
class Cell:
    """One role at one endpoint, as the page says."""

    service: str
    endpoint: str
    role: Role
    said: str


def table() -> list[Cell]:
    text = (ROOT / "docs/users.md").read_text(encoding="utf-8")
    return [
        Cell(service, endpoint, role, said)
        for service, endpoint, *cells in ROW.findall(text)
        for role, said in zip((Role.customer, Role.staff, Role.admin), cells, strict=True)
    ]


CELLS = table()


def named(cell: Cell) -> str:
    return f"{cell.endpoint} as {cell.role}"


def test_the_page_shows_the_data_row_by_row():
    rows = [(cell.service, cell.endpoint) for cell in CELLS[::3]]
    assert rows == [(permission.service, permission.endpoint) for permission in PERMISSIONS]
    for cell, permission in zip(CELLS[::3], PERMISSIONS, strict=True):
        assert permission.public == (cell.said == "everybody"), cell.endpoint


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_cell(cell: Cell):
    caller = principal(user_id=OWN, roles=frozenset({cell.role}))
    if cell.said == "everybody":
        assert allowed(None, cell.endpoint)
        assert allowed(caller, cell.endpoint, owner=ELSE)
        return
    reach = REACHES[cell.said]
    assert reach_of(caller, cell.endpoint) is reach
    assert not allowed(None, cell.endpoint)
    assert allowed(caller, cell.endpoint, owner=OWN) == (reach >= Reach.own)
    assert allowed(caller, cell.endpoint, owner=ELSE) == (reach is Reach.any)
    assert allowed(caller, cell.endpoint) == (reach >= Reach.own)


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda permission: permission.endpoint)
def test_roles_together_reach_as_far_as_the_farthest_and_none_reaches_nothing(permission):
    assert reach_of(principal(roles=frozenset()), permission.endpoint) is Reach.none
    every = principal(roles=frozenset(Role))
    assert reach_of(every, permission.endpoint) is max(permission.reaches.values())


@pytest.mark.parametrize("endpoint", ["GET /api/v1/orders/1", "PATCH /api/v1/orders", "GET /api/v1/secrets", ""])
def test_what_is_not_in_the_table_nobody_may_do(endpoint: str):
    assert not allowed(principal(roles=frozenset(Role)), endpoint, owner=OWN)


def test_a_cache_key_tells_who_may_see_the_entry():
    assert Access(principal(user_id="17"), Reach.own).scope == "own:17"
    assert Access(principal(user_id="17"), Reach.any).scope == Access(principal(user_id="18"), Reach.any).scope == "any"


def test_every_endpoint_of_every_service_is_in_the_table(orders: Replica, dashboard: Replica, identity: Replica):
    for name, replica in {"orders": orders, "dashboard": dashboard, "identity": identity}.items():
        paths = replica.client.get("/openapi.json").json()["paths"]
        served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
        assert served == {permission.endpoint for permission in PERMISSIONS if permission.service == name}


# What the running identity does.

PASSWORD = "correct horse battery"
BODIES: dict[str, Callable[[], dict | None]] = {
    "GET /api/v1/identity/users": lambda: None,
    "GET /api/v1/identity/users/{user_id}": lambda: None,
    "PUT /api/v1/identity/users/{user_id}/password": lambda: {"current_password": PASSWORD, "new_password": PASSWORD[::-1]},
    "PUT /api/v1/identity/users/{user_id}/roles": lambda: {"roles": ["customer"]},
    "PUT /api/v1/identity/users/{user_id}/status": lambda: {"disabled": True},
    "DELETE /api/v1/identity/users/{user_id}": lambda: None,
    "POST /api/v1/identity/oidc/{provider}/link": lambda: {"return_to": "/"},
    "GET /api/v1/identity/users/{user_id}/external-identities": lambda: None,
    "DELETE /api/v1/identity/users/{user_id}/external-identities/{provider}": lambda: None,
}


def cells_of_identity() -> Iterator[tuple[Cell, bool]]:
    for cell in CELLS:
        if cell.service == "identity" and cell.said != "everybody":
            yield cell, True
            if "{user_id}" in cell.endpoint:
                yield cell, False


@pytest.mark.parametrize(
    ("cell", "own"),
    list(cells_of_identity()),
    ids=lambda value: named(value) if isinstance(value, Cell) else ("own" if value else "else"),
)
def test_cell_of_the_running_service(cell: Cell, own: bool, identity: Replica, accounts: Accounts):
    accounts.add(roles=[Role.admin])  # so that nobody is the last one
    caller = accounts.add(roles=[cell.role], password=PASSWORD)
    owner = caller if own else accounts.add(roles=[Role.customer], password=PASSWORD)
    method, path = cell.endpoint.split(" ")
    path = path.format(user_id=owner, provider="of-nobody")
    may = cell.said == "any" or (cell.said == "own" and own)
    assert identity.client.request(method, path, json=BODIES[cell.endpoint]()).status_code == 401
    answer = identity.client.request(
        method, path, json=BODIES[cell.endpoint](), headers=accounts.bearer(caller, roles=[cell.role])
    )
    if may and "{provider}" in cell.endpoint:  # this identity has none: whoever may ask is told so
        assert (answer.status_code, answer.json()["code"]) == (404, "oidc_provider_unknown")
    elif may:
        assert answer.status_code in (200, 204), answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
