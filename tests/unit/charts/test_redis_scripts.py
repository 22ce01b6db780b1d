"""The scripts of charts/redis with a real server: who may do what, and what the probe says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaleproof.runtime.redis import find_redis

FILES = Path(__file__).parents[3] / "charts" / "redis" / "files"
PASSWORD = 'p"a\\ss $word'


def prepare(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run prepare.sh with its two folders below this one."""
    for name in ("redis", "exporter"):
        (folder / name).mkdir(exist_ok=True)
    script = (FILES / "prepare.sh").read_text().replace("/run/", f"{folder}/")
    path = {"PATH": os.environ["PATH"]}
    return subprocess.run(["sh", "-c", script], env=path | environment, capture_output=True, text=True, check=False)


class Client:
    """Says one command after another to a server, as the protocol's inline commands and arrays do."""

    def __init__(self, port: int) -> None:
        self._stream = socket.create_connection(("127.0.0.1", port), timeout=10).makefile("rwb")

    def say(self, *words: str) -> str:
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        self._stream.write(b"*%d\r\n%s" % (len(words), parts))
        self._stream.flush()
        line = self._stream.readline().decode().strip()
        if line.startswith("$") and line != "$-1":
            return self._stream.read(int(line[1:]) + 2).decode().strip()
        return line

    def close(self) -> None:
        self._stream.close()


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A server with the rules that prepare.sh made of a password, and its port."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    done = prepare(tmp_path, PASSWORD_FILE=str(tmp_path / "password"), EXPORTER_ADDRESS="redis://exporter@localhost:1")
    assert done.returncode == 0, done.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(str(find_redis()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)),
            *("--aclfile", str(tmp_path / "redis" / "users.acl")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            Client(port).close()
            break
        except OSError:
            assert server.poll() is None, server.stdout.read()
            time.sleep(0.02)
    yield tmp_path, port
    server.terminate()
    server.communicate(timeout=10)


def test_the_default_user_needs_the_password(prepared: tuple[Path, int]) -> None:
    client = Client(prepared[1])
    assert client.say("PING").startswith("-NOAUTH")
    assert client.say("AUTH", "wrong").startswith("-WRONGPASS")
    assert client.say("AUTH", PASSWORD) == "+OK"
    assert client.say("SET", "key", "value") == "+OK"
    assert client.say("GET", "key") == "value"
    client.close()


def test_the_exporter_sees_figures_and_no_data(prepared: tuple[Path, int]) -> None:
    folder, port = prepared
    passwords = json.loads((folder / "exporter" / "passwords.json").read_text())
    client = Client(port)
    assert client.say("AUTH", "exporter", passwords["redis://exporter@localhost:1"]) == "+OK"
    assert "connected_clients" in client.say("INFO")
    for words in (("GET", "key"), ("SET", "key", "x"), ("SCAN", "0"), ("CONFIG", "SET", "maxmemory", "1"), ("ACL", "LIST")):
        assert client.say(*words).startswith("-NOPERM"), words
    client.close()


def test_only_hashes_are_written(prepared: tuple[Path, int]) -> None:
    rules = (prepared[0] / "redis" / "users.acl").read_text()
    assert PASSWORD not in rules
    assert all(line.count(" #") == 1 for line in rules.splitlines())


def test_the_files_are_for_their_owner_alone(prepared: tuple[Path, int]) -> None:
    made = [prepared[0] / "redis" / "users.acl", prepared[0] / "exporter" / "passwords.json"]
    assert [oct(file.stat().st_mode & 0o777) for file in made] == ["0o600", "0o600"]


def test_an_acl_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "users.acl").write_text("user default off\nuser app on nopass ~app:* +@all")
    assert prepare(tmp_path, ACL_FILE=str(tmp_path / "users.acl")).returncode == 0
    assert (tmp_path / "redis" / "users.acl").read_text() == "user default off\nuser app on nopass ~app:* +@all\n"
    assert not (tmp_path / "exporter" / "passwords.json").exists()


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    done = prepare(tmp_path, PASSWORD_FILE=str(tmp_path / "password"))
    assert done.returncode == 1
    assert "is empty: put the password into the Secret" in done.stderr
    assert not (tmp_path / "redis" / "users.acl").exists()
