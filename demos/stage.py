"""What a demo stands on: real PostgreSQL, Redis, Envoy and services as processes on loopback, all gone when it ends."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demos.part import CHECKOUT, PAUSE_SECONDS, START_SECONDS, Part
from scaleproof.runtime.envoy import Endpoint, EnvoyGateway
from scaleproof.runtime.free_ports import FreePorts
from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform, Postgres, Redis

LOOPBACK = "127.0.0.1"
_UNUSED = {
    "command": ["unused"],
    "image": "unused",
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
    "slo": {"latency_ms": 500, "share": 0.95},
}
"""What platform.yaml says of a service that a demo does not need: it starts its replicas itself, without limits."""


@dataclass(frozen=True)
class Data:
    """PostgreSQL or Redis, and its address."""

    part: Part
    url: str


@dataclass(frozen=True)
class Replica:
    """One process of a service."""

    part: Part
    port: int

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Routed:
    """A service behind a gateway: its path prefixes and the ports of its replicas."""

    routes: Sequence[str]
    ports: Sequence[int]


class Stage:
    """Starts processes, and ends them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = FreePorts()
        self._parts: list[Part] = []
        self._postgres: PostgresServer | None = None

    def postgres(self) -> Data:
        """A database server with nothing in it; ready."""
        server = PostgresServer(self.folder / "postgres", self.ports.take(), Postgres(shared_buffers="128Mi"))
        self._postgres = server
        server.prepare()
        part = Part(
            "PostgreSQL",
            server.command(),
            server.is_ready,
            log=self.folder / "postgres.log",
            environment={},
            user=server.run_as,
            stop_signal=server.stop_signal,
        )
        self._begin(part)
        part.wait_ready()
        return Data(part, server.url)

    def redis(self) -> Data:
        """An empty Redis; ready."""
        server = RedisServer(self.folder / "redis", self.ports.take(), Redis(memory="64Mi"))
        server.prepare()
        part = Part("Redis", server.command(), server.is_ready, log=self.folder / "redis.log", environment={})
        self._begin(part)
        part.wait_ready()
        return Data(part, server.url)

    def set_up(self, service: str, environment: Mapping[str, str]) -> None:
        """Schema and rows, as before the first replica of a platform. Raises CannotMeasureError."""
        command = [sys.executable, "-m", f"services.{service}.setup"]
        done = subprocess.run(
            command, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CannotMeasureError(f"services.{service}.setup ended with exit code {done.returncode}: {done.stderr.strip()}")

    def replica(self, module: str, environment: Mapping[str, str]) -> Replica:
        """One process of a module such as `services.orders`; not waited for."""
        port = self.ports.take()
        part = Part(
            module,
            [sys.executable, "-m", module],
            lambda: status_of(f"http://{LOOPBACK}:{port}/readyz") == HTTPStatus.OK,
            log=self.folder / f"{module}-{port}.log",
            environment={"HOST": LOOPBACK, "PORT": str(port), **environment},
        )
        self._begin(part)
        return Replica(part, port)

    def gateway(
        self,
        services: Mapping[str, Routed],
        *,
        jwt: Mapping[str, Any] | None = None,
        problems: bool = True,
        users: int = 100,
        keys_seconds: int | None = None,
    ) -> str:
        """The address of an Envoy before these services; not waited for. Without `problems` it answers in Envoy's own words.

        It has connections for so many `users`. `keys_seconds`: how long it keeps the keys of `jwt`; as long as any gateway by default.
        """
        described = {name: {**_UNUSED, "readiness": "/readyz", "routes": routed.routes} for name, routed in services.items()}
        platform = Platform.model_validate(
            {"version": 1, "name": "demo", "services": described, "gateway": {"jwt": jwt}, "load": {"users": users}}
        )
        port = self.ports.take()
        envoy = EnvoyGateway(self.folder / f"envoy-{port}", platform, port, self.ports.take(), {})
        envoy.prepare()
        command = envoy.command()
        bootstrap = Path(command[command.index("--config-path") + 1])
        if not problems:
            forget_local_replies(bootstrap)
        if keys_seconds is not None:
            keep_keys(bootstrap, keys_seconds)
        envoy.update({name: [Endpoint(each) for each in routed.ports] for name, routed in services.items()})
        self._begin(Part("Envoy", command, envoy.is_ready, log=self.folder / f"envoy-{port}.log", environment={}))
        return envoy.url

    def wait_ready(self) -> None:
        """Until every part answers. Raises CannotMeasureError."""
        for part in self._parts:
            part.wait_ready()

    def close(self) -> None:
        """End everything, servers last."""
        for part in reversed(self._parts):
            part.stop()
        if self._postgres is not None:
            self._postgres.remove()

    def _begin(self, part: Part) -> None:
        self._parts.append(part)
        part.start()


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage in a folder of its own, which goes with it."""
    # Not a folder closed to others: PostgreSQL must not run as root.
    folder = Path(tempfile.mkdtemp(prefix="scaleproof-demo-"))
    folder.chmod(0o755)
    stage = Stage(folder)
    try:
        yield stage
    finally:
        stage.close()
        shutil.rmtree(folder, ignore_errors=True)


def forget_local_replies(bootstrap: Path) -> None:
    """Take out of Envoy's file what makes problem documents of its own answers."""
    document = json.loads(bootstrap.read_text())
    for manager in connection_managers(document):
        del manager["local_reply_config"]
    bootstrap.write_text(json.dumps(document))


def keep_keys(bootstrap: Path, seconds: int) -> None:
    """Have Envoy keep the keys of tokens for so long."""
    document = json.loads(bootstrap.read_text())
    for manager in connection_managers(document):
        for each in manager["http_filters"]:
            for provider in each["typed_config"].get("providers", {}).values():
                provider["remote_jwks"]["cache_duration"] = f"{seconds}s"
    bootstrap.write_text(json.dumps(document))


def connection_managers(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of each listener in Envoy's file: what it does with a connection."""
    for listener in document["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            for each in chain["filters"]:
                yield each["typed_config"]


def status_of(url: str, headers: Mapping[str, str] | None = None) -> int:
    """Of a GET; 0 where nobody answers. Not by httpx: asked twenty times a second, it would take the CPU of whoever starts."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=5)
    try:
        connection.request("GET", parts.path, headers=dict(headers or {}))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_until(holds: Callable[[], bool], what: str, limit_seconds: float = START_SECONDS) -> float:
    """Seconds until it held. Raises CannotMeasureError where it takes longer than the limit."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > limit_seconds:
            raise CannotMeasureError(f"not within {limit_seconds:g} s: {what}")
        time.sleep(PAUSE_SECONDS)
    return time.monotonic() - begun
