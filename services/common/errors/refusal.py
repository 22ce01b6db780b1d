"""An answer of plain ASGI that costs next to nothing: for requests that are refused unread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.common.errors.trace_id import trace_id_of

if TYPE_CHECKING:
    from starlette.types import Scope, Send

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Refusal:
    """A problem document in two parts, the request's trace id between them."""

    status: int
    headers: Headers
    before_trace_id: bytes
    after_trace_id: bytes

    async def send(self, scope: Scope, send: Send, *, more_headers: Headers = ()) -> None:
        """Answer this request."""
        body = self.before_trace_id + trace_id_of(scope).encode() + self.after_trace_id
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers, *more_headers]})
        await send({"type": "http.response.body", "body": body})
