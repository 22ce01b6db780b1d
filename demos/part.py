"""One process of a demo. It cannot outlive the demo, whatever ends that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scaleproof.runtime import launch
from scaleproof.runtime.process import tail
from scaleproof.spec.errors import CannotMeasureError

CHECKOUT = Path(__file__).parents[1]
START_SECONDS = 60.0
"""Generous: a busy machine takes its time."""
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.05


class Part:
    """A server or a replica. `stop_signal` is what ends it in good order; by default it is simply killed."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        is_ready: Callable[[], bool],
        *,
        log: Path,
        environment: Mapping[str, str],
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._is_ready = is_ready
        self._environment = {**os.environ, **environment}
        self._user = user
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process. Raises AssertionError before `start`."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, without waiting. Only the main thread may: the process ends with the thread that has started it."""
        orders = json.dumps({"parent": os.getpid(), "user": self._user})
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, orders, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                # Another user may not be allowed into the checkout.
                cwd=CHECKOUT if self._user is None else "/",
                start_new_session=True,  # Ctrl-C is the demo's alone: it ends the others in order
            )

    def wait_ready(self, limit_seconds: float = START_SECONDS) -> None:
        """Until it answers. Raises CannotMeasureError with its last words where it ends or takes too long."""
        assert self._process is not None, "not started"
        deadline = time.monotonic() + limit_seconds
        while not self._is_ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                how = f"is not ready after {limit_seconds:g} s" if code is None else f"ended with exit code {code}"
                raise CannotMeasureError("\n".join([f"{self.name} {how}:", *tail(self.log, 8)]))
            time.sleep(PAUSE_SECONDS)

    def kill(self) -> None:
        """At once, as a crash does."""
        assert self._process is not None, "not started"
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
