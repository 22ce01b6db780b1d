"""The only maker of answers that are errors: `application/problem+json` (RFC 9457) from a code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from services.common.errors.catalogue import Problem
from services.common.errors.field_error import FieldError
from services.common.errors.refusal import Refusal
from services.common.errors.trace_id import new_trace_id

MEDIA_TYPE = "application/problem+json"
UNAUTHENTICATED = 401


class ErrorResponseFactory:
    """Knows a service's codes. Each method raises KeyError for a code that is not one of them."""

    def __init__(self, catalogue: Mapping[str, Problem], *, service: str) -> None:
        self.catalogue = catalogue
        self.service = service
        # Read backwards: of several codes with one status the first is left.
        self._first_of_status = {problem.status: problem.code for problem in [*catalogue.values()][::-1]}

    def code_of(self, status: int) -> str:
        """The code for an HTTP status that somebody else chose: the first one in the catalogue."""
        other = "internal_error" if status >= self.catalogue["internal_error"].status else "malformed_request"
        return self._first_of_status.get(status, other)

    def response(
        self,
        code: str,
        *,
        detail: str | None = None,
        instance: str | None = None,
        trace_id: str | None = None,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_seconds: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> Response:
        """The whole answer: status, headers, body."""
        body = self.body(code, detail=detail, instance=instance, trace_id=trace_id, fields=fields, members=members)
        own = self._headers(self.catalogue[code], retry_after_seconds)
        all_headers = own | {name.lower(): value for name, value in (headers or {}).items()}
        return Response(body, status_code=self.catalogue[code].status, headers=all_headers, media_type=MEDIA_TYPE)

    def body(
        self,
        code: str,
        *,
        detail: str | None = None,
        instance: str | None = None,
        trace_id: str | None = None,
        fields: Sequence[FieldError] = (),
        members: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The document alone. `detail` is the catalogue's where nothing more exact is known; `trace_id` a random one."""
        document = self._document(self.catalogue[code], detail, instance, trace_id or new_trace_id())
        document.update(members or {})
        if fields:
            document["errors"] = [asdict(field) for field in fields]
        return json.dumps(document, separators=(",", ":")).encode()

    def refusal(self, code: str) -> Refusal:
        """An answer made once, for plain ASGI: without `instance`, and only its trace id differs."""
        problem = self.catalogue[code]
        marker = new_trace_id()
        before, after = self.body(code, trace_id=marker).split(marker.encode())
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(before) + len(marker) + len(after)),
            **self._headers(problem, None),
        }
        raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
        return Refusal(status=problem.status, headers=raw, before_trace_id=before, after_trace_id=after)

    def _document(self, problem: Problem, detail: str | None, instance: str | None, trace_id: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": problem.type,
            "title": problem.title,
            "status": problem.status,
            "detail": detail or problem.when,
            "code": problem.code,
            "trace_id": trace_id,
        }
        return found if instance is None else {**found, "instance": instance}

    def _headers(self, problem: Problem, retry_after_seconds: int | None) -> dict[str, str]:
        seconds = problem.retry_after_seconds if retry_after_seconds is None else retry_after_seconds
        found = {} if seconds is None else {"retry-after": str(seconds)}
        if problem.status == UNAUTHENTICATED:
            found["www-authenticate"] = "Bearer"  # RFC 9110 wants a challenge with each 401
        return found
