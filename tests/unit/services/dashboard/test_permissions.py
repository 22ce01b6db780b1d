"""Who may do what with layouts and preferences, as data: every endpoint for an owner, somebody it is shared with, somebody else, an admin
and somebody without a token. Each cell is asked of a running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dashboard_app import ServedApp, Somebody
from dashboard_documents import draft, note

from services.common.tokens.authorisation import PERMISSIONS
from services.common.tokens.principal import Role

WHO = ("owner", "reader", "other", "admin", "anonymous")
LAYOUT = "/layouts/{layout_id}"
MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/layouts"):              (200, 200, 200, 200, 401),
    ("POST", "/layouts"):             (201, 201, 201, 201, 401),
    ("GET", LAYOUT):                  (200, 200, 404, 404, 401),
    ("PUT", LAYOUT):                  (200, 403, 404, 404, 401),
    ("DELETE", LAYOUT):               (204, 403, 404, 404, 401),
    ("GET", LAYOUT + "/shares"):      (200, 403, 404, 404, 401),
    ("PUT", LAYOUT + "/shares"):      (200, 403, 404, 404, 401),
    ("GET", "/preferences"):          (200, 200, 200, 200, 401),
    ("PUT", "/preferences"):          (200, 200, 200, 200, 401),
    ("GET", "/settings/{user_id}"):   (200, 403, 403, 403, 401),
    ("PUT", "/settings/{user_id}"):   (200, 403, 403, 403, 401),
    ("GET", "/overview"):             (403, 403, 503, 403, 401),  # nobody listens where orders should be; `other` is staff
    ("GET", "/platform/replicas"):    (403, 403, 403, 404, 401),  # nobody keeps metrics here
    ("GET", "/platform/health"):      (403, 403, 404, 404, 401),
}  # fmt: skip
CODES = {401: "unauthenticated", 403: "forbidden", 404: "layout_unknown", 503: "temporarily_unavailable"}
PLATFORM_CODES = {**CODES, 404: "metrics_not_kept"}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/layouts"): draft(name="Another"),
    ("PUT", LAYOUT): draft(note("a", "changed"), name="Changed"),
    ("PUT", LAYOUT + "/shares"): {"users": ["user-0"], "roles": []},
    ("PUT", "/preferences"): {"version": 1, "theme": "dark"},
    ("PUT", "/settings/{user_id}"): {"theme": "dark"},
}


def cells() -> Iterator[tuple[str, str, str, int]]:
    for (method, path), statuses in MATRIX.items():
        for who, status in zip(WHO, statuses, strict=True):
            yield method, path, who, status


def test_every_endpoint_is_in_the_matrix():
    prefix = "/api/v1/dashboard"
    served = {row.endpoint.replace(prefix, "") for row in PERMISSIONS if row.service == "dashboard"}
    assert served == {f"{method} {path}" for method, path in MATRIX}


@pytest.mark.parametrize(("method", "path", "who", "status"), list(cells()))
def test_cell(method: str, path: str, who: str, status: int, served: ServedApp, somebody: Callable[..., Somebody]):
    users = {
        "owner": somebody(),
        "reader": somebody(),
        "other": somebody(Role.customer, Role.staff),
        "admin": somebody(Role.admin),
        "anonymous": Somebody(served),
    }
    owner = users["owner"]
    layout = owner.made(draft(note("a")))
    owner.shared(layout, users=(users["reader"].user_id,))
    one, shares = f"/layouts/{layout['id']}", f"/layouts/{layout['id']}/shares"
    before = [owner.ask("GET", path).json() for path in (one, shares)]
    tag = '"0.1"' if path == "/preferences" else before[path.endswith("/shares")]["etag"]
    answer = users[who].ask(
        method,
        path.format(layout_id=layout["id"], user_id=owner.user_id),
        BODIES.get((method, path)),
        if_match=tag if method in ("PUT", "DELETE") else None,
    )
    assert answer.status_code == status, answer.text
    if status in CODES:
        assert answer.json()["code"] == (PLATFORM_CODES if path.startswith("/platform/") else CODES)[status]
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert [owner.ask("GET", path).json() for path in (one, shares)] == before, "nothing has changed"
    else:
        assert not answer.content or answer.json().get("owner_id") in (None, owner.user_id, users[who].user_id)


def test_nobody_sees_another_ones_preferences(somebody: Callable[..., Somebody]):
    one, other = somebody(), somebody()
    assert one.ask("PUT", "/preferences", {"version": 1, "theme": "dark"}, if_match='"0.1"').status_code == 200
    assert other.ask("GET", "/preferences").json()["preferences"]["theme"] == "system"


def test_a_user_without_a_role_may_do_nothing(served: ServedApp, issuer: Any):
    nobody = Somebody(served, "user-0", issuer.token("user-0"))
    for method, path in MATRIX:
        found = path.format(layout_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, user_id="user-0")
        answer = nobody.ask(method, found, BODIES.get((method, path)))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
