"""Everything that a service needs in order to verify tokens, put together."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.tokens.authenticator import Authenticator
from services.common.tokens.identity_reader import IdentityReader
from services.common.tokens.jwks import JwksKeys
from services.common.tokens.revocation_feed import RevocationFeed
from services.common.tokens.revocations import Revocations
from services.common.tokens.settings import TokenSettings
from services.common.tokens.verifier import TokenVerifier


@dataclass(frozen=True)
class Verification:
    """`authenticator` belongs into `app.state`, `adapters` among those that `create_service_app` opens."""

    authenticator: Authenticator
    adapters: tuple[JwksKeys, RevocationFeed]


def create_verification(settings: TokenSettings, *, redis_url: str | None) -> Verification:
    """For every service but identity, which has keys and revocations at first hand."""
    identity = IdentityReader(settings.identity_url)
    keys = JwksKeys(identity)
    revocations = Revocations()
    verifier = TokenVerifier(keys, revocations, settings.expected)
    feed = RevocationFeed(revocations, identity, redis_url=redis_url)
    return Verification(Authenticator(verifier, keys), (keys, feed))
