"""Sessions in the pods of charts/locust, as `kubectl exec -i` opens them (adapter of `pod_session.GeneratorPods`).

Needs `get` and `list` of pods and `create` of `pods/exec` in the generator's namespace, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import STDERR_CHANNEL, STDOUT_CHANNEL
from urllib3.exceptions import HTTPError
from websocket import WebSocketException

from scaleproof.load.ensemble import message_text
from scaleproof.load.pod_session import Message, OpenPods
from scaleproof.spec.errors import CannotMeasureError

COMMAND = ("python3", "-m", "scaleproof.load.pod_part")
CONTAINER = "locust"
REQUEST_SECONDS = 20.0
SEND_BYTES = 64 * 1024


class KubeGeneratorPods:
    """The pods of one release, found by the labels that the chart gives them."""

    def __init__(self, client: ApiClient, namespace: str, release: str) -> None:
        self._client = client
        self._namespace = namespace
        self._release = release

    @contextmanager
    def open(self) -> Iterator[OpenPods]:
        """As `GeneratorPods.open`."""
        masters, workers = self._pods("master"), self._pods("worker")
        if not masters or not workers:
            raise CannotMeasureError(
                f"there is no load generator {self._release} in the namespace {self._namespace}",
                hint="deploy charts/locust with mode standby: the stack's `load_test`",
            )
        for pod in (*masters, *workers):
            if not _is_ready(pod):
                raise CannotMeasureError(
                    f"the load generator's pod {pod.metadata.name} is not ready ({_trouble(pod)})",
                    hint=f"see `kubectl -n {self._namespace} describe pod {pod.metadata.name}`",
                )
        with ExitStack() as opened:
            sessions = [opened.enter_context(self._session(pod.metadata.name)) for pod in (masters[0], *workers)]
            yield OpenPods(sessions[0], str(masters[0].status.pod_ip), tuple(sessions[1:]))

    def _pods(self, component: str) -> list[Any]:
        labels = f"app.kubernetes.io/instance={self._release},app.kubernetes.io/component={component}"
        try:
            found = CoreV1Api(self._client).list_namespaced_pod(
                self._namespace, label_selector=labels, _request_timeout=REQUEST_SECONDS
            )
        except ApiException as error:
            raise CannotMeasureError(f"pods of {self._namespace} cannot be listed: {error.reason}") from None
        except HTTPError as error:
            raise CannotMeasureError(f"the Kubernetes API does not answer ({type(error).__name__})") from None
        pods: list[Any] = found.items
        # One that is on its way out belongs to an earlier version of the release.
        return sorted((pod for pod in pods if pod.metadata.deletion_timestamp is None), key=lambda pod: str(pod.metadata.name))

    @contextmanager
    def _session(self, pod: str) -> Iterator[ExecSession]:
        # A client of its own: `stream` replaces how its client asks while it does.
        api = CoreV1Api(ApiClient(self._client.configuration))
        try:
            connection = stream(
                api.connect_get_namespaced_pod_exec,
                pod,
                self._namespace,
                container=CONTAINER,
                command=list(COMMAND),
                stdin=True,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
                _request_timeout=REQUEST_SECONDS,
                binary=True,
            )
        except (ApiException, WebSocketException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise CannotMeasureError(
                f"no session in the pod {pod}: {str(reason).strip()}",
                hint=f"may you `kubectl -n {self._namespace} exec -i {pod} -- true`?",
            ) from None
        try:
            yield ExecSession(pod, connection)
        finally:
            connection.close()


class ExecSession:
    """One exec's streams as messages (`pod_session.PodSession`)."""

    def __init__(self, name: str, connection: Any) -> None:
        self._name = name
        self._connection = connection
        self._part = b""
        self._errors = b""

    @property
    def name(self) -> str:
        """The pod's name."""
        return self._name

    def send(self, message: Message) -> None:
        """As `PodSession.send`."""
        data = message_text(message).encode("ascii")
        try:
            for start in range(0, len(data), SEND_BYTES):
                self._connection.write_stdin(data[start : start + SEND_BYTES])
        except WebSocketException as error:
            raise ConnectionError(str(error)) from None

    def receive(self, timeout_seconds: float) -> list[Message]:
        """As `PodSession.receive`."""
        try:
            self._connection.update(timeout=timeout_seconds)
            self._errors = (self._errors + self._connection.read_channel(STDERR_CHANNEL))[-4096:]
            said: bytes = self._connection.read_channel(STDOUT_CHANNEL)
        except WebSocketException as error:
            raise ConnectionError(str(error)) from None
        *lines, self._part = (self._part + said).split(b"\n")
        if not lines and not self._connection.is_open():
            raise ConnectionError("it was closed")
        return [json.loads(line) for line in lines if line.strip()]

    def errors(self) -> str:
        """As `PodSession.errors`."""
        return self._errors.decode("utf-8", "replace")


def _is_ready(pod: Any) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ())


def _trouble(pod: Any) -> str:
    for status in pod.status.container_statuses or ():
        if status.state.waiting is not None:
            return str(status.state.waiting.reason)
    for condition in pod.status.conditions or ():
        if condition.status != "True" and condition.message:
            return str(condition.message)
    return str(pod.status.phase)
