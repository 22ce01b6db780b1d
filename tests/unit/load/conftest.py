"""A small server on loopback that does what the path says, and a platform that lives there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from scaleproof.spec.platform import Platform

RESOURCES = {"cpu": "1", "memory": "64Mi"}
SERVICE = {"image": "x", "resources": {"requests": RESOURCES, "limits": RESOURCES}, "slo": {"latency_ms": 100, "share": 0.9}}


@dataclass
class Server:
    """Answers 200, but 503 below /orders/fail, with Retry-After below /orders/full, and after a second below /orders/slow.

    Sends away to `elsewhere` from /orders/away. Remembers every path.
    """

    url: str = ""
    elsewhere: str = ""
    paths: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                path = request.split(b" ", 2)[1].decode()
                self.paths.append(path)
                if path.startswith("/orders/slow"):
                    await asyncio.sleep(1.0)
                status, more = b"200 OK", b""
                if path.startswith("/orders/fail"):
                    status = b"503 Busy"
                if path.startswith("/orders/full"):
                    status, more = b"503 Busy", b"\r\nRetry-After: 1"
                if path.startswith("/orders/away"):
                    status, more = b"302 Found", b"\r\nLocation: " + self.elsewhere.encode()
                length = next((line for line in request.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
                await reader.readexactly(int(length.partition(b":")[2]))
                writer.write(b"HTTP/1.1 " + status + more + b"\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    served, loop, ready = Server(), asyncio.new_event_loop(), threading.Event()

    async def start() -> None:
        listening = await asyncio.start_server(served.serve, "127.0.0.1", 0, backlog=1_000)
        served.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        ready.set()

    def run() -> None:
        loop.create_task(start())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield served
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def shop() -> Platform:
    services = {"orders": {**SERVICE, "routes": ["/orders"]}, "dashboard": {**SERVICE, "routes": ["/dashboard"]}}
    return Platform.model_validate({"version": 1, "name": "shop", "services": services})


def processes_about(path: Path) -> list[int]:
    """Processes whose command line names this path."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(str(path) in word for word in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def left_running(tmp_path: Path) -> Iterator[None]:
    """After the test, nothing that names its folder runs."""
    yield
    assert processes_about(tmp_path) == []
