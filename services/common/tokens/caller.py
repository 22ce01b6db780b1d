"""FastAPI's side: `Caller` as a parameter of an endpoint makes it ask for a token and for permission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from services.common.errors.raised import ServiceError
from services.common.tokens.authorisation import Reach, reach_of
from services.common.tokens.principal import Principal

TOKEN_CODES = ("unauthenticated", "token_expired", "forbidden")
"""For the OpenAPI document: what an endpoint with a caller may answer beside its own."""


class Authenticates(Protocol):
    """What stands in `app.state.authenticator`."""

    async def principal(self, headers: Sequence[str]) -> Principal:
        """Whose request it is; `headers` are the values of every Authorization header. Raises ServiceError."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Who calls this endpoint, and how far the caller reaches there: never `none`."""

    principal: Principal
    reach: Reach

    def must_own(self, owner: str | int) -> None:
        """Go on where the object is the caller's own, or any may be asked for. Raises ServiceError `forbidden`."""
        if not self.reaches(owner):
            raise ServiceError("forbidden")

    def reaches(self, owner: str | int) -> bool:
        """Whether that user's objects are within reach; where even their existence is a secret, answer 404 if not."""
        return self.reach is Reach.any or str(owner) == self.principal.user_id

    @property
    def scope(self) -> str:
        """What a cache key must carry: callers of different scopes never see the same entry."""
        return "any" if self.reach is Reach.any else f"own:{self.principal.user_id}"


class BearerAccess(SecurityBase):
    """The dependency, and how the OpenAPI document names it. `create_app` fills `app.state.authenticator`; without it the answer is 500."""

    model = HTTPBearer(bearerFormat="JWT", description="An access token of identity.")
    scheme_name = "access token"

    async def __call__(self, request: Request) -> Access:
        """Whoever calls. Raises ServiceError as the authenticator does, and `forbidden`."""
        authenticator: Authenticates = request.app.state.authenticator
        principal = await authenticator.principal(request.headers.getlist("authorization"))
        reach = reach_of(principal, f"{request.method} {request.scope['route'].path}")
        if reach is Reach.none:
            raise ServiceError("forbidden")
        return Access(principal, reach)


Caller = Annotated[Access, Security(BearerAccess())]
