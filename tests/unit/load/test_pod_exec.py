"""What the cluster says of its pods, and an exec's bytes as messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import STDERR_CHANNEL, STDOUT_CHANNEL
from websocket import WebSocketConnectionClosedException

from scaleproof.load import pod_exec
from scaleproof.load.pod_exec import ExecSession, KubeGeneratorPods
from scaleproof.spec.errors import CannotMeasureError


def pod(name: str, *, ready: bool = True, waiting: str | None = None, leaving: bool = False) -> Any:
    state = SimpleNamespace(waiting=None if waiting is None else SimpleNamespace(reason=waiting))
    condition = SimpleNamespace(
        type="Ready", status=str(ready), message=None if ready else "containers with unready status: [locust]"
    )
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name, deletion_timestamp="now" if leaving else None),
        status=SimpleNamespace(
            pod_ip="10.0.0.7", phase="Running", conditions=[condition], container_statuses=[SimpleNamespace(state=state)]
        ),
    )


class Connection:
    """An exec that says these pieces one after another, then is closed."""

    def __init__(self, *pieces: bytes, errors: bytes = b"") -> None:
        self.written = b""
        self.closed = False
        self._pieces = list(pieces)
        self._errors = errors
        self._now: dict[int, bytes] = {}

    def update(self, timeout: float) -> None:
        if not self._pieces:
            self.closed = True
            return
        self._now = {STDOUT_CHANNEL: self._pieces.pop(0), STDERR_CHANNEL: self._errors}

    def read_channel(self, channel: int) -> bytes:
        return self._now.pop(channel, b"")

    def is_open(self) -> bool:
        return not self.closed

    def write_stdin(self, data: bytes) -> None:
        if self.closed:
            raise WebSocketConnectionClosedException("socket is already closed")
        self.written += data

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Pods by component; every exec is one that says nothing."""
    pods: dict[str, list[Any]] = {"master": [], "worker": []}

    def listed(self: CoreV1Api, namespace: str, label_selector: str, **_: Any) -> Any:
        assert (namespace, label_selector.split(",", maxsplit=1)[0]) == ("load", "app.kubernetes.io/instance=locust")
        return SimpleNamespace(items=pods[label_selector.rpartition("=")[2]])

    monkeypatch.setattr(CoreV1Api, "list_namespaced_pod", listed)
    monkeypatch.setattr(pod_exec, "stream", lambda method, name, namespace, **_: Connection())
    return pods


def test_a_session_is_opened_in_the_master_and_every_worker(cluster: dict[str, list[Any]]) -> None:
    cluster["master"] = [pod("master-old", leaving=True), pod("master-1")]
    cluster["worker"] = [pod("worker-b"), pod("worker-a")]
    with KubeGeneratorPods(ApiClient(), "load", "locust").open() as opened:
        assert [session.name for session in opened.all] == ["master-1", "worker-a", "worker-b"]
        assert opened.master_host == "10.0.0.7"


@pytest.mark.parametrize(
    ("master", "worker", "message"),
    [
        ([], [], "there is no load generator locust in the namespace load"),
        ([pod("m")], [], "there is no load generator locust"),
        ([pod("m")], [pod("w", ready=False, waiting="ImagePullBackOff")], r"pod w is not ready \(ImagePullBackOff\)"),
        ([pod("m", ready=False)], [pod("w")], r"pod m is not ready \(containers with unready status"),
    ],
)
def test_pods_that_cannot_play_are_named(
    cluster: dict[str, list[Any]], master: list[Any], worker: list[Any], message: str
) -> None:
    cluster["master"], cluster["worker"] = master, worker
    with pytest.raises(CannotMeasureError, match=message), KubeGeneratorPods(ApiClient(), "load", "locust").open():
        pass


def test_a_refused_exec_says_what_to_try(cluster: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ApiException(status=403, reason="Handshake status 403 Forbidden")

    cluster["master"], cluster["worker"] = [pod("m")], [pod("w")]
    monkeypatch.setattr(pod_exec, "stream", refuse)
    with pytest.raises(CannotMeasureError, match="no session in the pod m: Handshake status 403 Forbidden") as raised:  # noqa: SIM117
        with KubeGeneratorPods(ApiClient(), "load", "locust").open():
            pass
    assert raised.value.hint == "may you `kubectl -n load exec -i m -- true`?"


def test_lines_are_put_together_however_they_are_cut() -> None:
    session = ExecSession("w", Connection(b'{"a": 1}\n{"b"', b": 2}\n\n", errors=b"careful\n"))
    assert session.receive(0) == [{"a": 1}]
    assert session.receive(0) == [{"b": 2}]
    assert session.errors() == "careful\ncareful\n"
    with pytest.raises(ConnectionError, match="it was closed"):
        session.receive(0)


def test_long_messages_are_sent_in_pieces() -> None:
    connection = Connection()
    ExecSession("w", connection).send({"files": {"a.py": "ü" * 50_000}})
    assert connection.written.startswith(b'{"files": {"a.py": "\\u00fc')
    assert connection.written.endswith(b'"}}\n')
    connection.close()
    with pytest.raises(ConnectionError, match="already closed"):
        ExecSession("w", connection).send({})
