"""Locust as a process of its own: started, watched and ended with everything it started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scaleproof.load.config import CONFIG_VARIABLE, LoadConfig
from scaleproof.load.status import FINISHED_FILE, read_signal

CONFIG_FILE = "load.json"
PLUGIN_FILE = Path(__file__).with_name("locustfiles") / "scaleproof_plugin.py"
LOG_FILE = "locust.log"
WORKER_SPAWN_RATE_PER_SECOND = 2_500


class LocustProcess:
    """`locust --headless` on one order; a context that leaves no process behind."""

    def __init__(self, config: LoadConfig, locustfile: Path, processes: int, *, words: Sequence[str] | None = None) -> None:
        """`words`: a command line for Locust in another role than the usual one."""
        self.folder = Path(config.folder)
        file = write_config(config, self.folder)
        with (self.folder / LOG_FILE).open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and arguments
                command(config, locustfile, processes) if words is None else words,
                env=environment(os.environ, file),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of Locust's first process."""
        return self._process.pid

    def ended(self) -> bool:
        """Locust's first process is no more."""
        return self._process.poll() is not None

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the end; whether it came in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)
        return self.ended()

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of Locust's log."""
        text = (self.folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
        return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])

    def end(self, polite_seconds: float = 3.0) -> None:
        """End Locust and all it started: politely, then for good."""
        if polite_seconds > 0 and not self.ended():
            self._signal(signal.SIGTERM)
            self.wait(polite_seconds)
        # Also when the first process has ended: workers may outlive it, and they share its group.
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if read_signal(self.folder, FINISHED_FILE) is None:
            self.end()
        else:
            # The record is complete: Locust has nothing left to do but to take down its users, with thousands for seconds.
            self.wait(1.0)
            self.end(0.0)


def write_config(config: LoadConfig, folder: Path) -> Path:
    """The order's file; who watches the load reads it as well."""
    file = folder / CONFIG_FILE
    file.write_text(config.model_dump_json(indent=2, by_alias=True, exclude_none=True) + "\n", encoding="utf-8")
    return file


def command(config: LoadConfig, locustfile: Path, processes: int) -> list[str]:
    """Locust's command line."""
    words = [*played(config, locustfile), "--headless", "--only-summary"]
    # Alone, Locust spawns all at once. A worker that spawns for long misses heartbeats and is given up by its master.
    rate = config.users if processes == 1 else WORKER_SPAWN_RATE_PER_SECOND * processes
    words += ["-u", str(config.users), "-r", str(rate)]
    if processes > 1:
        port = str(_free_port())
        words += ["--processes", str(processes), "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        words += ["--master-host", "127.0.0.1", "--master-port", port, "--expect-workers-max-wait", "30"]
    return words


def played(config: LoadConfig, locustfile: Path) -> list[str]:
    """The beginning of Locust's command line, in every role: what is played, and where its requests go."""
    files = str(locustfile)
    if config.closed_loop:  # nobody imports the plug-in there
        files += f",{PLUGIN_FILE}"
    words = [sys.executable, "-m", "locust", "-f", files, "--host", config.host_url, "--loglevel", "WARNING"]
    for option, tags in (("--tags", config.tags), ("--exclude-tags", config.exclude_tags)):
        if tags:
            words += [option, *tags]
    return words


def environment(current: Mapping[str, str], config_file: Path) -> dict[str, str]:
    """The environment of Locust: without the caller's LOCUST_ settings, which would override the order."""
    kept = {name: value for name, value in current.items() if not name.startswith("LOCUST_")}
    return {**kept, CONFIG_VARIABLE: str(config_file), "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
