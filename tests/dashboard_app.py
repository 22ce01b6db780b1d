"""A dashboard in this process, its loop in a thread: asked from any thread, as over HTTP, by users with and without tokens."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from dashboard_issuer import Issuer

from services.common.tokens.principal import Role
from services.dashboard.app import create_app
from services.dashboard.settings import Settings

API = "/api/v1/dashboard"
LIMIT_SECONDS = 30
NUMBERS = itertools.count(1)
T = TypeVar("T")


class ServedApp:
    """Started when it is made. Orders is at a port where nobody listens: nothing here asks it."""

    def __init__(self, environment: dict[str, str]) -> None:
        app = create_app(Settings.from_environment({"ORDERS_URL": "http://127.0.0.1:9", **environment}, service="dashboard"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._lifespan = app.router.lifespan_context(app)
        self.run(self._lifespan.__aenter__())
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dashboard")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_SECONDS)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """`path` is what follows /api/v1/dashboard."""
        return self.run(self._client.request(method, API + path, **more))

    def close(self) -> None:
        self.run(self._client.aclose())
        self.run(self._lifespan.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_SECONDS)
        self._loop.close()


@dataclass(frozen=True)
class Somebody:
    """A user with a token; without: anonymous."""

    app: ServedApp
    user_id: str = ""
    token: str | None = None

    @classmethod
    def new(cls, app: ServedApp, issuer: Issuer, *roles: Role) -> Somebody:
        """Another one at each call."""
        user_id = f"user-{next(NUMBERS)}"
        return cls(app, user_id, issuer.token(user_id, *roles))

    def ask(
        self, method: str, path: str, json: Any = None, *, if_match: str | None = None, if_none_match: str | None = None
    ) -> httpx.Response:
        """`path` is what follows /api/v1/dashboard."""
        bearer = None if self.token is None else f"Bearer {self.token}"
        given = {"authorization": bearer, "if-match": if_match, "if-none-match": if_none_match}
        headers = {name: value for name, value in given.items() if value is not None}
        return self.app.request(method, path, json=json, headers=headers)

    def made(self, draft: dict[str, Any]) -> dict[str, Any]:
        """A layout of this user's."""
        answer = self.ask("POST", "/layouts", draft)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def shared(self, layout: dict[str, Any], *, users: tuple[str, ...] = (), roles: tuple[str, ...] = ()) -> None:
        """Whatever it was shared with before."""
        path = f"/layouts/{layout['id']}/shares"
        tag = self.ask("GET", path).json()["etag"]
        answer = self.ask("PUT", path, {"users": list(users), "roles": list(roles)}, if_match=tag)
        assert answer.status_code == 200, answer.text
