"""One OpenID provider, as identity talks to it."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from services.common.errors.raised import ServiceError
from services.common.http_client.exchange import Asked, Reply
from services.identity.oidc.answer import read_object
from services.identity.oidc.attempt import Attempt
from services.identity.oidc.id_token import (
    BadIdTokenError,
    ExpectedIdToken,
    IdClaims,
    Jwk,
    UnknownKeyError,
    WrongNonceError,
    verify_id_token,
)
from services.identity.oidc.kept import Kept
from services.identity.oidc.profile import Profile, read_profile
from services.identity.oidc.provider_metadata import ProviderMetadata, discovery_url, parse_metadata
from services.identity.oidc.provider_settings import ProviderSettings

METADATA_SECONDS = 3600.0
KEYS_SECONDS = 300.0
"""A key that the provider has withdrawn signs nobody in for longer than that."""
MOST_KEYS = 64
OK = 200
FIRST_SERVER_ERROR = 500
FORM = "application/x-www-form-urlencoded"

log = logging.getLogger(__name__)


class Asks(Protocol):
    """What is needed of the HTTP client."""

    async def request(self, asked: Asked) -> Reply:
        """The answer. Raises ServiceError where there is none."""
        ...


@dataclass(frozen=True)
class Redeemed:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str | None = field(repr=False)


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in there. The access token serves to ask for their profile, and is then forgotten."""

    claims: IdClaims
    access_token: str | None = field(repr=False)


class Provider:
    """Asks as seldom as it can: the discovery document lasts an hour, the keys five minutes. `clock` is monotonic.

    Every method raises ServiceError `oidc_provider_unavailable` where the provider does not answer, or answers nonsense.
    """

    def __init__(self, settings: ProviderSettings, client: Asks, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._client = client
        self._metadata: Kept[ProviderMetadata] = Kept(self._discover, seconds=METADATA_SECONDS, clock=clock)
        self._keys: Kept[list[Jwk]] = Kept(self._fetch_keys, seconds=KEYS_SECONDS, clock=clock)

    async def authorization_url(self, attempt: Attempt) -> str:
        """Where to send the browser (OpenID Connect Core 1.0, section 3.1.2.1; RFC 7636, section 4.3)."""
        endpoint = (await self._metadata.value()).authorization_endpoint
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def is_answer_of(self, issuer: str | None) -> bool:
        """Whether an answer that says to be `issuer`'s is this provider's; one that says nothing may be, unless all its answers do."""
        if issuer is None:
            return not (await self._metadata.value()).names_issuer
        return issuer == self.settings.issuer

    async def redeem(self, code: str, *, code_verifier: str) -> Redeemed:
        """Exchange the code (RFC 6749, section 4.1.3). Never repeated: it is good for once. Raises ServiceError `oidc_code_refused`."""
        metadata = await self._metadata.value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": code_verifier,
        }
        headers = {"accept": "application/json", "content-type": FORM}
        if metadata.takes_basic:
            headers["authorization"] = basic(self.settings.client_id, self.settings.client_secret)
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        reply = await self._ask(Asked("POST", metadata.token_endpoint, body=urlencode(form).encode(), headers=headers))
        fields = self._object(reply, "the token endpoint")
        if reply.status != OK:
            if fields.get("error") == "invalid_grant":
                raise ServiceError("oidc_code_refused")
            # `invalid_client`, say: it is this platform's settings that are wrong, nothing that the user could mend.
            raise self._unusable(f"the token endpoint answers {reply.status} {fields.get('error')!r:.80}")
        id_token, access_token = fields.get("id_token"), fields.get("access_token")
        if not isinstance(id_token, str):
            raise self._unusable("the token endpoint gives no ID token")
        return Redeemed(id_token, access_token if isinstance(access_token, str) and access_token.isascii() else None)

    async def person(self, redeemed: Redeemed, *, nonce: str, now: float) -> Person:
        """Whose ID token it is. `now` is in seconds since 1970. Raises ServiceError: `oidc_nonce_wrong`, `oidc_token_refused`."""
        expected = ExpectedIdToken(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            algorithms=(await self._metadata.value()).algorithms,
            nonce=nonce,
            access_token=redeemed.access_token,
        )
        try:
            try:
                claims = await self._verified(redeemed.id_token, await self._keys.value(), expected, now)
            except UnknownKeyError:
                claims = await self._verified(redeemed.id_token, await self._keys.again(), expected, now)
        except BadIdTokenError as error:
            log.warning("OpenID provider %s: an ID token is refused: %s", self.settings.name, error)
            raise ServiceError("oidc_nonce_wrong" if isinstance(error, WrongNonceError) else "oidc_token_refused") from None
        return Person(claims, redeemed.access_token)

    async def profile(self, person: Person) -> Profile:
        """For a new account: from the ID token, else from userinfo. Raises ServiceError `oidc_email_missing`."""
        profile = read_profile(person.claims.fields)
        endpoint = (await self._metadata.value()).userinfo_endpoint
        if profile is None and endpoint is not None and person.access_token is not None:
            fields = await self._read(endpoint, authorization=f"Bearer {person.access_token}")
            # Or somebody else's profile could be slipped in (OpenID Connect Core 1.0, section 5.3.2).
            if fields.get("sub") != person.claims.subject:
                raise self._unusable("userinfo is about somebody else")
            profile = read_profile(fields)
        if profile is None:
            raise ServiceError("oidc_email_missing")
        return profile

    async def _verified(self, token: str, keys: list[Jwk], expected: ExpectedIdToken, now: float) -> IdClaims:
        # In a thread: the first one imports PyJWT, which under 100m takes longer than a request may.
        return await asyncio.to_thread(verify_id_token, token, keys, expected, now=now)

    async def _discover(self) -> ProviderMetadata:
        reply = await self._get(discovery_url(self.settings.issuer))
        try:
            return parse_metadata(reply.body, issuer=self.settings.issuer)
        except ValueError as error:
            raise self._unusable(str(error)) from None

    async def _fetch_keys(self) -> list[Jwk]:
        keys = (await self._read((await self._metadata.value()).jwks_uri)).get("keys")
        if not isinstance(keys, list):
            raise self._unusable("its key set has no keys")
        return [key for key in keys[:MOST_KEYS] if isinstance(key, dict)]

    async def _read(self, url: str, **headers: str) -> dict[str, Any]:
        return self._object(await self._get(url, **headers), url)

    async def _get(self, url: str, **headers: str) -> Reply:
        reply = await self._ask(Asked("GET", url, headers={"accept": "application/json", **headers}))
        if reply.status != OK:
            raise self._unusable(f"{url} answers {reply.status}")
        return reply

    async def _ask(self, asked: Asked) -> Reply:
        try:
            reply = await self._client.request(asked)
        except ServiceError as error:
            raise unavailable(error.retry_after_seconds) from error
        if reply.status >= FIRST_SERVER_ERROR:
            raise self._unusable(f"{asked.path} answers {reply.status}")
        return reply

    def _object(self, reply: Reply, what: str) -> dict[str, Any]:
        try:
            return read_object(reply.body)
        except ValueError as error:
            raise self._unusable(f"{what}: {error}") from None

    def _unusable(self, reason: str) -> ServiceError:
        log.warning("OpenID provider %s: %s", self.settings.name, reason)
        return unavailable()


def unavailable(retry_after_seconds: int | None = None) -> ServiceError:
    """The 503 of a provider that nobody can sign in with at present."""
    return ServiceError("oidc_provider_unavailable", retry_after_seconds=retry_after_seconds)


def basic(client_id: str, client_secret: str) -> str:
    """Both are form-encoded first (RFC 6749, section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
