"""`python -m services.identity.keys list|rotate|retire`: the keys that sign access tokens. docs/jwt.md says when to use which.

Exit codes: 0 done, 1 refused, 2 a wrong setting or argument, 3 PostgreSQL cannot be reached.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import class_row

from services.common.settings import SettingsError, read_url
from services.identity.key_repository import ADD_KEY, LIVE_KEYS, LOCK_KEYS, RETIRE_KEY, StoredKey
from services.identity.key_schedule import PUBLISH_SECONDS, KeyState, signing_key, states
from services.identity.key_store import sealed, unsealed
from services.identity.policy import TokenPolicy
from services.identity.sealing import SealError
from services.identity.settings import KeySettings
from services.identity.signing_key import SigningKey

REFUSED_EXIT, BAD_SETTINGS_EXIT, UNREACHABLE_EXIT = 1, 2, 3
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""A thumbprint: 32 bytes in base64url."""


class RefusedError(Exception):
    """What was asked for would make requests fail; the message says why and what to do instead."""


def rotate(connection: psycopg.Connection, *, seal: bytes, now: float, publish_seconds: float) -> SigningKey:
    """Publish a new key that signs after so many seconds. Raises RefusedError where one is waiting for that already."""
    live = live_keys(connection)
    for key, state in states(live, now, concern_seconds=0):
        if state is KeyState.published:
            raise RefusedError(f"{key.key_id} is published and signs from {as_time(key.sign_after)} on")
    for key in live:
        unsealed(key, seal=seal)  # a key sealed otherwise than the others would not be read by any replica
    new = SigningKey.of(Ed25519PrivateKey.generate(), sign_after=now + publish_seconds)
    connection.execute(ADD_KEY, vars(sealed(new, seal=seal)))
    return new


def retire(connection: psycopg.Connection, key_id: str, *, now: float, concern_seconds: float, compromised: bool) -> None:
    """Forget a key and delete its private half. Raises RefusedError where its tokens may still be in use.

    One that is compromised goes at once, and what it signed with it: only not the last one that can sign.
    """
    live = live_keys(connection)
    found = {key.key_id: state for key, state in states(live, now, concern_seconds=concern_seconds)}
    if key_id not in found:
        raise RefusedError("there is no such key")
    if found[key_id] is not KeyState.finished and not compromised:
        raise RefusedError(
            f"it is {found[key_id]}: tokens of it may be in use, or will be (--compromised retires it all the same)"
        )
    if signing_key([key for key in live if key.key_id != key_id], now) is None:
        raise RefusedError("no other key signs yet: rotate first (--publish-seconds 0 where it is urgent)")
    connection.execute(RETIRE_KEY, {"key_id": key_id})


def live_keys(connection: psycopg.Connection) -> list[StoredKey]:
    """All that are not retired, nobody else changing them meanwhile."""
    connection.execute(LOCK_KEYS)
    return connection.cursor(row_factory=class_row(StoredKey)).execute(LIVE_KEYS).fetchall()


def as_time(seconds: float) -> str:
    """In UTC, for people."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")


def run(arguments: argparse.Namespace, environment: Mapping[str, str], now: float) -> str:
    """What the verb prints. Raises SettingsError, RefusedError, SealError and psycopg.OperationalError."""
    concern_seconds = TokenPolicy().concern_seconds
    url = read_url(environment, "DATABASE_URL", schemes=("postgresql", "postgres"))
    with psycopg.connect(url, connect_timeout=5, application_name="identity-keys") as connection:
        match arguments.verb:
            case "rotate":
                seal = KeySettings.from_environment(environment).seal
                if seal is None:
                    raise SettingsError("KEY_SEAL_FILE is not set: mounted keys are rotated where they are made")
                new = rotate(connection, seal=seal, now=now, publish_seconds=arguments.publish_seconds)
                return f"{new.key_id} is published and signs from {as_time(new.sign_after)} on\n"
            case "retire":
                retire(connection, arguments.key, now=now, concern_seconds=concern_seconds, compromised=arguments.compromised)
                return f"{arguments.key} is retired\n"
            case _:
                lines = states(live_keys(connection), now, concern_seconds=concern_seconds)
                return "".join(f"{key.key_id}  {state:<9}  signs from {as_time(key.sign_after)}\n" for key, state in lines)


def create_parser() -> argparse.ArgumentParser:
    """The verbs and their arguments."""
    parser = argparse.ArgumentParser(prog="python -m services.identity.keys", description="The keys that sign access tokens.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="every key that is not retired, and where it stands")
    rotating = verbs.add_parser("rotate", help="publish a new key; it signs once every cache knows it")
    rotating.add_argument(
        "--publish-seconds", type=float, default=PUBLISH_SECONDS, help="until it signs (default: %(default)s)"
    )
    retiring = verbs.add_parser("retire", help="forget a key that is finished")
    retiring.add_argument("key", help="its id")
    retiring.add_argument("--compromised", action="store_true", help="whatever its state; tokens that it signed are refused")
    return parser


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The verb and what it is given. A key's id is base64url: one of 64 begins with a dash, and is no option for all that."""
    ids = [word for word in arguments if _KEY_ID.fullmatch(word)]
    others = [word for word in arguments if not _KEY_ID.fullmatch(word)]
    return create_parser().parse_args([*others, "--", *ids] if ids else others)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    parsed = read_arguments(arguments)
    try:
        sys.stdout.write(run(parsed, os.environ, time.time()))
    except RefusedError as error:
        sys.stderr.write(f"keys: refused: {error}\n")
        return REFUSED_EXIT
    except (SettingsError, SealError) as error:
        sys.stderr.write(f"keys: {error}\n")
        return BAD_SETTINGS_EXIT
    except psycopg.OperationalError as error:
        sys.stderr.write(f"keys: PostgreSQL cannot be reached: {str(error).strip()}\n")
        return UNREACHABLE_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
