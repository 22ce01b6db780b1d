"""A proxy in front of a service that fails as it is told, in a thread of its own."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from service_processes import free_port

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Passed on unharmed and uncounted: the faults are those of a service that says it is well."""


@dataclass(frozen=True)
class Faults:
    """What happens to each request."""

    share: float = 0.0
    """So many fail: 502, 503, 504 and hung up in equal parts."""
    seconds: float = 0.0
    """All are passed on that much later."""


class FaultyProxy:
    """`faults` may be set at any time."""

    def __init__(self, target: str, *, seed: int) -> None:
        self.faults = Faults()
        self.arrived = 0
        self.headers: dict[str, str] = {}
        """Of the last request."""
        self.port = free_port()
        self._target = target
        self._chance = random.Random(seed)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=20))
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=75, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _end(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path not in PROBES:
            self.arrived += 1
            self.headers = dict(request.headers)
            faults = self.faults
            if faults.seconds:
                await asyncio.sleep(faults.seconds)
            if self._chance.random() < faults.share:
                return self._fail(request)
        kept = {name: value for name, value in request.headers.items() if name.lower() not in {"host", "content-length"}}
        async with self._session.request(request.method, self._target + request.path_qs, data=body, headers=kept) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    def _fail(self, request: web.Request) -> web.StreamResponse:
        status = self._chance.choice((502, 503, 504, None))
        if status is None:
            request.transport.close()
            return web.Response()
        return web.Response(status=status)
