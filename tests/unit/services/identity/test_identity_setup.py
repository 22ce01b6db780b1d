"""The schema, the first key and the first admin: made once, and what is told where something is wrong."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from service_processes import ROOT, DataServer, Replica, free_port

from services.common.settings import SettingsError
from services.identity.password_hasher import is_password
from services.identity.settings import Settings
from services.identity.setup import FIRST_ID, TABLES, FirstAdmin, setup

SEAL = bytes(range(32))
ADMIN = FirstAdmin("root@example.org", "the first admin's password")


def database(postgres: DataServer, name: str) -> str:
    postgres.server.ensure_databases([name])
    return postgres.server.database_url(name)


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_twice_is_once_even_at_the_same_time(postgres: DataServer):
    url = database(postgres, "identity_contended")
    with ThreadPoolExecutor(3) as callers:
        list(callers.map(lambda _: setup(url, seal=SEAL, admin=ADMIN, now=0.0), range(3)))
    assert not setup(url, seal=SEAL, admin=ADMIN, now=0.0)
    assert rows(url, "SELECT count(*) FROM identity.signing_keys") == [(1,)]
    [(user_id, email, hashed, roles)] = rows(url, "SELECT id, email, password_hash, roles FROM identity.users")
    assert (user_id, email, roles) == (FIRST_ID, ADMIN.email, ["admin"])
    assert is_password(ADMIN.password, hashed)


def test_the_admin_may_come_later_but_not_a_second_one(postgres: DataServer):
    url = database(postgres, "identity_later")
    assert setup(url, seal=SEAL, admin=None, now=0.0)
    assert rows(url, "SELECT count(*) FROM identity.users") == [(0,)]
    assert setup(url, seal=SEAL, admin=ADMIN, now=0.0)
    assert not setup(url, seal=SEAL, admin=FirstAdmin("other@example.org", "another password"), now=0.0)
    assert rows(url, "SELECT email FROM identity.users") == [(ADMIN.email,)]


def test_mounted_keys_need_none_in_the_database(postgres: DataServer):
    url = database(postgres, "identity_mounted")
    assert setup(url, seal=None, admin=None, now=0.0)
    assert rows(url, "SELECT count(*) FROM identity.signing_keys") == [(0,)]


def test_a_schema_of_before_one_could_sign_in_elsewhere_gets_what_it_lacks(postgres: DataServer):
    url = database(postgres, "identity_of_before")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA identity")
        connection.execute(TABLES)
    assert setup(url, seal=None, admin=None, now=0.0)
    assert not setup(url, seal=None, admin=None, now=0.0)
    assert rows(url, "SELECT count(*) FROM identity.oidc_attempts") == [(0,)]
    indexes = rows(url, "SELECT indexname FROM pg_indexes WHERE tablename = 'external_identities' ORDER BY 1")
    assert indexes == [("external_identities_pkey",), ("external_identities_user_issuer",)]


def test_its_own_schema_and_no_other(identity_url: str):
    schemas = rows(identity_url, "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'")
    assert schemas == [("identity",)]
    assert str(FIRST_ID) in TABLES


def test_the_first_admin_is_read_from_a_file(tmp_path: Path):
    file = tmp_path / "first-admin"
    file.write_text("Root@Example.org\nthe first admin's password\n")
    assert FirstAdmin.from_environment({"FIRST_ADMIN_FILE": str(file)}) == ADMIN
    assert FirstAdmin.from_environment({}) is None
    assert "password" not in repr(ADMIN)


@pytest.mark.parametrize("text", ["root@example.org", "root@example.org\nsecret", "root\nthe first admin's secret", "a\nb\nc"])
def test_a_wrong_admin_is_refused_without_repeating_it(text: str):
    with pytest.raises(SettingsError) as caught:
        FirstAdmin.from_environment({"FIRST_ADMIN": text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("changed", "code", "message"), [
    ({}, 0, "identity setup: done"),
    ({"DATABASE_URL": ""}, 2, "identity setup: DATABASE_URL is not set"),
    ({"KEY_SEAL": ""}, 2, "identity setup: neither KEY_SEAL_FILE nor SIGNING_KEYS_FILE is set"),
    ({"FIRST_ADMIN": "root"}, 2, "identity setup: FIRST_ADMIN is not"),
    ({"DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:PORT/x"}, 3, "identity setup: PostgreSQL cannot be reached"),
])  # fmt: skip
def test_the_command(postgres: DataServer, changed: dict[str, str], code: int, message: str):
    own = {
        "DATABASE_URL": database(postgres, f"identity_command_{code}"),
        "KEY_SEAL": base64.b64encode(SEAL).decode(),
        **changed,
    }
    environment = {**os.environ, **own, "DATABASE_URL": own["DATABASE_URL"].replace("PORT", str(free_port()))}
    result = subprocess.run(
        [sys.executable, "-m", "services.identity.setup"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (result.returncode, message in result.stdout + result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


def test_settings_and_their_defaults(identity_environment: dict[str, str]):
    settings = Settings.from_environment(identity_environment, service="identity")
    assert (settings.expected.issuer, settings.expected.audience) == ("urn:scaleproof:identity", "urn:scaleproof:platform")
    assert (settings.hash_threads, settings.hash_waiting) == (1, 64)
    assert settings.keys.seal == SEAL


def test_without_keys_the_service_ends_with_2_and_one_line(identity_environment: dict[str, str]):
    environment = {**os.environ, **identity_environment}
    del environment["KEY_SEAL_FILE"]
    command = [sys.executable, "-m", "services.identity"]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


def test_probes_are_as_everywhere(identity: Replica):
    assert identity.client.get("/readyz").text == "ready\n"
    assert identity.client.get("/healthz").text == "alive\n"
    assert "process_cpu_seconds_total" in identity.client.get("/metrics").text
    document = identity.client.get("/openapi.json").json()
    assert document["info"]["title"] == "identity"
