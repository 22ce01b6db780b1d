"""`python -m services.identity.sample_sessions --customers N --staff M`: users who are signed in already, for load tests.

Ten thousand people who all sign in at the beginning of a test would measure Argon2. Nobody real is among them: their ids lie below
those of everybody who registers, and they have no password. Prints a JSON object a line and session: `user_id`, `roles`,
`access_token`, `expires_at` (seconds since 1970) and `refresh_token`. The access tokens are as good as new, or seem to have been issued
over the last `--aged-seconds`, so that not all of them end at once.

Exit codes: 0 done, 2 a wrong setting or argument, 3 PostgreSQL cannot be reached, or has no key that signs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from services.common.settings import SettingsError, read_url
from services.common.tokens.principal import Role
from services.common.tokens.settings import read_expected
from services.identity.access_tokens import AccessTokens
from services.identity.key_store import current_key
from services.identity.policy import TokenPolicy
from services.identity.refresh_token import digest, new_refresh_token, new_session_id
from services.identity.sealing import SealError
from services.identity.session_repository import OpenSession
from services.identity.settings import KeySettings
from services.identity.setup import FIRST_ID
from services.identity.signing_key import SigningKey

BAD_SETTINGS_EXIT, UNREACHABLE_EXIT = 2, 3
FIRST_STAFF_ID = 900_001
"""Below it are customers: the ids of those that orders generates."""
MOST_STAFF = FIRST_ID - FIRST_STAFF_ID

ADD_USERS: LiteralString = """
    INSERT INTO identity.users (id, email, name, roles, created_at)
    SELECT id, 'sample-' || id || '@example.invalid', 'Sample ' || id, %(roles)s, %(now)s
    FROM generate_series(%(first)s::int, %(last)s::int) id ON CONFLICT (id) DO NOTHING
"""
# Whoever was disabled, or is no sample at all, gets no session; roles may have been changed since.
SIGNED_IN: LiteralString = """
    SELECT id, roles, token_version, session_generation FROM identity.users
    WHERE id BETWEEN %(first)s AND %(last)s AND disabled_at IS NULL AND email = 'sample-' || id || '@example.invalid' ORDER BY id
"""


class NoKeyError(Exception):
    """No key signs: `setup` has not run."""


@dataclass(frozen=True)
class SampleUser:
    """A row of SIGNED_IN."""

    id: int
    roles: list[str]
    token_version: int
    session_generation: int


@dataclass(frozen=True)
class SampleSession:
    """One printed line."""

    opened: OpenSession
    issued_at: int
    refresh_token: str = field(repr=False)

    def line(self, tokens: AccessTokens) -> dict[str, Any]:
        """What is printed of it."""
        return {
            "user_id": self.opened.user_id,
            "roles": self.opened.roles,
            "access_token": tokens.issue(self.opened, now=self.issued_at),
            "expires_at": self.issued_at + tokens.access_seconds,
            "refresh_token": self.refresh_token,
        }


def add_sessions(
    connection: psycopg.Connection, *, customers: int, staff: int, aged_seconds: int, now: float, policy: TokenPolicy
) -> list[SampleSession]:
    """Users where there are none yet, and a new session for each; all or nothing."""
    users: list[SampleUser] = []
    at = datetime.fromtimestamp(now, UTC)
    for role, first, count in ((Role.customer, 1, customers), (Role.staff, FIRST_STAFF_ID, staff)):
        span = {"first": first, "last": first + count - 1}
        connection.execute(ADD_USERS, {**span, "roles": [role.value], "now": at})
        users += connection.cursor(row_factory=class_row(SampleUser)).execute(SIGNED_IN, span).fetchall()
    expires_at = datetime.fromtimestamp(now + policy.session_seconds, UTC)
    made = []
    with connection.cursor() as cursor:
        with cursor.copy("COPY identity.sessions (id, user_id, generation, created_at, expires_at) FROM STDIN") as rows:
            for user, age in zip(users, spread(len(users), aged_seconds), strict=True):
                opened = OpenSession(new_session_id(), user.id, user.roles, user.token_version, expires_at)
                made.append(SampleSession(opened, int(now - age), new_refresh_token()))
                rows.write_row((opened.session_id, user.id, user.session_generation, at, expires_at))
        with cursor.copy("COPY identity.refresh_tokens (token_hash, session_id, created_at) FROM STDIN") as rows:
            for each in made:
                rows.write_row((digest(each.refresh_token), each.opened.session_id, at))
    return made


def spread(count: int, seconds: float) -> Iterator[float]:
    """So many ages from 0 to `seconds`, evenly, neighbours far apart: users with neighbouring numbers often act together."""
    golden = 0.6180339887498949
    return (seconds * (number * golden % 1.0) for number in range(count))


def key_of(connection: psycopg.Connection, settings: KeySettings, now: float) -> SigningKey:
    """The key that signs. Raises NoKeyError and SealError."""
    if settings.mounted:
        return settings.mounted[0]
    assert settings.seal is not None, "the settings insist on one of the two"
    found = current_key(connection, seal=settings.seal, now=now)
    if found is None:
        raise NoKeyError
    return found


def lines(arguments: argparse.Namespace, environment: Mapping[str, str], now: float) -> Iterator[str]:
    """What is printed. Raises SettingsError, SealError, NoKeyError and psycopg.Error."""
    policy, expected, keys = TokenPolicy(), read_expected(environment), KeySettings.from_environment(environment)
    url = read_url(environment, "DATABASE_URL", schemes=("postgresql", "postgres"))
    with psycopg.connect(url, connect_timeout=5, application_name="identity-sample-sessions") as connection:
        key = key_of(connection, keys, now)
        sessions = add_sessions(
            connection,
            customers=arguments.customers,
            staff=arguments.staff,
            aged_seconds=arguments.aged_seconds,
            now=now,
            policy=policy,
        )
    tokens = AccessTokens(key, expected, access_seconds=policy.access_seconds)
    return (json.dumps(each.line(tokens), separators=(",", ":")) + "\n" for each in sessions)


def create_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m services.identity.sample_sessions", description="Sessions of generated users, for load tests."
    )
    for role, most in (("customers", FIRST_STAFF_ID - 1), ("staff", MOST_STAFF)):
        parser.add_argument(
            f"--{role}", type=counted(most), default=0, help=f"how many of the generated {role} are signed in (0 to {most})"
        )
    most = TokenPolicy().access_seconds
    parser.add_argument(
        "--aged-seconds", type=counted(most), default=0, help=f"over which access tokens seem to have been issued (0 to {most})"
    )
    return parser


def counted(most: int) -> Any:
    """An argument from 0 to `most`."""

    def count(text: str) -> int:
        if not text.isdecimal() or int(text) > most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {most}")
        return int(text)

    return count


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    parsed = create_parser().parse_args(arguments)
    try:
        sys.stdout.writelines(lines(parsed, os.environ, time.time()))
    except (SettingsError, SealError) as error:
        sys.stderr.write(f"sample sessions: {error}\n")
        return BAD_SETTINGS_EXIT
    except NoKeyError:
        sys.stderr.write("sample sessions: no key signs; run `python -m services.identity.setup` first\n")
        return UNREACHABLE_EXIT
    except psycopg.errors.UndefinedTable:
        sys.stderr.write("sample sessions: there is no schema; run `python -m services.identity.setup` first\n")
        return UNREACHABLE_EXIT
    except psycopg.OperationalError as error:
        sys.stderr.write(f"sample sessions: PostgreSQL cannot be reached: {str(error).strip()}\n")
        return UNREACHABLE_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
