"""How a service finds out who calls: it verifies identity's tokens, or, told of no identity, lets nobody in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Security

from services.common.application import Opened
from services.common.errors.raised import ServiceError
from services.common.tokens.authorisation import Reach
from services.common.tokens.caller import TOKEN_CODES, Access, Authenticates, BearerAccess
from services.common.tokens.principal import Principal
from services.common.tokens.settings import AccessMode, TokenSettings

NO_IDENTITY_CODE = "identity_not_configured"
CALLER_CODES = (*TOKEN_CODES, NO_IDENTITY_CODE)
"""For the OpenAPI document: what an endpoint with a caller may answer in a service that may be told of no identity."""
EVERYBODY = Access(
    Principal(user_id="", session_id="", token_id="", roles=frozenset(), version=0, issued_at=0, expires_at=0), Reach.any
)
"""Who calls where nobody is asked."""


async def everybody() -> Access:
    """The dependency of an endpoint that is open."""
    return EVERYBODY


@dataclass(frozen=True)
class Guard:
    """How endpoints that may be open find out who calls: `caller: Access = guard.caller`, and `codes` for the OpenAPI document."""

    caller: Any
    codes: tuple[str, ...]


def create_guard(access: AccessMode) -> Guard:
    """An endpoint that is open does not say in the OpenAPI document that it asks for a token."""
    if access is AccessMode.open:
        return Guard(Depends(everybody), ())
    return Guard(Security(BearerAccess()), CALLER_CODES)


class NoIdentity:
    """Where IDENTITY_URL is not set: an endpoint that asks for a token is then closed to everybody, whatever they send."""

    async def principal(self, headers: Sequence[str]) -> Principal:  # noqa: ARG002  no token would do
        """Raises ServiceError `identity_not_configured`."""
        raise ServiceError(NO_IDENTITY_CODE)


@dataclass(frozen=True)
class Authentication:
    """`authenticator` belongs into `app.state`, `adapters` among those of `create_service_app`."""

    authenticator: Authenticates
    adapters: Sequence[Opened] = ()


def create_authentication(tokens: TokenSettings | None, *, redis_url: str | None) -> Authentication:
    """For every service but identity, which has keys and revocations at first hand."""
    if tokens is None:
        return Authentication(NoIdentity())
    # Costs a start 28 ms of CPU, a third of a second under 100m: only who verifies tokens pays it.
    from services.common.tokens.verification import create_verification  # noqa: PLC0415  as above

    verification = create_verification(tokens, redis_url=redis_url)
    return Authentication(verification.authenticator, verification.adapters)
