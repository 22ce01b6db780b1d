"""Users of the tests, and access tokens for them, without signing in: made with identity's own key and seal."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import psycopg

from services.common.tokens.claims import Expected
from services.common.tokens.principal import Role
from services.common.tokens.settings import read_expected
from services.identity.access_tokens import AccessTokens
from services.identity.key_store import current_key
from services.identity.password_hasher import hash_password
from services.identity.session_repository import OpenSession

ADD = """
    INSERT INTO identity.users (email, name, password_hash, roles, disabled_at, created_at)
    VALUES (%(email)s, 'Somebody', %(password_hash)s, %(roles)s, CASE WHEN %(disabled)s THEN now() END, now()) RETURNING id
"""


class Accounts:
    """In the database at `url`, whose keys `seal` opens."""

    def __init__(self, url: str, seal: bytes) -> None:
        self.url = url
        self._seal = seal
        self._numbers = itertools.count(1)
        self._hashes: dict[str, str] = {}
        self._expected: Expected = read_expected({})

    def add(self, *, roles: Sequence[Role] = (Role.customer,), password: str | None = None, disabled: bool = False) -> int:
        """The user's id; the e-mail is `email_of(id)`."""
        if password is not None and password not in self._hashes:
            self._hashes[password] = hash_password(password)
        row = {
            "email": f"new-{next(self._numbers)}-{time.monotonic_ns()}@example.org",
            "password_hash": None if password is None else self._hashes[password],
            "roles": [role.value for role in roles],
            "disabled": disabled,
        }
        with psycopg.connect(self.url) as connection:
            [user_id] = connection.execute(ADD, row).fetchone()
            connection.execute("UPDATE identity.users SET email = %s WHERE id = %s", (self.email_of(user_id), user_id))
        return user_id

    @staticmethod
    def email_of(user_id: int) -> str:
        return f"user-{user_id}@example.org"

    def bearer(
        self, user_id: int, *, roles: Sequence[Role] = (Role.customer,), version: int = 1, session_id: str = "of-a-test"
    ) -> dict[str, str]:
        """The header with a token that identity could have issued."""
        with psycopg.connect(self.url) as connection:
            key = current_key(connection, seal=self._seal, now=time.time())
        session = OpenSession(session_id, user_id, [role.value for role in roles], version, None)
        token = AccessTokens(key, self._expected, access_seconds=600).issue(session, now=time.time())
        return {"authorization": f"Bearer {token}"}

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()
