"""Each query parameter once: of two values one would be dropped without a word, and not every proxy drops the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.field_error import LONGEST_NAME, FieldError
from services.common.errors.instance import instance_of
from services.common.errors.trace_id import trace_id_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class QueryGuardMiddleware:
    """Plain ASGI: 422 for a repeated parameter. pydantic cannot see it: it gets the last value."""

    def __init__(self, app: ASGIApp, *, factory: ErrorResponseFactory) -> None:
        self._app = app
        self._factory = factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or refuse it."""
        if scope["type"] == "http" and b"&" in scope["query_string"]:
            name = repeated_name(scope["query_string"])
            if name is not None:
                field = FieldError(field=name[:LONGEST_NAME], code="repeated", message="Parameter should be there once")
                response = self._factory.response(
                    "validation_failed", instance=instance_of(scope), trace_id=trace_id_of(scope), fields=[field]
                )
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def repeated_name(query: bytes) -> str | None:
    """The first name that is there a second time, however it is escaped; None where there is none."""
    seen = set()
    for pair in query.split(b"&"):
        if not pair:
            continue
        name = unquote_plus(str(pair.partition(b"=")[0], "latin-1"))
        if name in seen:
            return name
        seen.add(name)
    return None
