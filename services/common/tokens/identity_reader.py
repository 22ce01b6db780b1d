"""GET from identity for those who verify tokens.

Neither aiohttp nor httpx: importing either costs a replica more than a second of its start under 100m, and here one answer in
minutes is read (or one in two seconds, while Redis is down). The standard library in a thread does.
"""

from __future__ import annotations

import asyncio
import http.client
from typing import Protocol
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 1.0
MOST_BYTES = 4_000_000
OK = 200


class IdentityUnreachableError(Exception):
    """No answer, or not 200."""


class Reads(Protocol):
    """What the key set and the revocations need of identity."""

    async def read(self, path: str) -> bytes:
        """The body. Raises IdentityUnreachableError."""


class IdentityReader:
    """A connection a question. Follows no redirect and asks no proxy."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds

    async def read(self, path: str) -> bytes:
        """The body of a GET. Raises IdentityUnreachableError."""
        try:
            return await asyncio.to_thread(self._read, path)
        except (OSError, http.client.HTTPException) as error:
            raise IdentityUnreachableError(type(error).__name__) from error

    def _read(self, path: str) -> bytes:
        connection = self._connect(self._host, self._port, timeout=self._timeout_seconds)
        try:
            connection.request("GET", self._prefix + path, headers={"accept": "application/json"})
            answer = connection.getresponse()
            if answer.status != OK:
                raise IdentityUnreachableError(f"status {answer.status}")
            body = answer.read(MOST_BYTES + 1)
        finally:
            connection.close()
        if len(body) > MOST_BYTES:
            raise IdentityUnreachableError("a longer answer than any key set or revocations")
        return body
