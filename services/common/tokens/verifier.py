"""Keys, a clock's time and revocations → the principal of a token, or a refusal. Waits for nothing."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.common.errors.raised import ServiceError
from services.common.tokens.claims import Claims, read_claims
from services.common.tokens.expected import Expected
from services.common.tokens.principal import Principal
from services.common.tokens.revocations import Revocations
from services.common.tokens.signature import BadTokenError, key_id_of, open_signed

_CHALLENGE = {"www-authenticate": 'Bearer error="invalid_token"'}
"""RFC 6750, section 3.1."""


class KeySource(Protocol):
    """The public keys in force."""

    def get(self, key_id: str) -> Ed25519PublicKey | None:
        """None where there is no such key (any more)."""


class UnknownKeyError(ServiceError):
    """The token names a key that is not among the known ones. It may be a new one."""

    def __init__(self) -> None:
        super().__init__("unauthenticated", "The token is not valid.", headers=_CHALLENGE)


class TokenVerifier:
    """Everything that must hold for a token."""

    def __init__(self, keys: KeySource, revocations: Revocations, expected: Expected) -> None:
        self._keys = keys
        self._revocations = revocations
        self._expected = expected

    def verify(self, token: str, now: float) -> Principal:
        """Whose token it is. `now` is in seconds since 1970.

        Raises UnknownKeyError, and ServiceError: `unauthenticated` where the token never was good, `token_expired` where it no
        longer is (too old or revoked: a new one may be had), `temporarily_unavailable` where nobody can tell whether it is revoked.
        """
        claims = self._signed_claims(token)
        principal = claims.principal
        if claims.valid_from > now + self._expected.leeway_seconds:
            raise refused("The token is not valid yet.")
        if principal.expires_at <= now - self._expected.leeway_seconds:
            raise ServiceError("token_expired", "The access token has expired.", headers=_CHALLENGE)
        if self._revocations.is_revoked(principal):
            raise ServiceError("token_expired", "The access token was revoked.", headers=_CHALLENGE)
        if self._revocations.is_silent():
            raise ServiceError(
                "temporarily_unavailable", "Nobody can tell whether the token is revoked.", retry_after_seconds=1
            )
        return principal

    def _signed_claims(self, token: str) -> Claims:
        """The claims of a token whose signature, issuer and audience are good.

        Each time anew. To remember good ones helps a few clients who ask often, and not ten thousand who ask twice a minute: a replica
        would hold a hundred in a test with a hundred users what it cannot hold in the load that the test is for.
        """
        try:
            key = self._keys.get(key_id_of(token))
            if key is None:
                raise UnknownKeyError
            return read_claims(open_signed(token, key), self._expected)
        except BadTokenError:
            raise refused("The token is not valid.") from None


def refused(detail: str) -> ServiceError:
    """The 401 of a token that never was good. Does not say what is wrong with it: only who forges wants to know."""
    return ServiceError("unauthenticated", detail, headers=_CHALLENGE)
