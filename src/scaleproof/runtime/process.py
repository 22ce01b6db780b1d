"""A program started through launch.py: its end can be awaited, it logs to a bounded file, and it cannot outlive the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from scaleproof.runtime import launch
from scaleproof.runtime.private_file import OWNER_ONLY

LOG_BYTES = 4_000_000
KEPT_BYTES = 1_000_000


class Process:
    """A running program in a session of its own."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self.pid = popen.pid
        self.log = log
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pidfd = os.pidfd_open(popen.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    @classmethod
    def start(
        cls,
        program: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        user: tuple[int, int] | None = None,
        cgroups: Sequence[str] = (),
        output: Path | None = None,
    ) -> Process:
        """Start it. What it says is appended to `log`, but what it prints goes to `output` where there is one, for its owner alone.

        A program that cannot be started ends with 127 and says why in the log.
        """
        orders = json.dumps({"parent": os.getpid(), "cgroups": list(cgroups), "user": user})
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as said, _private(output) or said as printed:
            popen = subprocess.Popen(  # noqa: S603  the platform's own command, without a shell
                [sys.executable, "-I", "-S", launch.__file__, orders, *program],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                env=dict(environment),
                cwd=folder,
                # Done before this returns, so that the group can be signalled from the first moment.
                start_new_session=True,
            )
        return cls(popen, log)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Its exit code, when it has ended; negative where a signal ended it. May be awaited often, and cancelled."""
        return await asyncio.shield(self._ended)

    def signal_group(self, number: int) -> None:
        """Send a signal to the program and to what it started in its session's first group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self, grace_seconds: float, number: int = signal.SIGTERM) -> int:
        """Ask it to end, then make it. Returns its exit code."""
        if self.running:
            # Only the program itself: a server that manages its own children is told once.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace_seconds)
        self.signal_group(signal.SIGKILL)
        return await self.wait()

    def trim_log(self) -> None:
        """Keep the log bounded: its oldest part moves to `.1`, replacing what was there."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES:
                content = self.log.read_bytes()
                self.log.with_suffix(self.log.suffix + ".1").write_bytes(content[-KEPT_BYTES:])
                # The program writes in append mode, so it goes on at the new end.
                os.truncate(self.log, 0)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = self._popen.wait()
        if not self._ended.done():
            self._ended.set_result(code)


def _private(path: Path | None) -> BinaryIO | None:
    return None if path is None else os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb")


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as content:
            content.seek(0, os.SEEK_END)
            content.seek(max(content.tell() - 400 * lines, 0))
            return content.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
