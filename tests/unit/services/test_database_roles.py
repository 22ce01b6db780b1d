"""Each service of the reference platform under a role of its own, as both targets start it: it works, and sees nothing of another's."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from dashboard_documents import draft
from service_processes import ROOT, DataServer, Replica, free_port, uncounted

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.spec import platform as spec

SERVICES = ("identity", "orders", "dashboard")
PASSWORDS = {service: f"password-of-{service}" for service in SERVICES}
SEAL = base64.b64encode(bytes(range(32))).decode()
TABLES = {
    "identity": ["users", "sessions", "signing_keys", "outbox"],
    "orders": ["orders", "customers", "daily_revenue", "alembic_version"],
    "dashboard": ["layouts", "preferences"],
}
CONNECTED = (
    "SELECT DISTINCT split_part(application_name, '-', 1), usename FROM pg_stat_activity WHERE application_name LIKE '%-role'"
)


class Separated:
    """One database, set up by each service's own command."""

    def __init__(self, server: PostgresServer, redis: DataServer) -> None:
        self.server = server
        common = {"REDIS_URL": redis.url, "KEY_SEAL": SEAL, "SAMPLE_ORDERS": "200", "ACCESS": "open", "REPLICA": "role"}
        self.told = {service: {**common, "DATABASE_URL": server.role_url(service, PASSWORDS[service])} for service in SERVICES}

    def run(self, service: str, module: str, *arguments: str, **told: str) -> str:
        command = [sys.executable, "-m", f"services.{service}.{module}", *arguments]
        environment = {**os.environ, **uncounted(), **self.told[service], **told}
        result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    def connect(self, service: str) -> psycopg.Connection:
        return psycopg.connect(self.told[service]["DATABASE_URL"], autocommit=True)


@pytest.fixture(scope="module", params=["new", "of before"])
def separated(folder: Path, redis: DataServer, request: pytest.FixtureRequest) -> Iterator[Separated]:
    """A new database, and one that the superuser had made before there were roles."""
    server = PostgresServer(folder / f"separated-{request.param}", free_port(), spec.Postgres(shared_buffers="16Mi"))
    running = DataServer(server)
    try:
        running.start()
        made = Separated(server, redis)
        if request.param == "of before":
            for service in SERVICES:
                assert made.run(service, "setup", DATABASE_URL=server.url) == f"{service} setup: done\n"
        server.ensure_roles(PASSWORDS)
        for service in SERVICES:
            done = "done" if request.param == "new" else "nothing to do"
            assert made.run(service, "setup") == f"{service} setup: {done}\n"
        yield made
    finally:
        running.stop()
        server.remove()


def test_a_setup_finds_everything_there_the_next_time(separated: Separated):
    for service in SERVICES:
        assert separated.run(service, "setup") == f"{service} setup: nothing to do\n"


def test_each_service_works_under_its_own_role(separated: Separated, tmp_path: Path):
    with ExitStack() as ending:
        replicas = {}
        for service in SERVICES:
            told = separated.told[service]
            if service == "dashboard":
                told |= {"ORDERS_URL": replicas["orders"].url, "IDENTITY_URL": replicas["identity"].url, "ACCESS": "tokens"}
            replicas[service] = Replica(service, told, tmp_path / f"{service}.log")
            ending.callback(replicas[service].stop)
            replicas[service].wait_ready()
        order = {"customer_id": 9, "items": [{"product_id": 3, "quantity": 2}]}
        assert replicas["orders"].client.post("/api/v2/orders", json=order).status_code == 201
        user = {"email": "new@example.org", "name": "New", "password": "correct horse battery"}
        assert replicas["identity"].client.post("/api/v1/identity/users", json=user).status_code == 201
        [line] = separated.run("identity", "sample_sessions", "--customers", "1", "--staff", "0").splitlines()
        bearer = {"authorization": f"Bearer {json.loads(line)['access_token']}"}
        layout = replicas["dashboard"].client.post("/api/v1/dashboard/layouts", json=draft(), headers=bearer)
        assert layout.status_code == 201, layout.text
        with psycopg.connect(separated.server.url) as connection:
            assert set(connection.execute(CONNECTED)) == {(service, service) for service in SERVICES}


@pytest.mark.parametrize(("who", "whose"), list(itertools.permutations(SERVICES, 2)))
def test_no_service_reads_or_writes_what_is_another_ones(separated: Separated, who: str, whose: str):
    with separated.connect(whose) as owner:
        for table in TABLES[whose]:
            owner.execute(f"SELECT 1 FROM {whose}.{table} LIMIT 1")
    with separated.connect(who) as connection:
        statements = [
            statement
            for table in TABLES[whose]
            for statement in (f"SELECT 1 FROM {whose}.{table}", f"DELETE FROM {whose}.{table}", f"DROP TABLE {whose}.{table}")
        ]
        for statement in [*statements, f"CREATE TABLE {whose}.mine (id int)", f"SET ROLE {whose}", "CREATE ROLE mine"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
                connection.execute(statement)
            assert refused.value.sqlstate == "42501"


def test_everything_in_a_schema_belongs_to_its_service(separated: Separated):
    with psycopg.connect(separated.server.url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT relnamespace::regnamespace::text, relowner::regrole::text FROM pg_class WHERE oid >= 16384 "
            "AND relnamespace <> 'pg_toast'::regnamespace"
        )
        assert set(rows) == {(service, service) for service in SERVICES}


def test_identitys_commands_work_under_its_role(separated: Separated):
    assert "signing" in separated.run("identity", "keys", "list")
    assert "is published" in separated.run("identity", "keys", "rotate")
    assert separated.run("identity", "sample_sessions", "--customers", "2", "--staff", "1").count("access_token") == 3
