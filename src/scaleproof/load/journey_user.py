"""`JourneyUser`: an ordinary Locust user whose actions and times are drawn in advance."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gevent import GreenletExit
from locust import FastHttpUser, between
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import StopTest, StopUser
from locust.user.task import LOCUST_STATE_WAITING

from scaleproof.load import plugin
from scaleproof.load.stamp import NO_ACTION, STAMP_KEY, Stamp


@dataclass(slots=True)
class _Doing:
    """An action while it is played."""

    action: int = NO_ACTION
    intended_s: float = 0.0
    service: str | None = None
    random: random.Random = field(default_factory=random.Random)
    main_sent: bool = False
    followed: int = 0
    aside: bool = False


_of_greenlet: ContextVar[_Doing | None] = ContextVar("doing", default=None)
"""What is played together is a greenlet each."""


class HomeSession(FastHttpSession):  # type: ignore[misc]  # Locust is not typed
    """Locust's client, which stamps each request with its action and refuses to leave the platform."""

    def request(self, method: str, url: str, name: str | None = None, **kwargs: Any) -> Any:
        """As FastHttpSession.request."""
        stamp = self.user.stamp(name or self.request_name or url, url)
        if stamp is not None:
            kwargs["context"] = {**kwargs.get("context", {}), STAMP_KEY: stamp}
        return super().request(method, url, name=name, **kwargs)

    def _build_url(self, path: str) -> str:
        url: str = super()._build_url(path)
        if plugin.player is not None and urlsplit(url)[:2] != urlsplit(self.base_url)[:2]:
            plugin.fail(
                f"{type(self.user).__name__}: a request to {url} would leave the platform at {self.base_url}",
                "give paths such as /api/v1/orders to self.client, not whole addresses",
            )
            raise StopUser
        return url


class JourneyUser(FastHttpUser):  # type: ignore[misc]  # Locust is not typed
    """A user whose journey is drawn in advance: subclass it and write `@task` methods as for any Locust user.

    `weight` of the class and of its tasks decide what is drawn. `self.client` is Locust's fast client with one kept-alive
    connection; `self.random` is seeded by the run's seed and the action, so that a run can be repeated. `on_start` runs before the
    load begins. `self.number` says which of the load's users this one is, from 0 on: it picks what is `given` to it. Under plain `locust`, without scaleproof, it waits 20-40 s between tasks like any other user.
    """

    abstract = True
    wait_time = between(20, 40)
    connection_timeout = 5.0
    network_timeout = 15.0
    concurrency = 1

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        # FastHttpUser builds its session itself; one more per user would cost 10,000 unused ones.
        self.client.__class__ = HomeSession
        self.number = 0
        self._latest = _Doing()

    def begin(self, action: int, intended_s: float, service: str | None) -> None:
        """The next action of this greenlet starts: its requests carry these from now on."""
        source = random.Random((plugin.seed() << 32) | action)  # noqa: S311  # plays users, guards nothing
        self._latest = _Doing(action, intended_s, service, source)
        _of_greenlet.set(self._latest)

    @property
    def random(self) -> random.Random:
        """Seeded by the run's seed and the action."""
        return self._doing.random

    @property
    def _doing(self) -> _Doing:
        # A greenlet that a task has started itself, such as a pool's, belongs to what was begun last.
        return _of_greenlet.get() or self._latest

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Requests that come before what the task is about, such as renewing a token: not the ones that `@serves` speaks of.

        What they take is part of the task's own latency, as it is for a user.
        """
        doing = self._doing
        before, doing.aside = doing.aside, True
        try:
            yield
        finally:
            doing.aside = before

    def stamp(self, name: str, url: str) -> Stamp | None:
        """The stamp of a request that is sent now; None outside an action."""
        player, doing = plugin.player, self._doing
        if player is None or doing.action == NO_ACTION:
            return None
        if doing.main_sent or doing.aside:
            doing.followed += 1
            step = doing.followed
        else:
            step, doing.main_sent = 0, True
        now_s = player.now_s()
        served_by = plugin.service_of(url)
        if step == 0 and served_by not in {None, doing.service}:
            plugin.fail(
                f"{type(self).__name__}: a task says @serves({doing.service!r}), but its first request, {url}, goes to {served_by!r}",
                f'write @serves("{served_by}") below its @task',
            )
        service = doing.service if step == 0 else served_by
        stamp = Stamp(doing.action, step, service or doing.service or "", name, doing.intended_s if step == 0 else now_s, now_s)
        player.in_flight.add(stamp)
        return stamp

    def run(self) -> None:
        """Locust's entry: play the schedule, or behave like any Locust user where there is none."""
        player = plugin.player
        if player is None:
            super().run()
            return
        self._state = LOCUST_STATE_WAITING
        try:
            if type(self).on_start is not FastHttpUser.on_start:
                with player.logins:
                    self.on_start()
            player.play(self)
        except (GreenletExit, StopUser, StopTest):
            pass
        finally:
            self._latest = _Doing()
            _of_greenlet.set(self._latest)
            self.on_stop()


plugin.install()
