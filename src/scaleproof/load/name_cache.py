"""A generator must not load the platform's name server: thousands of users who connect ask for one address, once in a while.

k6 does the same (its option `dns`: a time to live, and a choice among the addresses). A pod's search domains make eight questions of
each connection to a name such as `gateway.space.svc.cluster.local`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent.lock import RLock

TTL_SECONDS: Final = 30.0


class NameCache:
    """A resolver for gevent's hub that remembers addresses for `TTL_SECONDS` and hands them out in turn."""

    def __init__(self, resolver: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._resolver = resolver
        self._clock = clock
        self._known: dict[tuple[Any, ...], tuple[float, list[Any]]] = {}
        self._turn = itertools.count()
        self._asking = RLock()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the wrapped resolver's."""
        return getattr(self._resolver, name)

    def getaddrinfo(self, *question: Any, **more: Any) -> list[Any]:
        """As `socket.getaddrinfo`. An answer that is an error is not remembered."""
        key = (*question, *sorted(more.items()))
        if not self._is_fresh(key):
            with self._asking:
                # Others may have waited for the same answer.
                if not self._is_fresh(key):
                    self._known[key] = (self._clock(), list(self._resolver.getaddrinfo(*question, **more)))
        answers = self._known[key][1]
        first = next(self._turn) % len(answers) if answers else 0
        return answers[first:] + answers[:first]

    def _is_fresh(self, key: tuple[Any, ...]) -> bool:
        return key in self._known and self._clock() - self._known[key][0] < TTL_SECONDS


def remember_names() -> None:
    """From now on this process' greenlets share what was resolved."""
    hub = gevent.get_hub()
    if not isinstance(hub.resolver, NameCache):
        hub.resolver = NameCache(hub.resolver)
