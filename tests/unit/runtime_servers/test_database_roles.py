"""A real PostgreSQL: what a service's role may do, and what it may not; what was there before there were roles."""

import base64
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from scaleproof.components import postgres_roles
from scaleproof.components.postgres_roles import RolesArgs, role_manifests, role_secret
from scaleproof.runtime.postgres import PostgresServer
from scaleproof.spec import platform as spec
from scaleproof.spec.database_roles import check_names
from scaleproof.spec.errors import BadInputError, CannotMeasureError

PASSWORDS = {"orders": "orders-password_1", "web-shop": "shop-password_1"}
MADE_BEFORE = """
    CREATE SCHEMA orders;
    CREATE TABLE orders.orders (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, old serial, note text);
    CREATE INDEX ON orders.orders (note);
    CREATE TABLE orders.parts (day date) PARTITION BY RANGE (day);
    CREATE SEQUENCE orders.numbers;
    CREATE TYPE orders.colour AS ENUM ('red');
    CREATE DOMAIN orders.price AS int CHECK (VALUE > 0);
    CREATE TYPE orders.pair AS (a int, b int);
    CREATE VIEW orders.notes AS SELECT note FROM orders.orders;
    CREATE MATERIALIZED VIEW orders.kept AS SELECT note FROM orders.orders;
    CREATE FUNCTION orders.one() RETURNS int LANGUAGE sql RETURN 1;
    CREATE PROCEDURE orders.nothing() LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE orders.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
    CREATE TABLE public.somebodys (id int);
    INSERT INTO orders.orders (note) VALUES ('kept');
"""
OWNERS = """
    SELECT pg_get_userbyid(relowner), relname FROM pg_class WHERE relnamespace = %(schema)s::regnamespace
    UNION ALL SELECT pg_get_userbyid(proowner), proname FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
    UNION ALL SELECT pg_get_userbyid(typowner), typname FROM pg_type WHERE typnamespace = %(schema)s::regnamespace
    UNION ALL SELECT pg_get_userbyid(nspowner), nspname FROM pg_namespace WHERE oid = %(schema)s::regnamespace
"""


def as_superuser(server: PostgresServer) -> psycopg.Connection:
    return psycopg.connect(server.url, autocommit=True)


def as_role(server: PostgresServer, role: str, *, password: str = "", database: str = "postgres") -> psycopg.Connection:
    url = server.role_url(role, password or PASSWORDS[role])
    return psycopg.connect(url, dbname=database, autocommit=True, connect_timeout=5)


@pytest.fixture(scope="class")
def server(tmp_path_factory, free_port, start_for_class, until):
    folder = tmp_path_factory.mktemp("roles")
    made = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="5Mi"))
    try:
        made.prepare()
        process = start_for_class(made.command(), made.run_as)
        until(made.is_ready)
        made.ensure_databases(["elsewhere"])
        with as_superuser(made) as connection:
            connection.execute(MADE_BEFORE)
        made.ensure_roles(PASSWORDS)
        yield made
        process.send_signal(made.stop_signal)
        process.wait(10)
    finally:
        made.remove()


class TestARole:
    def test_may_do_everything_in_its_own_schema_which_is_where_it_looks_first(self, server):
        with as_role(server, "web-shop") as connection:
            connection.execute("CREATE TABLE carts (id int); INSERT INTO carts VALUES (1); TRUNCATE carts")
            connection.execute('DROP TABLE "web-shop".carts')

    def test_may_make_a_schema_of_another_name_of_its_own(self, server):
        with as_role(server, "web-shop") as connection:
            connection.execute(
                "CREATE SCHEMA IF NOT EXISTS shelves; CREATE TABLE shelves.all (id int); DROP SCHEMA shelves CASCADE"
            )
        with as_role(server, "orders") as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS orders")  # as its migrations do, where it is there already

    def test_may_let_another_role_read_what_it_owns(self, server):
        with as_role(server, "orders") as connection:
            connection.execute('GRANT USAGE ON SCHEMA orders TO "web-shop"; GRANT SELECT ON orders.orders TO "web-shop"')
            with as_role(server, "web-shop") as other:
                assert other.execute("SELECT note FROM orders.orders").fetchall() == [("kept",)]
            connection.execute('REVOKE ALL ON orders.orders FROM "web-shop"; REVOKE ALL ON SCHEMA orders FROM "web-shop"')

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM orders.orders",
            "INSERT INTO orders.orders (note) VALUES ('x')",
            "CREATE TABLE orders.mine (id int)",
            "SELECT orders.one()",
            "ALTER SCHEMA orders RENAME TO mine",
            "DROP SCHEMA orders CASCADE",
            "SELECT * FROM public.somebodys",
            "CREATE TABLE public.mine (id int)",
            "CREATE ROLE mine",
            "ALTER ROLE orders PASSWORD 'x'",
            'ALTER ROLE "web-shop" SUPERUSER',
            "SET ROLE orders",
            "SET ROLE scaleproof",
            "GRANT orders TO CURRENT_USER",
            "CREATE DATABASE mine",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('PG_VERSION')",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
            "ALTER SYSTEM SET work_mem = '1GB'",
        ],
    )
    def test_may_not(self, server, statement):
        with as_role(server, "web-shop") as connection, pytest.raises(errors.InsufficientPrivilege) as refused:
            connection.execute(statement)
        assert refused.value.sqlstate == "42501"

    @pytest.mark.parametrize("database", ["elsewhere", "template1"])
    def test_gets_into_no_other_database(self, server, database):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            as_role(server, "orders", database=database)

    @pytest.mark.parametrize("password", ["wrong", PASSWORDS["web-shop"]])
    def test_does_not_get_in_without_its_own_password(self, server, password):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            as_role(server, "orders", password=password)

    def test_what_is_stored_does_not_tell_the_password(self, server):
        with as_superuser(server) as connection:
            stored = dict(connection.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin").fetchall())
        assert stored.keys() >= {"scaleproof", *PASSWORDS}
        assert all(text.startswith("SCRAM-SHA-256$4096:") for text in stored.values())
        assert not any(PASSWORDS[role] in stored[role] for role in PASSWORDS)

    def test_gets_what_was_made_before_it_and_all_is_kept(self, server):
        with as_superuser(server) as connection:
            owners = connection.execute(OWNERS, {"schema": "orders"}).fetchall()
            assert len(owners) > 20
            assert {owner for owner, _ in owners} == {"orders"}
            assert connection.execute(OWNERS, {"schema": "public"}).fetchone() == ("scaleproof", "somebodys")
        with as_role(server, "orders") as connection:
            assert connection.execute("INSERT INTO orders (note) VALUES ('more') RETURNING id").fetchone() == (2,)
            connection.execute("DELETE FROM orders WHERE note = 'more'")

    def test_made_once_more_changes_nothing_but_what_is_new(self, server):
        with as_superuser(server) as connection:
            before = connection.execute(OWNERS, {"schema": "orders"}).fetchall()
            server.ensure_roles({**PASSWORDS, "later": "later-password"})
            assert connection.execute(OWNERS, {"schema": "orders"}).fetchall() == before
        with as_role(server, "later", password="later-password") as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM orders.orders")
        with as_role(server, "orders") as connection:
            assert connection.execute("SELECT note FROM orders").fetchall() == [("kept",)]

    def test_that_got_more_than_it_should_have_loses_it(self, server):
        with as_superuser(server) as connection:
            connection.execute("ALTER ROLE orders SUPERUSER CREATEDB NOLOGIN PASSWORD 'other'")
            server.ensure_roles(PASSWORDS)
            row = connection.execute("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = 'orders'").fetchone()
        assert row == (False, False)
        as_role(server, "orders").close()

    def test_a_server_that_refuses_is_named_and_the_password_is_not(self, server):
        busy = {"held-up": "held-password"}
        with as_superuser(server) as connection:
            connection.execute('CREATE SCHEMA "held-up"; CREATE TABLE "held-up".t (id int)')
            with connection.transaction():
                connection.execute('LOCK TABLE "held-up".t')
                with pytest.raises(CannotMeasureError, match="lock timeout") as raised:
                    server.ensure_roles(busy)
            assert "held-password" not in str(raised.value)
            assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'held-up'").fetchone() is None  # all or nothing

    def test_is_made_by_the_clusters_job_as_well(self, server, monkeypatch, public_folder):
        monkeypatch.setattr(postgres_roles, "VERIFIER_FOLDER", str(public_folder))
        monkeypatch.setattr(postgres_roles, "CONFIG_FOLDER", str(public_folder))
        args = RolesArgs(
            namespace="shop",
            part_of="shop",
            services=["on-cluster", "beside"],
            image="postgres",
            image_pull_policy=None,
            host="127.0.0.1",
            port=server.port,
            database="elsewhere",
            server={},
            account="postgres",
            password_secret="postgres-credentials",
        )
        told = {}
        for service in args.services:
            data = role_secret(args, service, lambda: f"drawn-{len(told)}")["data"]
            told[service] = base64.b64decode(data["DATABASE_URL"]).decode()
            (public_folder / service).write_bytes(base64.b64decode(data["verifier"]))
        _, configuration, job = role_manifests(args, {})
        (public_folder / "roles.sql").write_text(configuration["data"]["roles.sql"])
        program, *arguments = job["spec"]["template"]["spec"]["containers"][0]["command"]
        environment = {"PATH": os.environ["PATH"], "PGPASSWORD": server.url.split(":")[2].split("@")[0], "LC_ALL": "C"}
        for _ in range(2):  # a Job may be started again
            command = [str(Path(server.command()[0]).with_name(program)), *arguments]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
            assert (result.returncode, result.stderr) == (0, "")
        with psycopg.connect(told["on-cluster"], autocommit=True) as connection:
            connection.execute('CREATE TABLE "on-cluster".things (id int)')
            assert connection.execute("SELECT CURRENT_USER").fetchone() == ("on-cluster",)
        with psycopg.connect(told["beside"]) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute('SELECT * FROM "on-cluster".things')


def test_no_argument_of_a_process_holds_a_password(monkeypatch, public_folder, free_port):
    server = PostgresServer(public_folder / "postgres", free_port(), spec.Postgres())
    commands = []

    def answer(command, **options):
        commands.append((command, options["env"]))
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", answer)
    server.ensure_roles(PASSWORDS)
    assert commands
    assert not any(password in str(commands) for password in PASSWORDS.values())


@pytest.mark.parametrize("name", ["scaleproof", "public", "none"])
def test_a_service_whose_role_could_not_be_made_is_refused(name):
    with pytest.raises(BadInputError, match=rf"services\.{name}: no role of PostgreSQL can have this name") as raised:
        check_names(["orders", name])
    assert "postgres_connections: 0" in raised.value.hint
    check_names(["orders", "no-one"])
