"""Makes access tokens."""

from __future__ import annotations

from typing import Protocol

from services.common.tokens.claims import write_claims
from services.common.tokens.expected import Expected
from services.common.tokens.principal import Principal, Role
from services.identity.refresh_token import new_token_id
from services.identity.session_repository import OpenSession


class Signs(Protocol):
    """What is needed of the key ring."""

    def sign(self, payload: bytes) -> str:
        """The token."""


class AccessTokens:
    """For the issuer and the audience that every verifier of the platform expects."""

    def __init__(self, keys: Signs, expected: Expected, *, access_seconds: int) -> None:
        self._keys = keys
        self._expected = expected
        self.access_seconds = access_seconds

    def issue(self, session: OpenSession, *, now: float) -> str:
        """A token of this session, from now on (seconds since 1970). Raises ServiceError where no key signs."""
        issued_at = int(now)
        principal = Principal(
            user_id=str(session.user_id),
            session_id=session.session_id,
            token_id=new_token_id(),
            roles=frozenset(Role(name) for name in session.roles),
            version=session.token_version,
            issued_at=issued_at,
            expires_at=issued_at + self.access_seconds,
        )
        payload = write_claims(principal, issuer=self._expected.issuer, audience=self._expected.audience)
        return self._keys.sign(payload)
