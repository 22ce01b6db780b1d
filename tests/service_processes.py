"""Real PostgreSQL, Redis and services as processes, for the tests of the reference platform."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer

ROOT = Path(__file__).parents[1]
ORDERS = 2_000
"""So many the tests generate."""
START_LIMIT_SECONDS = 60
"""Generous: two workers share two cores with what they start."""


def uncounted() -> dict[str, str]:
    """This process's environment, without coverage: the services import nothing whose lines are counted, and start slower with it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], what: str, limit_seconds: float = START_LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + limit_seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_seconds} s: {what}"
        time.sleep(0.05)


class DataServer:
    """PostgreSQL or Redis as a process that a test may kill and start again on the same port."""

    def __init__(self, server: PostgresServer | RedisServer) -> None:
        self.server = server
        self.url = server.url
        self._process: subprocess.Popen[bytes] | None = None
        server.prepare()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        user, group = getattr(self.server, "run_as", None) or (None, None)
        log = (self.server.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self.server.command(),
                stdout=log,
                stderr=log,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                cwd="/",
            )

        def is_ready() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:  # after kill -9, PostgreSQL refuses until the last old backend is gone
                self.start()
            return self.server.is_ready()

        wait_until(is_ready, f"{self.server.command()[0]} ready")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(getattr(self.server, "stop_signal", signal.SIGTERM))
            self._process.wait(timeout=20)


class Replica:
    """One service process."""

    def __init__(self, service: str, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"],
                env={**uncounted(), "PORT": str(self.port), "HOST": "127.0.0.1", **environment},
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        self.client = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def status_of(self, path: str) -> int:
        """0 where nobody listens."""
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            return 0

    def wait_ready(self) -> Replica:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.status_of("/readyz") == 200

        wait_until(is_ready, "/readyz 200")
        return self

    def stop(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
