"""What identity decides about users: who may be made, changed and deleted, and what that revokes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Role
from services.identity.password_hasher import hash_password
from services.identity.password_pool import PasswordPool
from services.identity.repository import UserRepository
from services.identity.schemas import NewUser, User, UserPage


class UserService:
    """The use cases around users. `clock` tells seconds since 1970.

    `revoked` is called after something was, `published` after an event was written.
    """

    def __init__(
        self,
        users: UserRepository,
        passwords: PasswordPool,
        *,
        revoked: Callable[[], None],
        published: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._revoked = revoked
        self._published = published
        self._clock = clock

    async def register(self, new: NewUser) -> User:
        """Make an account; everybody begins as a customer. Raises ServiceError: `email_taken`, `overloaded`."""
        with self._passwords.place():
            hashed = await self._passwords.run(hash_password, new.password.get_secret_value())
        user = await self._users.add(
            email=new.email.lower(), name=new.name, password_hash=hashed, roles=[Role.customer], now=self._now()
        )
        if user is None:
            raise ServiceError("email_taken")
        return user

    async def find(self, user_id: int) -> User:
        """Raises ServiceError `user_unknown`."""
        user = await self._users.find(user_id)
        if user is None:
            raise ServiceError("user_unknown")
        return user

    async def page(self, *, after: int, limit: int) -> UserPage:
        """Users by id."""
        users = await self._users.page(after=after, limit=limit)
        return UserPage(users=users, next_after=users[-1].id if len(users) == limit else None)

    async def assign_roles(self, user_id: int, roles: Sequence[Role]) -> User:
        """Replace the roles. Raises ServiceError: `user_unknown`, `last_admin`."""
        return await self._changed(user_id, await self._users.assign_roles(user_id, roles))

    async def set_disabled(self, user_id: int, *, disabled: bool) -> User:
        """Lock the user out, or let in again. Raises ServiceError: `user_unknown`, `last_admin`."""
        return await self._changed(user_id, await self._users.set_disabled(user_id, disabled=disabled, now=self._now()))

    async def delete(self, user_id: int) -> None:
        """Delete the account with its sessions. Raises ServiceError: `user_unknown`, `last_admin`."""
        if not await self._users.delete(user_id):
            await self.find(user_id)
            raise ServiceError("last_admin")
        self._revoked()
        self._published()

    async def _changed(self, user_id: int, changed: User | None) -> User:
        if changed is None:
            await self.find(user_id)
            raise ServiceError("last_admin")
        self._revoked()
        return changed

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
