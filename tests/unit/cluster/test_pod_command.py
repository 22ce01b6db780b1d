"""The command before a load, run in a replica: which one, what it prints, and why it failed. The exec itself: tests/cluster."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import STDERR_CHANNEL, STDOUT_CHANNEL
from websocket import WebSocketConnectionClosedException

from fakes.kube_api_server import SPACE, FakeKube
from scaleproof.cluster import pod_command
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.pod_command import prepare_load
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Preparation

PREPARE = Preparation(service="alpha", command=["{python}", "-m", "sessions", "--users", "{users}"])


class Connection:
    """An exec that prints these pieces one after another, and then has ended so."""

    def __init__(self, *pieces: bytes, errors: bytes = b"", code: int | None = 0, breaks: bool = False) -> None:
        self.pieces = list(pieces)
        self.errors = errors
        self.code = code
        self.breaks = breaks
        self.closed = False
        self._now: dict[int, bytes] = {}

    def update(self, timeout: float) -> None:
        if self.breaks and not self.pieces:
            raise WebSocketConnectionClosedException("gone")
        # The last piece comes with the end, as it may.
        self._now = {STDOUT_CHANNEL: self.pieces.pop(0) if self.pieces else b"", STDERR_CHANNEL: self.errors}
        self.errors = b""

    def read_channel(self, channel: int) -> bytes:
        return self._now.pop(channel, b"")

    def is_open(self) -> bool:
        return (bool(self.pieces) or self.breaks) and not self.closed

    @property
    def returncode(self) -> int:
        if self.code is None:
            raise TypeError("'NoneType' object is not subscriptable")  # what the library does without a last word
        return self.code

    def close(self) -> None:
        self.closed = True


class Execs:
    """What was asked for, and what comes of it."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.asked: list[tuple[str, str, str, list[str]]] = []

    def __call__(self, _method: Any, pod: str, namespace: str, *, container: str, command: list[str], **_: Any) -> Connection:
        self.asked.append((pod, namespace, container, command))
        return self.connection


@pytest.fixture
def execs(monkeypatch: pytest.MonkeyPatch) -> Execs:
    made = Execs()
    monkeypatch.setattr(pod_command, "stream", made)
    return made


def test_what_it_prints_is_written_for_the_owner_alone(services: FakeKube, api: KubeApi, execs: Execs, tmp_path: Path) -> None:
    execs.connection = Connection('{"token": "ü'.encode()[:-1], b"\xbc", b'"}\n', errors=b"careful\n")
    output = tmp_path / "given"
    prepare_load(api, SPACE, PREPARE, 250, output)
    assert output.read_text() == '{"token": "ü"}\n', "wherever it was cut"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    [(pod, namespace, container, command)] = execs.asked
    assert pod in {each["metadata"]["name"] for each in services.pods(SPACE)}
    assert pod.startswith("alpha-")
    assert (namespace, container, command) == (SPACE, "alpha", ["python", "-m", "sessions", "--users", "250"])
    assert execs.connection.closed


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (
            Connection(b"token", errors=b"a\nno key signs\n", code=3),
            r"(?s)alpha-\S+: `python -m sessions --users 1` ended with exit code 3:\na\nno key signs",
        ),
        (Connection(b"token", breaks=True), r"the session in the pod alpha-\S+ broke off \(WebSocketConnectionClosed"),
        (Connection(b"token", code=None), r"the session in the pod alpha-\S+ broke off \(TypeError\)"),
    ],
)
def test_a_failure_is_told_without_what_was_printed(
    services: FakeKube, api: KubeApi, execs: Execs, tmp_path: Path, connection: Connection, message: str
) -> None:
    execs.connection = connection
    with pytest.raises(CannotMeasureError, match=message) as caught:
        prepare_load(api, SPACE, PREPARE, 1, tmp_path / "given")
    assert "token" not in str(caught.value)
    assert not (tmp_path / "given").exists()


def test_one_that_goes_on_for_ever_is_left(
    services: FakeKube, api: KubeApi, execs: Execs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_command, "PREPARE_SECONDS", 0.0)
    execs.connection = Connection(b"a", b"b")
    with pytest.raises(CannotMeasureError, match="took longer than 0 s"):
        prepare_load(api, SPACE, PREPARE, 1, tmp_path / "given")
    assert execs.connection.closed


def test_without_a_ready_replica_nobody_is_asked(services: FakeKube, api: KubeApi, execs: Execs, tmp_path: Path) -> None:
    with pytest.raises(CannotMeasureError, match=r"load\.prepare: no replica of gamma is ready"):
        prepare_load(api, SPACE, PREPARE.model_copy(update={"service": "gamma"}), 1, tmp_path / "given")
    assert execs.asked == []


def test_a_refused_exec_says_what_to_try(
    services: FakeKube, api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ApiException(status=403, reason="Handshake status 403 Forbidden")

    monkeypatch.setattr(pod_command, "stream", refuse)
    with pytest.raises(CannotMeasureError, match="Handshake status 403 Forbidden") as caught:
        prepare_load(api, SPACE, PREPARE, 1, tmp_path / "given")
    assert "kubectl -n" in str(caught.value.hint)
