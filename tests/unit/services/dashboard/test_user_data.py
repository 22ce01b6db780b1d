"""Of a deleted user nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard_app import ServedApp, Somebody
from dashboard_documents import draft

from services.common.database import Database
from services.dashboard.user_data import Deleted, UserDataRepository


def test_everything_of_the_user_goes_and_nothing_else(
    served: ServedApp, layouts_url: str, somebody: Callable[..., Somebody], rows: Callable[..., Any]
):
    leaving, staying = somebody(), somebody()
    for user in (leaving, staying):
        user.made(draft(name="One"))
        layout = user.made(draft(name="Two"))
        user.shared(layout, users=(leaving.user_id, staying.user_id))
        user.ask("PUT", "/preferences", {"version": 1, "theme": "dark"}, if_match='"0.1"')
        assert user.ask("PUT", f"/settings/{user.user_id}", {"theme": "dark"}).status_code == 200

    async def delete() -> list[Deleted]:
        database = Database(layouts_url, name="test")
        await database.open()
        try:
            repository = UserDataRepository(database)
            return [await repository.delete(leaving.user_id), await repository.delete(leaving.user_id)]
        finally:
            await database.close()

    first, again = served.run(delete())
    assert first == Deleted(layouts=2, withdrawn=1, preferences=1, settings=1)
    assert again == Deleted(layouts=0, withdrawn=0, preferences=0, settings=0)
    assert leaving.ask("GET", "/layouts").json()["layouts"] == []
    assert leaving.ask("GET", "/layouts?of=shared").json()["layouts"] == []
    assert leaving.ask("GET", "/preferences").json()["updated_at"] is None
    assert [layout["name"] for layout in staying.ask("GET", "/layouts").json()["layouts"]].count("Two") == 1
    assert len(staying.ask("GET", "/layouts").json()["layouts"]) == 2
    assert staying.ask("GET", "/preferences").json()["preferences"]["theme"] == "dark"
    left = "SELECT count(*) FROM dashboard.layouts WHERE owner_id = %s OR %s = ANY (shared_users)"
    assert rows(left, leaving.user_id, leaving.user_id) == [(0,)]
