"""A platform of tiny services, and who waits for it."""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

TINY = str(Path(__file__).with_name("tiny_service.py"))


def tiny_platform(services: tuple[str, ...] = ("alpha",), **overrides: object) -> Platform:
    service = {
        "command": ["{python}", "-I", "-S", TINY],
        "routes": [],
        "resources": resources("300m"),
        "slo": {"latency_ms": 300, "share": 0.9},
        "drain_seconds": 3,
        "start_timeout_seconds": 30,
        **overrides,
    }
    return Platform.model_validate(
        {
            "version": 1,
            "name": "tiny",
            "services": {name: {**service, "routes": [f"/{name}"]} for name in services},
            "gateway": {"port": 0},
            "load": {"users": 100},
        }
    )


def resources(cpu: str, memory: str = "64Mi") -> dict[str, dict[str, str]]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


def tiny_policy(
    platform: Platform, *, cpu: str = "300m", memory: str = "64Mi", least: int = 1, most: int = 4, target: int = 80
) -> Policy:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
    autoscaling = {"minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    service = {"autoscaling": autoscaling, "resources": resources(cpu, memory)}
    return Policy.model_validate({"version": 1, "services": dict.fromkeys(platform.services, service)})


class Silent:
    """A `Progress` that nobody sees."""

    def stage(self, title: str, seconds: float | None = None) -> None: ...

    def advance(self, elapsed_seconds: float, note: str = "") -> None: ...

    def say(self, line: str) -> None: ...


class SteadyLoad:
    """Requests one after the other on keep-alive connections, counted by what came back."""

    def __init__(self, url: str, path: str, users: int = 4) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address, self._path = urlsplit(url), path
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(users)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=20)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=10)
        while not self._ending.is_set():
            outcome, _ = fetch(connection, self._path)
            self.outcomes[outcome] += 1
            time.sleep(0.01)
        connection.close()


def fetch(connection: http.client.HTTPConnection, path: str) -> tuple[str, str]:
    """Status or the error's name, and the body."""
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return str(answer.status), answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__, ""


def get(url: str, path: str) -> tuple[str, str]:
    """One request on a connection of its own."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        return fetch(connection, path)
    finally:
        connection.close()


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether it holds within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def alive(pid: int) -> bool:
    """Whether that process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


PYTHON = sys.executable
