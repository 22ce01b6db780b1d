"""The error that a service raises, wherever it is, to be answered with one of its codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.common.errors.field_error import FieldError


class ServiceError(Exception):
    """Becomes the problem document of its code; `detail` says more than the catalogue does, and is answered to the client.

    `members` are further members of the document, as JSON's own types (RFC 9457, section 3.2); PROBLEM_DOCUMENT says which there are.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_seconds: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code if detail is None else f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = tuple(fields)
        self.headers = dict(headers or {})
        self.retry_after_seconds = retry_after_seconds
        self.members = dict(members or {})
