"""What nobody has foreseen: logged with its trace, answered without anything of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.instance import instance_of
from services.common.errors.trace_id import trace_id_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)


class UnexpectedErrorMiddleware:
    """Plain ASGI. Starlette's own handler of all exceptions raises them again, for uvicorn to log them a second time."""

    def __init__(self, app: ASGIApp, *, factory: ErrorResponseFactory) -> None:
        self._app = app
        self._factory = factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            trace_id = trace_id_of(scope)
            # %r: a path may hold line breaks.
            log.exception("%r %r failed", scope["method"], scope["path"], extra={"trace_id": trace_id})
            if started:
                raise  # the server closes the connection: half an answer must not look like a whole one
            response = self._factory.response("internal_error", instance=instance_of(scope), trace_id=trace_id)
            await response(scope, receive, send)
