"""Where Locust's own classes tell the closed loop what their users do. Nothing of an ordinary locustfile is changed.

These are the places that every `HttpUser` and `FastHttpUser` goes through: `User.run`, `TaskSet.execute_next_task`, `TaskSet._sleep`, and
the two clients' `request`, `_build_url` and sending. The last three also keep every request, and every redirect, at the platform.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, LocustUserAgent
from locust.exception import StopUser
from locust.user.task import TaskSet
from locust.user.users import User

from scaleproof.load.closed_loop import ClosedLoop
from scaleproof.load.stamp import STAMP_KEY

Fail = Callable[[str, str], None]
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def install_hooks(stage: ClosedLoop, host_url: str, fail: Fail) -> None:
    """From now on this process' users are the stage's. `fail(message, hint)` ends the load."""
    origin = _origin(host_url)

    def stay(url: str) -> None:
        if _origin(url) != origin:
            fail(
                f"a request to {url} would leave the platform at {host_url}",
                "give paths such as /api/orders to self.client, not whole addresses, and allow_redirects=False where it redirects away",
            )
            raise StopUser

    _let_users_come_and_go(stage)
    _note_tasks(stage)
    for session in (HttpSession, FastHttpSession):
        _stamp_requests(session, stage)
        _check_addresses(session, stay)
    _check_hops(stay)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _USUAL_PORTS.get(parts.scheme)


def _let_users_come_and_go(stage: ClosedLoop) -> None:
    run = User.run

    @wraps(run)
    def live(self: Any) -> None:
        stage.live(self, run)

    User.run = live


def _note_tasks(stage: ClosedLoop) -> None:
    execute_next_task, sleep = TaskSet.execute_next_task, TaskSet._sleep  # noqa: SLF001  # every wait ends in it

    @wraps(execute_next_task)
    def begin(self: Any) -> None:
        task = self._task_queue[0]
        stage.begin(self.user, str(getattr(task, "__name__", type(task).__name__)))
        execute_next_task(self)

    @wraps(sleep)
    def wait(self: Any, seconds: float) -> None:
        stage.wait(self.user, seconds, lambda rest: sleep(self, rest))

    TaskSet.execute_next_task, TaskSet._sleep = begin, wait  # noqa: SLF001  # as above


def _stamp_requests(session: Any, stage: ClosedLoop) -> None:
    request = session.request

    @wraps(request)
    def stamped(self: Any, method: str, url: str, name: str | None = None, *rest: Any, **more: Any) -> Any:
        # `rest`: what Locust allows by position as well; a context among it is left alone, and its request unrecorded.
        if not rest and self.user is not None:
            stamp = stage.stamp(self.user, str(name or self.request_name or url), _path(str(url)))
            if stamp is not None:
                more["context"] = {**(more.get("context") or {}), STAMP_KEY: stamp}
        return request(self, method, url, name, *rest, **more)

    session.request = stamped


def _check_addresses(session: Any, stay: Callable[[str], None]) -> None:
    build_url = session._build_url  # noqa: SLF001  # the one place where both clients make an address of a path

    @wraps(build_url)
    def built(self: Any, path: str) -> str:
        url: str = build_url(self, path)
        stay(url)
        return url

    session._build_url = built  # noqa: SLF001  # as above


def _check_hops(stay: Callable[[str], None]) -> None:
    """A redirect is another request, which `_build_url` never sees."""
    send, open_url = HttpSession.send, LocustUserAgent._urlopen  # noqa: SLF001  # geventhttpclient's hook for a request

    @wraps(send)
    def sent(self: Any, request: Any, **more: Any) -> Any:
        stay(str(request.url))
        return send(self, request, **more)

    @wraps(open_url)
    def opened(self: Any, request: Any) -> Any:
        parts = request.url_split
        stay(f"{parts.scheme}://{parts.netloc}")
        return open_url(self, request)

    HttpSession.send, LocustUserAgent._urlopen = sent, opened  # noqa: SLF001  # as above


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
