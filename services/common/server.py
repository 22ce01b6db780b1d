"""One uvicorn process that drains: at SIGTERM it stops being ready, yet serves what still arrives before it goes."""

from __future__ import annotations

import gc
import signal
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from services.common.logs import set_up_logs
from services.common.settings import ServiceSettings
from services.common.traffic import Traffic

KEEP_ALIVE_SECONDS = 75
"""Longer than any gateway keeps an idle connection (Envoy here: 30 s): who opens a connection must be who closes it."""


class DrainingServer(uvicorn.Server):
    """uvicorn closes idle connections at once at SIGTERM, and a request on its way to one of them is lost. This one waits."""

    def __init__(self, config: uvicorn.Config, *, traffic: Traffic, quiet_seconds: float, limit_seconds: float) -> None:
        super().__init__(config)
        self._traffic = traffic
        self._quiet_seconds = quiet_seconds
        self._limit_seconds = limit_seconds
        self._drain_started = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First SIGTERM: drain. Ctrl-C or a second SIGTERM: uvicorn's own way out."""
        if sig == signal.SIGTERM and not self._traffic.draining and self.started:
            self._drain_started = time.monotonic()
            self._traffic.start_drain()
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ask, as uvicorn does ten times a second, whether to leave."""
        leave = await super().on_tick(counter)
        if not self._traffic.draining:
            return leave
        now = time.monotonic()
        return leave or self._traffic.is_quiet(now, self._quiet_seconds) or now - self._drain_started >= self._limit_seconds


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until told to stop. `app.state.traffic` is what `create_app` put there."""
    set_up_logs(service=settings.service, replica=settings.replica)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing asks for the client's address; looking for it would cost every request
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )
    server = DrainingServer(
        config,
        traffic=app.state.traffic,
        quiet_seconds=settings.drain_quiet_seconds,
        limit_seconds=settings.drain_limit_seconds,
    )
    # What was imported stays for good: a collection never needs to look at it again, not even once before (0.06 CPU-seconds
    # of the start, to free next to nothing). The young generation is larger than Python's 700, as a response of ten rows
    # alone allocates that much.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()
    server.run()
