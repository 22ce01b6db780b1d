"""One command in one pod, as `kubectl exec` runs it: what it prints, or why it failed.

Needs `create` of `pods/exec` in the platform's namespace, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import STDERR_CHANNEL, STDOUT_CHANNEL
from websocket import WebSocketException

from scaleproof.cluster import pods
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import IMAGE_PYTHON, Preparation, filled

REQUEST_SECONDS = 20.0
LOOK_SECONDS = 1.0
LAST_LINES = 8
MOST_SAID = 4096
PREPARE_SECONDS = 300.0
"""Signing in ten thousand users takes a replica of 100m half a minute."""


def prepare_load(api: KubeApi, namespace: str, prepare: Preparation, users: int, output: Path) -> None:
    """Run `load.prepare` in a ready replica of its service; what it prints is written to that new file, for its owner alone.

    Raises CannotMeasureError where no replica is ready, or the command fails.
    """
    found = api.items(f"/api/v1/namespaces/{namespace}/pods", labels=f"{pods.SERVICE_LABEL}={prepare.service},{pods.COMPONENT}")
    ready = [view for view in map(pods.view, found) if view.ready and view.deleted_at is None]
    if not ready:
        raise CannotMeasureError(
            f"load.prepare: no replica of {prepare.service} is ready", hint="see `scaleproof status --target kube`"
        )
    words = filled(prepare.command, python=IMAGE_PYTHON, users=str(users))
    oldest = min(ready, key=lambda view: view.created_at)
    text = run_in_pod(api.client, namespace, oldest.name, prepare.service, words, timeout_seconds=PREPARE_SECONDS)
    output.touch(mode=0o600, exist_ok=False)
    output.write_text(text, encoding="utf-8")


def run_in_pod(
    client: ApiClient, namespace: str, pod: str, container: str, command: Sequence[str], *, timeout_seconds: float
) -> str:
    """What the command printed. Raises CannotMeasureError with the last lines of its standard error where it fails.

    What was printed never gets into a message: it may be secret.
    """
    # A client of its own: `stream` replaces how its client asks while it does.
    api = CoreV1Api(ApiClient(client.configuration))
    try:
        session = stream(
            api.connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=list(command),
            stdin=False,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
            _request_timeout=REQUEST_SECONDS,
            binary=True,
        )
    except (ApiException, WebSocketException, OSError) as error:
        reason = str(getattr(error, "reason", None) or error).strip()
        raise CannotMeasureError(
            f"no session in the pod {pod}: {reason}", hint=f"may you `kubectl -n {namespace} exec {pod} -- true`?"
        ) from None
    printed: list[bytes] = []
    said = b""
    until = time.monotonic() + timeout_seconds
    try:
        going = True
        while going and time.monotonic() < until:
            session.update(timeout=LOOK_SECONDS)
            going = session.is_open()
            # Once more after its end: what came last is still in the channels.
            printed.append(session.read_channel(STDOUT_CHANNEL))
            said = (said + session.read_channel(STDERR_CHANNEL))[-MOST_SAID:]
        if going:
            raise CannotMeasureError(f"{pod}: `{' '.join(command)}` took longer than {timeout_seconds:g} s")
        code = session.returncode
    except (WebSocketException, OSError, TypeError) as error:  # TypeError: it ended without a word about how
        raise CannotMeasureError(f"the session in the pod {pod} broke off ({type(error).__name__})") from None
    finally:
        session.close()
    if code != 0:
        lines = "\n".join(said.decode(errors="replace").splitlines()[-LAST_LINES:])
        raise CannotMeasureError(
            f"{pod}: `{' '.join(command)}` ended with exit code {code}:\n{lines}", hint="see `load.prepare` in platform.yaml"
        )
    return b"".join(printed).decode()
