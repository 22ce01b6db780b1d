"""Users of a load test who are signed in already."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_accounts import Accounts
from service_processes import ROOT, Replica

from services.identity import cookie
from services.identity.policy import TokenPolicy
from services.identity.sample_sessions import FIRST_STAFF_ID, SampleSession, spread
from services.identity.session_repository import OpenSession
from services.identity.setup import FIRST_ID

LIFE = TokenPolicy().access_seconds
NOW = datetime.now(UTC)


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.identity.sample_sessions", *arguments],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def sessions(environment: dict[str, str], *arguments: str) -> list[dict]:
    result = run(environment, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def refresh(identity: Replica, session: dict) -> httpx.Response:
    presented = {"cookie": f"{cookie.NAME}={session['refresh_token']}"}
    return identity.client.post("/api/v1/identity/sessions/refresh", headers=presented)


def test_they_are_signed_in_and_stay_so(identity: Replica, identity_environment: dict[str, str]):
    made = sessions(identity_environment, "--customers", "3", "--staff", "2")
    expected = [(1, ["customer"]), (2, ["customer"]), (3, ["customer"]), (900_001, ["staff"]), (900_002, ["staff"])]
    assert [(each["user_id"], each["roles"]) for each in made] == expected
    for each in made:
        bearer = {"authorization": f"Bearer {each['access_token']}"}
        answer = identity.client.get(f"/api/v1/identity/users/{each['user_id']}", headers=bearer)
        assert (answer.status_code, answer.json()["email"]) == (200, f"sample-{each['user_id']}@example.invalid")
        assert identity.client.get("/api/v1/identity/users/4", headers=bearer).status_code == 403
        refreshed = refresh(identity, each)
        assert (refreshed.status_code, refreshed.json()["user_id"], refreshed.json()["roles"]) == (
            200,
            each["user_id"],
            each["roles"],
        )


def test_another_run_makes_new_sessions_of_the_same_users(
    identity: Replica, identity_environment: dict[str, str], accounts: Accounts
):
    first, second = (sessions(identity_environment, "--customers", "2") for _ in range(2))
    assert [each["user_id"] for each in first] == [each["user_id"] for each in second] == [1, 2]
    for each in (*first, *second):
        refreshed = refresh(identity, each)
        assert refreshed.status_code == 200, "the sessions of the run before are worth what they were"
    stored = accounts.rows("SELECT encode(token_hash, 'hex') FROM identity.refresh_tokens")
    assert not {each["refresh_token"] for each in first} & {text for (text,) in stored}


def test_who_was_disabled_stays_out_and_nobody_real_gets_in(identity_environment: dict[str, str], accounts: Accounts):
    sessions(identity_environment, "--customers", "12")
    with psycopg.connect(accounts.url) as connection:
        connection.execute("UPDATE identity.users SET disabled_at = now() WHERE id = 11")
        connection.execute("UPDATE identity.users SET email = 'real@example.org', token_version = 7 WHERE id = 12")
    try:
        assert [each["user_id"] for each in sessions(identity_environment, "--customers", "12")] == list(range(1, 11))
    finally:
        with psycopg.connect(accounts.url) as connection:
            connection.execute("DELETE FROM identity.users WHERE id IN (11, 12)")


def test_they_do_not_all_end_at_once(identity_environment: dict[str, str]):
    before = time.time()
    aged = str(int(0.9 * LIFE))
    left = sorted(
        each["expires_at"] - before for each in sessions(identity_environment, "--customers", "60", "--aged-seconds", aged)
    )
    assert 0.1 * LIFE - 5 <= left[0] <= 0.2 * LIFE
    assert 0.9 * LIFE <= left[-1] <= LIFE + 5
    assert max(later - earlier for earlier, later in itertools.pairwise(left)) < 0.1 * LIFE


def test_they_last_as_long_as_others_unless_aged(identity_environment: dict[str, str]):
    before = time.time()
    assert all(each["expires_at"] - before > LIFE - 5 for each in sessions(identity_environment, "--customers", "60"))


@given(count=st.integers(1, 500), seconds=st.floats(1, 1e4))
def test_ages_are_spread_over_the_whole_time(count: int, seconds: float):
    ages = sorted(spread(count, seconds))
    assert len(ages) == count
    assert 0 <= ages[0] <= ages[-1] < seconds
    # Of golden sections no gap is greater than twice the mean one, near enough (Steinhaus' three gaps).
    assert max(later - earlier for earlier, later in zip(ages, [*ages[1:], seconds], strict=True)) <= 2.7 * seconds / count


@pytest.mark.parametrize(("arguments", "changed", "code", "message"), [
    ([], {}, 0, ""),
    (["--customers", str(FIRST_STAFF_ID)], {}, 2, f"'{FIRST_STAFF_ID}' is not a number from 0 to {FIRST_STAFF_ID - 1}"),
    (["--aged-seconds", "601"], {}, 2, "'601' is not a number from 0 to 600"),
    (["--staff", "-1"], {}, 2, "'-1' is not a number from 0 to 100000"),
    (["--staff", "1"], {"KEY_SEAL_FILE": ""}, 2, "sample sessions: neither KEY_SEAL_FILE nor SIGNING_KEYS_FILE is set"),
    (["--staff", "1"], {"KEY_SEAL": base64.b64encode(bytes(32)).decode()}, 2, "sealed with another key"),
    (["--staff", "1"], {"DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/x"}, 3, "PostgreSQL cannot be reached"),
])  # fmt: skip
def test_the_command(
    identity_environment: dict[str, str], arguments: list[str], changed: dict[str, str], code: int, message: str
):
    result = run({**identity_environment, **changed}, *arguments)
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


def test_before_setup_it_says_so(postgres, identity_environment: dict[str, str]):
    postgres.server.ensure_databases(["sample_sessions_of_nobody"])
    url = postgres.server.database_url("sample_sessions_of_nobody")
    result = run({**identity_environment, "DATABASE_URL": url}, "--customers", "1")
    assert (result.returncode, "run `python -m services.identity.setup` first" in result.stderr) == (3, True), result.stderr


def test_staff_ids_end_where_those_who_register_begin():
    assert FIRST_STAFF_ID + 100_000 == FIRST_ID


def test_no_secret_is_in_a_description():
    assert repr(SampleSession(OpenSession("family", 1, [], 1, NOW), 0, "hidden")).find("hidden") == -1
