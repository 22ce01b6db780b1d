"""The supervisor's HTTP interface on a Unix socket: JSON both ways. Errors travel as themselves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from scaleproof.runtime.control import ERROR_STATUS, error_document
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import ScaleproofError

Handler = Callable[[dict[str, Any]], Awaitable[Any]]
"""From the request's document to the answer's."""

_LARGEST: Final = 4 * 2**20


class ControlServer:
    """Answers `POST /<order>` by the handler of that name. Only the folder's owner can reach it: the folder's mode is 0700."""

    def __init__(self, folder: StateFolder, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = handlers
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen."""
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_post("/{order}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        with self._folder.socket_path() as path:
            await web.UnixSite(self._runner, path).start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        handler = self._handlers.get(request.match_info["order"])
        if handler is None:
            return _json(404, {"error": "internal", "message": f"no order {request.path}", "hint": None})
        try:
            return _json(200, await handler(await request.json()))
        except ScaleproofError as error:
            return _json(ERROR_STATUS, error_document(error))


def _json(status: int, document: Any) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")
