"""What identity decides about people who sign in elsewhere: whose answer is taken, whose account it opens, who is linked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Principal
from services.identity.oidc.attempt import Attempt, is_secret
from services.identity.oidc.provider import Person, Provider, unavailable
from services.identity.oidc.repository import Linker, OidcRepository, PendingAttempt
from services.identity.oidc.schemas import CallbackQuery, ExternalIdentity
from services.identity.policy import TokenPolicy
from services.identity.session_service import Session, SessionService

NOT_NOW = frozenset({"server_error", "temporarily_unavailable"})
"""What a provider sends a browser back with that cannot serve it (RFC 6749, section 4.1.2.1)."""
EMAIL_TAKEN = "Another account has the e-mail that the provider tells: its owner signs in as usual and then links the provider."


@dataclass(frozen=True)
class Started:
    """Where to send the browser, and what its cookie is to hold for how long."""

    url: str
    browser: str = field(repr=False)
    live_seconds: int


@dataclass(frozen=True)
class Finished:
    """Where to go on; with a session, or without one where an account was linked: whoever asked for that has one."""

    return_to: str
    session: Session | None


class ExternalSignInService:
    """The use cases. `clock` tells seconds since 1970."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        rows: OidcRepository,
        sessions: SessionService,
        *,
        policy: TokenPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._providers = providers
        self._rows = rows
        self._sessions = sessions
        self._attempt_seconds = policy.elsewhere_seconds
        self._link_seconds = policy.link_seconds
        self._clock = clock

    def names(self) -> list[str]:
        """The providers there are."""
        return list(self._providers)

    async def start(self, name: str, *, return_to: str, browser: str | None, caller: Principal | None = None) -> Started:
        """Begin an attempt of whoever wants to sign in, or of the caller who wants to be linked; `browser` is the cookie there is.

        Raises ServiceError: `oidc_provider_unknown`, `oidc_provider_unavailable`, `sign_in_again`.
        """
        provider = self._provider(name)
        attempt = Attempt.drawn(name, return_to=return_to, browser=browser)
        url = await provider.authorization_url(attempt)
        expires_at = self._now() + timedelta(seconds=self._attempt_seconds)
        if not await self._rows.add(attempt, expires_at=expires_at, linker=self._linker(caller)):
            raise ServiceError("sign_in_again")
        return Started(url, attempt.browser, self._attempt_seconds)

    async def finish(self, name: str, answer: CallbackQuery, *, browser: str | None) -> Finished:
        """The browser is back. Whatever comes of it, the attempt is used up.

        Raises ServiceError: `oidc_provider_unknown`, `oidc_state_refused`, `oidc_denied`, `oidc_code_refused`, `oidc_nonce_wrong`,
        `oidc_token_refused`, `oidc_provider_unavailable`, `user_disabled`, `oidc_not_linked`, `oidc_already_linked`,
        `oidc_email_missing`, `email_taken`.
        """
        provider = self._provider(name)
        pending = await self._taken(name, answer.state, browser)
        # First of all: an attacker's provider may have made the browser bring its own answer, or another provider's, here.
        if not await provider.is_answer_of(answer.iss):
            raise ServiceError("oidc_token_refused", "The answer is another issuer's.")
        if answer.error is not None:
            raise unavailable() if answer.error in NOT_NOW else ServiceError("oidc_denied")
        if not answer.code:
            raise ServiceError("oidc_code_refused", "The provider sent no code.")
        redeemed = await provider.redeem(answer.code, code_verifier=pending.code_verifier)
        person = await provider.person(redeemed, nonce=pending.nonce, now=self._clock())
        if pending.user_id is not None:
            await self._link(provider, person, pending, pending.user_id)
            return Finished(pending.return_to, None)
        return Finished(pending.return_to, await self._session_of(provider, person))

    async def links(self, user_id: int) -> list[ExternalIdentity]:
        """The identities of a user. Who has none may be nobody."""
        by_issuer: dict[str, str] = {}
        for name, provider in self._providers.items():
            by_issuer.setdefault(provider.settings.issuer, name)
        return [
            ExternalIdentity(provider=by_issuer.get(link.issuer), issuer=link.issuer, linked_at=link.linked_at)
            for link in await self._rows.links(user_id)
        ]

    async def unlink(self, name: str, user_id: int) -> None:
        """Nothing happens where there is no link. Raises ServiceError: `oidc_provider_unknown`, `last_sign_in`."""
        if not await self._rows.unlink(user_id, issuer=self._provider(name).settings.issuer):
            raise ServiceError("last_sign_in")

    def _linker(self, caller: Principal | None) -> Linker | None:
        if caller is None:
            return None
        since = self._now() - timedelta(seconds=self._link_seconds)
        return Linker(user_id=int(caller.user_id), session_id=caller.session_id, signed_in_since=since)

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise ServiceError("oidc_provider_unknown")
        return provider

    async def _taken(self, name: str, state: str | None, browser: str | None) -> PendingAttempt:
        """The attempt that this browser began with this provider."""
        if state is not None and is_secret(state) and browser is not None and is_secret(browser):
            pending = await self._rows.take(name, state=state, browser=browser, now=self._now())
            if pending is not None:
                return pending
        raise ServiceError("oidc_state_refused")

    async def _session_of(self, provider: Provider, person: Person) -> Session:
        """A session of the account that is linked with this person, made where the provider's settings say so."""
        issuer, subject = provider.settings.issuer, person.claims.subject
        session = await self._sessions.begin(lambda new: self._rows.open(issuer, subject, new=new))
        if session is None and not await self._rows.is_linked(issuer, subject):
            if not provider.settings.creates_users:
                raise ServiceError("oidc_not_linked")
            profile = await provider.profile(person)
            session = await self._sessions.begin(lambda new: self._rows.create(issuer, subject, profile=profile, new=new))
            if session is None and not await self._rows.is_linked(issuer, subject):
                raise ServiceError("email_taken", EMAIL_TAKEN)
        if session is None:  # the same person may have come twice at once, and been linked by the other visit
            session = await self._sessions.begin(lambda new: self._rows.open(issuer, subject, new=new))
        if session is None:
            raise ServiceError("user_disabled")
        return session

    async def _link(self, provider: Provider, person: Person, pending: PendingAttempt, user_id: int) -> None:
        outcome = await self._rows.link(
            provider.settings.issuer,
            person.claims.subject,
            user_id=user_id,
            session_generation=pending.session_generation,
            now=self._now(),
        )
        if not outcome.may_link:
            raise ServiceError("oidc_state_refused", "Every session of the user has ended since the link was asked for.")
        if outcome.user_id != user_id:
            raise ServiceError("oidc_already_linked")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
