"""Whatever goes wrong in an application becomes a problem document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from services.common.errors.allowed_methods import allowed_methods
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.field_error import field_errors
from services.common.errors.instance import instance_of
from services.common.errors.raised import ServiceError
from services.common.errors.trace_id import trace_id_of

METHOD_NOT_ALLOWED = 405
JSON = "application/json"


def install(app: FastAPI, factory: ErrorResponseFactory, *, unavailable: Sequence[type[Exception]] = ()) -> None:
    """Answer ServiceError, refused input, and what Starlette raises by itself. `unavailable` mean: try again later.

    What is unexpected is answered by UnexpectedErrorMiddleware.
    """
    handlers = ProblemHandlers(factory)
    app.add_exception_handler(ServiceError, handlers.service_error)
    app.add_exception_handler(RequestValidationError, handlers.refused_input)
    app.add_exception_handler(HTTPException, handlers.http_exception)
    for error in unavailable:
        app.add_exception_handler(error, handlers.unavailable)


class ProblemHandlers:
    """Starlette's exception handlers, one a kind of exception."""

    def __init__(self, factory: ErrorResponseFactory) -> None:
        self._factory = factory

    async def service_error(self, request: Request, error: Exception) -> Response:
        """What a service raised."""
        assert isinstance(error, ServiceError)
        return self._answer(
            request,
            error.code,
            detail=error.detail,
            fields=error.fields,
            headers=error.headers,
            retry_after_seconds=error.retry_after_seconds,
            members=error.members,
        )

    async def refused_input(self, request: Request, error: Exception) -> Response:
        """What pydantic refused, by field. Values that the client sent are never repeated."""
        assert isinstance(error, RequestValidationError)
        # FastAPI hands a body over as bytes where its content type is not JSON; JSON itself never is bytes.
        if isinstance(error.body, bytes):
            return self._answer(request, "unsupported_media_type", headers={"accept": JSON})
        errors = error.errors()
        if errors and errors[0]["type"] == "json_invalid":
            return self._answer(
                request, "malformed_request", detail=f"The body is not JSON (at character {errors[0]['loc'][-1]})."
            )
        return self._answer(request, "validation_failed", fields=field_errors(errors, error.body))

    async def http_exception(self, request: Request, error: Exception) -> Response:
        """What Starlette and FastAPI raise: no such path, no such method, a body that cannot be read."""
        assert isinstance(error, HTTPException)
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == METHOD_NOT_ALLOWED:
            # Starlette knows the first route of that path only.
            headers["allow"] = ", ".join(allowed_methods(request.app, request.scope["path"]))
        return self._answer(request, self._factory.code_of(error.status_code), headers=headers)

    async def unavailable(self, request: Request, _error: Exception) -> Response:
        """What an adapter could not reach."""
        return self._answer(request, "temporarily_unavailable")

    def _answer(self, request: Request, code: str, **more: Any) -> Response:
        return self._factory.response(code, instance=instance_of(request.scope), trace_id=trace_id_of(request.scope), **more)
