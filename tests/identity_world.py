"""Identity without HTTP, on a real PostgreSQL and with a clock that the test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from identity_accounts import Accounts
from identity_tokens import EXPECTED, Clock

from services.common.database import Database
from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Principal, Role
from services.common.tokens.revocations import Revocations
from services.common.tokens.verifier import TokenVerifier
from services.identity.access_tokens import AccessTokens
from services.identity.key_ring import KeyRing
from services.identity.password_pool import PasswordPool
from services.identity.pem_keys import PemKeys
from services.identity.policy import TokenPolicy
from services.identity.repository import UserRepository
from services.identity.revocation_relay import RevocationRelay
from services.identity.revocation_repository import RevocationRepository
from services.identity.service import UserService
from services.identity.session_repository import SessionRepository
from services.identity.session_service import Session, SessionEndedError, SessionService
from services.identity.signing_key import SigningKey

PASSWORD = "correct horse battery"
POLICY = TokenPolicy()


class World:
    """As `create_app` puts it together."""

    def __init__(self, url: str, accounts: Accounts) -> None:
        self.clock = Clock()
        self.accounts = accounts
        self.database = Database(url, name="test")
        key = SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0)
        self.ring = KeyRing(PemKeys([key]), concern_seconds=POLICY.concern_seconds, clock=self.clock)
        self.revocations = Revocations()
        self.relay = RevocationRelay(RevocationRepository(self.database), self.revocations, redis_url=None)
        self.verifier = TokenVerifier(self.ring, self.revocations, EXPECTED)
        self.passwords = PasswordPool(threads=2, most_waiting=100)
        self.user_rows = UserRepository(self.database, concern_seconds=POLICY.concern_seconds)
        self.session_rows = SessionRepository(self.database, concern_seconds=POLICY.concern_seconds)
        self.users = UserService(
            self.user_rows, self.passwords, revoked=self.relay.soon, published=lambda: None, clock=self.clock
        )
        self.sessions = SessionService(
            self.session_rows,
            self.user_rows,
            self.passwords,
            AccessTokens(self.ring, EXPECTED, access_seconds=POLICY.access_seconds),
            policy=POLICY,
            revoked=self.relay.soon,
            clock=self.clock,
        )

    async def signed_in(self, *, roles: tuple[Role, ...] = (Role.customer,)) -> Session:
        user_id = self.accounts.add(roles=roles, password=PASSWORD)
        return await self.sessions.sign_in(self.accounts.email_of(user_id), PASSWORD)

    async def verified(self, session: Session) -> Principal:
        """As a replica sees it that has just heard what was revoked."""
        await self.relay.relay()
        return self.verifier.verify(session.access_token, self.clock.now)

    async def is_revoked(self, session: Session) -> bool:
        try:
            await self.verified(session)
        except ServiceError as error:
            if str(error) != "token_expired: The access token was revoked.":
                raise
            return True
        return False

    async def has_ended(self, refresh_token: str) -> bool:
        try:
            await self.sessions.refresh(refresh_token)
        except SessionEndedError:
            return True
        return False


@asynccontextmanager
async def opened(accounts: Accounts) -> AsyncIterator[World]:
    world = World(accounts.url, accounts)
    await world.database.open()
    await world.ring.reload()
    try:
        yield world
    finally:
        await world.passwords.close()
        await world.database.close()
