"""Twenty sessions of one owner edit one layout at the same time, on two replicas and a real PostgreSQL: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dashboard_app import ServedApp, Somebody
from dashboard_documents import draft, note, stacked
from dashboard_issuer import Issuer

from services.common.tokens.principal import Role

SESSIONS = 20
EDITS = 2


@pytest.fixture
def other_replica(layouts_url: str, issuer: Issuer) -> Iterator[ServedApp]:
    app = ServedApp({"DATABASE_URL": layouts_url, "REPLICA": "1", **issuer.environment})
    yield app
    app.close()


def edit(session: Somebody, path: str, layout: dict[str, Any], name: str) -> tuple[dict[str, Any], int]:
    """Add a note, as a front end does that merges what it has lost against. What is stored then, and how often it lost."""
    lost = 0
    while True:
        widgets = [*layout["document"]["widgets"], note(name)]
        answer = session.ask("PUT", path, {"name": layout["name"], "document": stacked(widgets)}, if_match=layout["etag"])
        if answer.status_code == 200:
            return answer.json(), lost
        assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile"), answer.text
        conflict = answer.json()["conflict"]
        assert conflict["yours"]["document"]["widgets"][-1]["id"] == name
        assert conflict["current"]["etag"] != layout["etag"], "who has lost is told of something newer"
        layout, lost = conflict["current"], lost + 1


def test_no_edit_is_lost(served: ServedApp, other_replica: ServedApp, issuer: Issuer):
    owner = Somebody.new(served, issuer, Role.customer)
    layout = owner.made(draft())
    path = f"/layouts/{layout['id']}"
    sessions = [Somebody((served, other_replica)[number % 2], owner.user_id, owner.token) for number in range(SESSIONS)]

    def edits(number: int) -> int:
        seen, lost = layout, 0
        for count in range(EDITS):
            seen, more = edit(sessions[number], path, seen, f"{number}-{count}")
            lost += more
        return lost

    with ThreadPoolExecutor(SESSIONS) as threads:
        lost = sum(threads.map(edits, range(SESSIONS)))
    stored = owner.ask("GET", path).json()
    names = [widget["id"] for widget in stored["document"]["widgets"]]
    assert sorted(names) == sorted(f"{number}-{count}" for number in range(SESSIONS) for count in range(EDITS))
    assert stored["etag"] == f'"{1 + SESSIONS * EDITS}.2"', "as many revisions as edits"
    assert lost > 0, "they did meet"


def test_of_many_first_choices_one_is_stored_and_the_others_are_told(served: ServedApp, issuer: Issuer):
    user = Somebody.new(served, issuer, Role.customer)
    wanted = [{"version": 1, "currency": f"AA{letter}"} for letter in "ABCDEFGH"]
    with ThreadPoolExecutor(len(wanted)) as threads:
        answers = list(threads.map(lambda body: user.ask("PUT", "/preferences", body, if_match='"0.1"'), wanted))
    stored = user.ask("GET", "/preferences").json()
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    for body, answer in zip(wanted, answers, strict=True):
        if answer.status_code == 412:
            assert answer.json()["conflict"]["current"] == stored
            assert answer.json()["conflict"]["yours"]["currency"] == body["currency"]
        else:
            assert answer.json() == stored
