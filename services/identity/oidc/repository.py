"""All SQL of attempts to sign in elsewhere, and of the identities that accounts are linked with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from services.common.database import Database
from services.common.tokens.principal import Role
from services.identity.oidc.attempt import Attempt, digest
from services.identity.oidc.profile import Profile
from services.identity.session_repository import OPENED_ROW, OPENED_SESSION, NewSession, OpenSession

_COLUMNS: LiteralString = "(state_hash, browser_hash, provider, nonce, code_verifier, return_to, expires_at"
_VALUES: LiteralString = """
    %(state_hash)s::bytea, %(browser_hash)s::bytea, %(provider)s::text, %(nonce)s::text, %(code_verifier)s::text,
    %(return_to)s::text, %(expires_at)s::timestamptz
"""

ADD: LiteralString = (
    "INSERT INTO identity.oidc_attempts " + _COLUMNS + ") VALUES (" + _VALUES + ") RETURNING provider AS text"  # noqa: S608  literals
)

# Of a session that is young: an access token that was stolen must not become a way in for good. A password that is changed
# meanwhile, or an account that is disabled, ends what was begun before: see LINK.
ADD_LINK: LiteralString = (
    "INSERT INTO identity.oidc_attempts "  # noqa: S608  literals
    + _COLUMNS
    + ", user_id, session_generation) SELECT "
    + _VALUES
    + """, u.id, u.session_generation
    FROM identity.users u JOIN identity.sessions s ON s.user_id = u.id AND s.generation = u.session_generation
    WHERE u.id = %(user_id)s AND u.disabled_at IS NULL
      AND s.id = %(session_id)s AND s.revoked_at IS NULL AND s.created_at >= %(signed_in_since)s
    RETURNING provider AS text
    """
)

# Deleted by whoever comes first: an attempt is good for once. Whoever does not have the browser's cookie deletes nothing.
TAKE: LiteralString = """
    DELETE FROM identity.oidc_attempts
    WHERE state_hash = %(state_hash)s AND browser_hash = %(browser_hash)s AND provider = %(provider)s AND expires_at > %(now)s
    RETURNING nonce, code_verifier, return_to, user_id, session_generation
"""

OPEN: LiteralString = (
    """
    WITH account AS (
        SELECT u.id, u.roles, u.token_version, u.session_generation
        FROM identity.external_identities e JOIN identity.users u ON u.id = e.user_id
        WHERE e.issuer = %(issuer)s AND e.subject = %(subject)s AND u.disabled_at IS NULL
    )
    """  # noqa: S608  literals, as their type says
    + OPENED_SESSION
    + OPENED_ROW
)

CREATE: LiteralString = (
    """
    WITH account AS (
        INSERT INTO identity.users (email, name, roles, created_at)
        VALUES (%(email)s, %(name)s, %(roles)s::text[], %(now)s)
        ON CONFLICT (email) DO NOTHING RETURNING id, roles, token_version, session_generation
    ), linked AS (
        INSERT INTO identity.external_identities (issuer, subject, user_id, linked_at)
        SELECT %(issuer)s::text, %(subject)s::text, id, %(now)s FROM account
    )
    """  # noqa: S608  literals, as their type says
    + OPENED_SESSION
    + OPENED_ROW
)

FIND: LiteralString = (
    "SELECT user_id AS id FROM identity.external_identities WHERE issuer = %(issuer)s AND subject = %(subject)s"
)

LINK: LiteralString = """
    WITH account AS (
        SELECT id FROM identity.users
        WHERE id = %(user_id)s AND disabled_at IS NULL AND session_generation = %(session_generation)s
    ), linked AS (
        INSERT INTO identity.external_identities (issuer, subject, user_id, linked_at)
        SELECT %(issuer)s::text, %(subject)s::text, id, %(now)s::timestamptz FROM account
        ON CONFLICT DO NOTHING RETURNING user_id
    )
    SELECT EXISTS (SELECT FROM account) AS may_link, coalesce(
        (SELECT user_id FROM linked),
        (SELECT user_id FROM identity.external_identities WHERE issuer = %(issuer)s AND subject = %(subject)s)
    ) AS user_id
"""

LIST: LiteralString = """
    SELECT issuer, linked_at FROM identity.external_identities WHERE user_id = %(user_id)s ORDER BY linked_at, issuer
"""

# What is to stay is locked: of two who remove one link each at once, the second one waits, and then counts what is left.
UNLINK: LiteralString = """
    WITH links AS MATERIALIZED (
        SELECT issuer FROM identity.external_identities WHERE user_id = %(user_id)s ORDER BY issuer FOR UPDATE
    ), removed AS (
        DELETE FROM identity.external_identities
        WHERE user_id = %(user_id)s AND issuer = %(issuer)s AND (
            EXISTS (SELECT FROM links WHERE links.issuer <> %(issuer)s)
            OR EXISTS (SELECT FROM identity.users WHERE id = %(user_id)s AND password_hash IS NOT NULL)
        ) RETURNING issuer
    )
    SELECT EXISTS (SELECT FROM removed) OR NOT EXISTS (SELECT FROM links WHERE issuer = %(issuer)s) AS is_gone
"""


@dataclass(frozen=True)
class Text:
    """A row that was written."""

    text: str


@dataclass(frozen=True)
class Id:
    """A row that was there."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Linker:
    """The user who wants to be linked, and the session that must not have begun before then."""

    user_id: int
    session_id: str
    signed_in_since: datetime


@dataclass(frozen=True)
class PendingAttempt:
    """An attempt whose browser has come back. `user_id`: whoever wants to be linked; None: whoever wants to sign in."""

    nonce: str
    code_verifier: str
    return_to: str
    user_id: int | None
    session_generation: int | None


@dataclass(frozen=True)
class LinkOutcome:
    """Whose identity it is now; and whether the user may still be linked at all."""

    may_link: bool
    user_id: int | None


@dataclass(frozen=True)
class Link:
    """One identity of a user's."""

    issuer: str
    linked_at: datetime


@dataclass(frozen=True)
class Unlinked:
    """Whether there is no such link (any more)."""

    is_gone: bool


class OidcRepository:
    """In PostgreSQL, schema `identity`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, attempt: Attempt, *, expires_at: datetime, linker: Linker | None = None) -> bool:
        """Of whoever wants to sign in, or to be linked. False where the latter's session is too old or has ended."""
        parameters = {
            "state_hash": digest(attempt.state),
            "browser_hash": digest(attempt.browser),
            "provider": attempt.provider,
            "nonce": attempt.nonce,
            "code_verifier": attempt.code_verifier,
            "return_to": attempt.return_to,
            "expires_at": expires_at,
        }
        if linker is None:
            return await self._database.fetch_one(ADD, parameters, class_row(Text)) is not None
        return await self._database.fetch_one(ADD_LINK, {**parameters, **vars(linker)}, class_row(Text)) is not None

    async def take(self, provider: str, *, state: str, browser: str, now: datetime) -> PendingAttempt | None:
        """The attempt, once. None where it is unknown, too old, taken, another provider's, or another browser's."""
        parameters = {"state_hash": digest(state), "browser_hash": digest(browser), "provider": provider, "now": now}
        return await self._database.fetch_one(TAKE, parameters, class_row(PendingAttempt))

    async def open(self, issuer: str, subject: str, *, new: NewSession) -> OpenSession | None:
        """A session of the linked user. None where there is none, or the user is disabled."""
        parameters = {"issuer": issuer, "subject": subject, **vars(new)}
        return await self._database.fetch_one(OPEN, parameters, class_row(OpenSession))

    async def create(self, issuer: str, subject: str, *, profile: Profile, new: NewSession) -> OpenSession | None:
        """A new user, linked, with a session. None where the e-mail is taken, or the same identity was linked at this moment."""
        parameters = {"issuer": issuer, "subject": subject, "roles": [Role.customer.value], **vars(profile), **vars(new)}
        try:
            return await self._database.fetch_one(CREATE, parameters, class_row(OpenSession))
        except psycopg.errors.UniqueViolation:
            return None

    async def is_linked(self, issuer: str, subject: str) -> bool:
        """Whether anybody is."""
        return await self._database.fetch_one(FIND, {"issuer": issuer, "subject": subject}, class_row(Id)) is not None

    async def link(
        self, issuer: str, subject: str, *, user_id: int, session_generation: int | None, now: datetime
    ) -> LinkOutcome:
        """Link the identity with the user, unless it is linked already, or the user has another one of that issuer."""
        parameters = {
            "issuer": issuer,
            "subject": subject,
            "user_id": user_id,
            "session_generation": session_generation,
            "now": now,
        }
        outcome = await self._database.fetch_one(LINK, parameters, class_row(LinkOutcome))
        assert outcome is not None, "a SELECT without FROM has one row"
        return outcome

    async def links(self, user_id: int) -> list[Link]:
        """Of a user, the oldest first."""
        return await self._database.fetch_all(LIST, {"user_id": user_id}, class_row(Link))

    async def unlink(self, user_id: int, *, issuer: str) -> bool:
        """Whether there is no such link now. False: it is the user's last way to sign in, and stays."""
        unlinked = await self._database.fetch_one(UNLINK, {"user_id": user_id, "issuer": issuer}, class_row(Unlinked))
        assert unlinked is not None, "a SELECT without FROM has one row"
        return unlinked.is_gone
