"""The longest body that a service reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from services.common.errors.factory import ErrorResponseFactory

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 65_536
"""The largest order that there can be has 1 KiB. What is larger is a mistake or an attack, and is not held in memory."""
CODE = "payload_too_large"


class BodyLimitMiddleware:
    """Plain ASGI: 413 for what is declared too large, unread, and for what turns out to be while it is read."""

    def __init__(self, app: ASGIApp, *, factory: ErrorResponseFactory, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._refusal = factory.refusal(CODE)
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = declared_length(scope)
        if declared is None:  # none at all, or one in chunks
            await self._app(scope, self._counted(receive), send)
        elif declared <= self._most_bytes:  # the server hands over no more than that
            await self._app(scope, receive, send)
        else:
            await self._refusal.send(scope, send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counting_receive() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most_bytes:
                # FastAPI lets only this kind of exception out while it reads a body.
                raise HTTPException(413)
            return message

        return counting_receive


def declared_length(scope: Scope) -> int | None:
    """Content-Length in bytes, None where there is none; the server has refused those that are no numbers."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return None
