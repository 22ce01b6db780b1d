"""One connection to Redis that carries the commands of all requests.

Why not redis-py: importing it costs 0.35 CPU-seconds, which under a limit of 150m delays every new replica by more than
two seconds. The protocol itself is parsed by Redis' own hiredis; what is left is to match answers to questions in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import hiredis

Answer = bytes | int | list[Any] | None


class RedisConnection(asyncio.Protocol):
    """A pipelined connection: answers come in the order of the commands."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self._transport: asyncio.Transport | None = None
        self.closed = False

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect, authenticate and choose the database. Raises OSError, and hiredis.ReplyError for a refusal."""
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, parts.hostname or "127.0.0.1", parts.port or 6379)
        try:
            if parts.password:
                user = (unquote(parts.username),) if parts.username else ()
                await connection.ask("AUTH", *user, unquote(parts.password))
            if parts.path.strip("/"):
                await connection.ask("SELECT", parts.path.strip("/"))
        except BaseException:
            connection.close()
            raise
        return connection

    async def ask(self, *command: str | bytes | int) -> Answer:
        """Send one command and wait for its answer. Raises ConnectionError, and hiredis.ReplyError for a refusal."""
        if self.closed or self._transport is None:
            raise ConnectionResetError
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # the stub takes tuples of one only
        return await answer

    def close(self) -> None:
        """Drop the connection; whoever waits gets ConnectionResetError."""
        if self._transport is not None:
            self._transport.close()
        self.connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's callback."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment] # uvloop's transports derive from asyncio's only by duck typing

    def data_received(self, data: bytes) -> None:
        """Asyncio's callback: take as many answers as there are whole ones."""
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                self.take(answer)
        except (hiredis.ProtocolError, IndexError):
            self.close()

    def take(self, answer: Any) -> None:
        """Settle the oldest question. Raises IndexError where nothing was asked."""
        question = self._waiting.popleft()
        if question.done():
            return
        if isinstance(answer, hiredis.ReplyError):
            question.set_exception(answer)
        else:
            question.set_result(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        """Asyncio's callback."""
        self.closed = True
        while self._waiting:
            question = self._waiting.popleft()
            if not question.done():
                question.set_exception(ConnectionResetError())
