"""More than a replica can serve at once: refused at once, in the clear, and counted."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common.errors.catalogue import COMMON, read_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.metrics import Metrics
from services.common.traffic import Traffic, TrafficMiddleware


class Conversation:
    """Requests to a middleware around an application that answers when it is told to."""

    def __init__(self, *, most_in_flight: int) -> None:
        self.go = asyncio.Event()
        self.traffic = Traffic(most_in_flight=most_in_flight)
        self.metrics = Metrics()
        factory = ErrorResponseFactory(read_catalogue(COMMON), service="test")
        self.middleware = TrafficMiddleware(self.application, traffic=self.traffic, metrics=self.metrics, factory=factory)

    async def application(self, _scope: Any, _receive: Any, send: Any) -> None:
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, path: str = "/api/v1/orders") -> tuple[int, dict[bytes, bytes]]:
        seen: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            seen.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        await self.middleware(scope, None, send)  # type: ignore[arg-type]  # no body
        return seen[0]["status"], dict(seen[0]["headers"])


def test_two_fit_the_third_is_refused_and_the_fourth_served_when_there_is_room():
    async def tell() -> None:
        talk = Conversation(most_in_flight=2)
        first, second = asyncio.create_task(talk.ask()), asyncio.create_task(talk.ask())
        await asyncio.sleep(0)
        status, headers = await talk.ask()
        assert (status, headers[b"retry-after"], headers[b"content-type"]) == (503, b"1", b"application/problem+json")
        assert b"connection" not in headers
        talk.go.set()
        assert [(await task)[0] for task in (first, second)] == [200, 200]
        assert (await talk.ask())[0] == 200
        assert talk.traffic.in_flight == 0
        assert 'http_requests_total{method="GET",route="shed",status="503"} 1.0' in talk.metrics.exposition().decode()

    asyncio.run(tell())


def test_probes_are_always_answered():
    async def tell() -> None:
        talk = Conversation(most_in_flight=1)
        waiting = asyncio.create_task(talk.ask())
        probe = asyncio.create_task(talk.ask("/readyz"))
        await asyncio.sleep(0)
        talk.go.set()
        assert ((await waiting)[0], (await probe)[0]) == (200, 200)

    asyncio.run(tell())


def test_who_is_refused_by_a_draining_replica_is_told_to_close():
    async def tell() -> None:
        talk = Conversation(most_in_flight=1)
        waiting = asyncio.create_task(talk.ask())
        await asyncio.sleep(0)
        talk.traffic.start_drain()
        assert (await talk.ask())[1][b"connection"] == b"close"
        talk.go.set()
        await waiting

    asyncio.run(tell())
