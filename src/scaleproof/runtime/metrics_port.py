"""The platform's own metrics over HTTP, to be read by its services: one path on loopback, JSON, nothing that could be changed.

`GET /v1/history?minutes=60`: `MetricsHistory.document`. docs/watch.md has its members.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from scaleproof.runtime.metrics_history import KEPT_SECONDS, MetricsHistory

LOOPBACK: Final = "127.0.0.1"
VARIABLE: Final = "SCALEPROOF_METRICS_URL"
"""In the environment of every replica and setup command."""
DEFAULT_MINUTES: Final = "60"
MOST_MINUTES: Final = KEPT_SECONDS // 60


class MetricsPort:
    """Serves a history at any free port."""

    def __init__(self, history: MetricsHistory, clock: Callable[[], float] = time.time) -> None:
        self._history = history
        self._clock = clock
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Without a slash at the end. Only while it listens."""
        assert self._runner is not None, "start() comes first"
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen."""
        application = web.Application(client_max_size=1)
        application.router.add_get("/v1/history", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        # Found and bound in one step: nobody else can take it in between.
        await web.TCPSite(self._runner, LOOPBACK, 0).start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        text = request.query.get("minutes", DEFAULT_MINUTES)
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_MINUTES)) and 1 <= int(text) <= MOST_MINUTES):
            return web.json_response({"error": f"minutes: expected a whole number from 1 to {MOST_MINUTES}"}, status=400)
        return web.json_response(self._history.document(self._clock(), 60 * int(text)))
