"""Running Pulumi's engine so that it can be stopped: by Ctrl-C, or because waiting for it has become pointless.

The Automation API's own command leaves Ctrl-C to the terminal, which sends it to the engine as well as to us. Here the engine
has a session of its own and gets exactly one interrupt, upon which it finishes what it is doing and removes its lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Final

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import InvalidVersionError, create_command_error

from scaleproof.spec.errors import BadInputError

WATCH_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 30.0
"""For the engine to finish what it is doing after an interrupt; after half of it, it is told to drop it."""
READ_SECONDS: Final = 5.0
CHANGING: Final = frozenset({"up", "destroy", "refresh"})


class PulumiProcess(PulumiCommand):
    """The `pulumi` on PATH. While an update runs, `watch` is called every second; what it raises ends the update."""

    def __init__(self) -> None:
        self.watch: Callable[[], None] | None = None
        self.killed = False
        """The engine had to be killed: it may have left its lock."""
        try:
            super().__init__()
        except FileNotFoundError:
            raise BadInputError(
                "Pulumi's engine is not installed: there is no `pulumi` on PATH",
                hint="see pulumi.com/docs/install; `make cluster-up` builds one for the test cluster",
            ) from None
        except InvalidVersionError as error:
            raise BadInputError(f"the `pulumi` on PATH is too old ({error})", hint="upgrade it") from None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """Run it to its end. Raises CommandError where it fails, KeyboardInterrupt or what `watch` raised after stopping it."""
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        if Path(self.command).is_absolute():
            environment["PATH"] = f"{Path(self.command).parent}{os.pathsep}{environment.get('PATH', '')}"
        process: subprocess.Popen[str] | None = None
        readers: list[_Reader] = []
        try:
            with _interrupts_held():
                process = subprocess.Popen(  # noqa: S603  the engine that the user installed
                    [self.command, *([] if "--non-interactive" in args else ["--non-interactive"]), *args],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=cwd,
                    env=environment,
                    encoding="utf-8",
                    start_new_session=True,
                )
                assert process.stdout is not None
                assert process.stderr is not None
                out, err = _Reader(process.stdout, on_output), _Reader(process.stderr, on_error)
                readers = [out, err]
            self._wait(process, watched=bool(CHANGING & set(args[:2])))
        except BaseException:
            if process is not None:
                self._stop(process)
            raise
        finally:
            # A plug-in that outlives a killed engine would keep the pipes open.
            for reader in readers:
                reader.join(READ_SECONDS)
        result = CommandResult(stdout="\n".join(out.lines), stderr="\n".join(err.lines), code=process.returncode)
        if process.returncode != 0:
            raise create_command_error(result)
        return result

    def _wait(self, process: subprocess.Popen[str], *, watched: bool) -> None:
        while True:
            try:
                process.wait(timeout=WATCH_SECONDS)
            except subprocess.TimeoutExpired:
                if watched and self.watch is not None:
                    self.watch()
                continue
            return

    def _stop(self, process: subprocess.Popen[str]) -> None:
        """An interrupt, a second one, and in the end a kill. A further Ctrl-C meanwhile changes nothing."""
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            if process.poll() is None:
                if number == signal.SIGKILL:
                    self.killed = True
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.send_signal(number)
            _ended_within(process, GRACE_SECONDS / 2)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A Ctrl-C comes at the end: in the middle of starting the engine it would leave one behind that nobody knows of."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        before(*held[0])


class _Reader(threading.Thread):
    """Reads a stream to its end."""

    def __init__(self, stream: IO[str], callback: Callable[[str], object] | None) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._stream = stream
        self._callback = callback
        self.start()

    def run(self) -> None:
        """Until the process closes it."""
        for line in self._stream:
            self.lines.append(line.rstrip())
            if self._callback is not None:
                self._callback(line.rstrip())
        self._stream.close()


def _ended_within(process: subprocess.Popen[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            process.wait(timeout=max(0.05, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue
    return process.poll() is not None
