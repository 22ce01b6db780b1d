"""A TCP proxy that can fall silent: connections stay open, yet nothing gets through, as when a network is cut."""

from __future__ import annotations

import asyncio
from typing import Self


class MuteProxy:
    """In front of a server on this machine."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._is_mute = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()

    def url_like(self, url: str) -> str:
        """The same URL through this proxy."""
        assert f":{self._behind}/" in url
        return url.replace(f":{self._behind}/", f":{self.port}/")

    def mute(self) -> None:
        """What arrives is lost."""
        self._is_mute = True

    def unmute(self) -> None:
        self._is_mute = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers += [writer, there_writer]
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.get_running_loop().create_task(self._carry(source, sink))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self._is_mute:
                    sink.write(data)
        except OSError:
            pass
        sink.close()
