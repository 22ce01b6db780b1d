"""Generator pods as processes of this machine: the real `load.pod_part`, with pipes where a cluster has exec sessions."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaleproof.load.pod_session import Message, OpenPods


class PipeSession:
    """A session with one process."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self._part = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scaleproof.load.pod_part"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(home)},
        )

    def send(self, message: Message) -> None:
        self.process.stdin.write((json.dumps(message) + "\n").encode())
        self.process.stdin.flush()

    def receive(self, timeout_seconds: float) -> list[Message]:
        if not select.select([self.process.stdout], [], [], timeout_seconds)[0]:
            return []
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        if not data:
            raise ConnectionError("it was closed")
        *lines, self._part = (self._part + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def errors(self) -> str:
        return self.process.stderr.read().decode() if self.process.poll() is not None else ""

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.process.stderr.close()


class LocalPods:
    """One master and some workers; `home` is where their files lie while they play."""

    def __init__(self, home: Path, workers: int) -> None:
        self.home = home
        self._workers = workers
        self.sessions: list[PipeSession] = []

    @contextmanager
    def open(self) -> Iterator[OpenPods]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with ExitStack() as stack:
            self.sessions = [
                PipeSession(name, self.home) for name in ("master", *(f"worker-{n}" for n in range(self._workers)))
            ]
            for session in self.sessions:
                stack.callback(session.close)
            yield OpenPods(self.sessions[0], "127.0.0.1", self.sessions[1:], port)
