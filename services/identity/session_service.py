"""What identity decides about sessions: who gets in, what a refresh token is worth, and what ends a session."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Role
from services.identity.access_tokens import AccessTokens
from services.identity.password_hasher import hash_password, is_outdated, is_password
from services.identity.password_pool import PasswordPool
from services.identity.policy import TokenPolicy
from services.identity.refresh_token import digest, is_refresh_token, new_refresh_token, new_session_id
from services.identity.repository import Account, UserRepository
from services.identity.session_repository import NewSession, OpenSession, SessionRepository

log = logging.getLogger(__name__)


class SessionEndedError(Exception):
    """A refresh token that is missing, unknown, too old, reused or revoked: which of these is nobody's business."""


@dataclass(frozen=True)
class Session:
    """Both tokens of a session, as the client gets them. Seconds are those that are left."""

    access_token: str
    access_seconds: int
    refresh_token: str
    refresh_seconds: int
    user_id: int
    roles: list[Role]


class SessionService:
    """The use cases around sessions. `revoked` is called after something was; `clock` tells seconds since 1970."""

    def __init__(
        self,
        sessions: SessionRepository,
        users: UserRepository,
        passwords: PasswordPool,
        tokens: AccessTokens,
        *,
        policy: TokenPolicy,
        revoked: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._users = users
        self._passwords = passwords
        self._tokens = tokens
        self._policy = policy
        self._revoked = revoked
        self._clock = clock

    async def sign_in(self, email: str, password: str) -> Session:
        """Open a session. Raises ServiceError: `invalid_credentials`, `too_many_attempts`, `overloaded`.

        An account that does not exist takes the same way at the same pace: counted, looked up, hashed, refused.
        """
        address = email.lower()
        with self._passwords.place():
            await self._count_attempt(address)
            account, hashed = await self._verified(await self._users.find_account(address), password)
            refresh_token, new = self._drawn()
            opened = await self._sessions.open(account.id, password_hash=hashed, account=account_key(address), new=new)
            if opened is None:
                raise ServiceError("invalid_credentials")
            if is_outdated(hashed):
                new_hash = await self._passwords.run(hash_password, password)
                await self._users.replace_hash(account.id, old_hash=hashed, new_hash=new_hash)
        return self._session(opened, refresh_token)

    async def change_password(self, user_id: int, current: str, wanted: str) -> Session:
        """End every session of the user and open a new one. Raises ServiceError as `sign_in` does, and `user_unknown`."""
        with self._passwords.place():
            found = await self._users.find_account_of(user_id)
            if found is None:
                raise ServiceError("user_unknown")
            await self._count_attempt(found.email)
            account, hashed = await self._verified(found, current)
            new_hash = await self._passwords.run(hash_password, wanted)
            refresh_token, new = self._drawn()
            opened = await self._sessions.change_password(
                user_id, password_hash=hashed, new_hash=new_hash, account=account_key(account.email), new=new
            )
        if opened is None:
            raise ServiceError("invalid_credentials")
        self._revoked()
        return self._session(opened, refresh_token)

    async def refresh(self, presented: str | None) -> Session:
        """The session's next tokens. Raises SessionEndedError."""
        if presented is None or not is_refresh_token(presented):
            raise SessionEndedError
        refresh_token = new_refresh_token()
        now = self._now()
        refreshed = await self._sessions.refresh(
            digest(presented),
            token_hash=digest(refresh_token),
            now=now,
            reusable_since=now - timedelta(seconds=self._policy.reuse_seconds),
        )
        if refreshed is None:
            raise SessionEndedError
        if refreshed.outcome == "reused":
            log.warning("session %s of user %d ends: its refresh token was reused", refreshed.session_id, refreshed.user_id)
            self._revoked()
        if refreshed.outcome != "rotated":
            raise SessionEndedError
        return self._session(refreshed, refresh_token)

    async def begin(self, write: Callable[[NewSession], Awaitable[OpenSession | None]]) -> Session | None:
        """Open a session for somebody who has proved elsewhere who they are: `write` writes it, or answers None, then so does this."""
        refresh_token, new = self._drawn()
        opened = await write(new)
        return None if opened is None else self._session(opened, refresh_token)

    async def sign_out(self, presented: str | None) -> None:
        """End the session, if there is one."""
        if presented is None or not is_refresh_token(presented):
            return
        if await self._sessions.end(digest(presented), now=self._now()):
            self._revoked()

    async def _count_attempt(self, address: str) -> None:
        """Before the password is looked at, so that guesses at once cannot outrun the count."""
        now = self._now()
        length = timedelta(seconds=self._policy.attempts_seconds)
        counted = await self._sessions.count_attempt(account_key(address), now=now, window_began=now - length)
        if counted.attempts > self._policy.most_attempts:
            seconds = math.ceil((counted.began_at + length - now).total_seconds())
            raise ServiceError("too_many_attempts", retry_after_seconds=max(1, seconds))

    async def _verified(self, account: Account | None, password: str) -> tuple[Account, str]:
        """The account and the hash that the password fits. Raises ServiceError `invalid_credentials`."""
        hashed = None if account is None else account.password_hash
        fits = await self._passwords.run(is_password, password, hashed)
        if account is None or hashed is None or not fits:
            raise ServiceError("invalid_credentials")
        return account, hashed

    def _drawn(self) -> tuple[str, NewSession]:
        refresh_token = new_refresh_token()
        now = self._now()
        expires_at = now + timedelta(seconds=self._policy.session_seconds)
        new = NewSession(session_id=new_session_id(), token_hash=digest(refresh_token), now=now, expires_at=expires_at)
        return refresh_token, new

    def _session(self, opened: OpenSession, refresh_token: str) -> Session:
        now = self._clock()
        return Session(
            access_token=self._tokens.issue(opened, now=now),
            access_seconds=self._tokens.access_seconds,
            refresh_token=refresh_token,
            refresh_seconds=max(0, int(opened.expires_at.timestamp() - now)),
            user_id=opened.user_id,
            roles=[Role(name) for name in opened.roles],
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def account_key(address: str) -> bytes:
    """What attempts are counted under, whether there is such an account or not: no list of addresses that were tried."""
    return hashlib.sha256(address.encode()).digest()
