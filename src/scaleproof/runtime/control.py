"""The supervisor's HTTP interface on a Unix socket: JSON both ways. Errors travel as themselves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
from aiohttp import web

from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError

Handler = Callable[[dict[str, Any]], Awaitable[Any]]
"""From the request's document to the answer's."""

_ERROR_STATUS: Final = 422
_KINDS: Final[Mapping[str, type[ScaleproofError]]] = {"bad_input": BadInputError, "cannot_measure": CannotMeasureError}
_LARGEST: Final = 4 * 2**20


def error_document(error: ScaleproofError) -> dict[str, Any]:
    """An error as JSON."""
    kind = next((kind for kind, cls in _KINDS.items() if isinstance(error, cls)), "internal")
    return {"error": kind, "message": error.message, "hint": error.hint}


def error_of(document: Mapping[str, Any]) -> ScaleproofError:
    """The error that the JSON stands for."""
    return _KINDS.get(document["error"], ScaleproofError)(document["message"], hint=document["hint"])


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
            return _json(200, await handler(await request.json() if request.can_read_body else {}))
        except ScaleproofError as error:
            return _json(_ERROR_STATUS, error_document(error))


class ControlClient:
    """Sends orders to the supervisor of a state folder."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    def ask(self, order: str, document: Mapping[str, Any] | None = None, *, timeout_seconds: float = 30.0) -> Any:
        """Send an order and return its answer. Raises the supervisor's own error, or CannotMeasureError where none answers."""
        try:
            with (
                self._folder.socket_path() as path,
                httpx.Client(
                    transport=httpx.HTTPTransport(uds=path),
                    base_url="http://supervisor",
                    timeout=timeout_seconds,
                    trust_env=False,
                ) as client,
            ):
                answer = client.post(f"/{order}", json=dict(document or {}))
        except (OSError, httpx.TransportError):
            raise CannotMeasureError(
                f"no platform answers in {self._folder.root}",
                hint="start one with `scaleproof up`; `scaleproof logs supervisor`",
            ) from None
        if answer.status_code != httpx.codes.OK:
            try:
                failure = error_of(answer.json())
            except (json.JSONDecodeError, KeyError):
                failure = ScaleproofError(f"the supervisor failed on {order!r}", hint="see `scaleproof logs supervisor`")
            raise failure
        return answer.json()


def _json(status: int, document: Any) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")
