"""Real servers for the tests of this folder: free ports, processes that end with the test, and what they bind."""

import contextlib
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest


class Started:
    """Processes of one test or class. All are killed at its end, whatever happened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen] = []

    def __call__(self, command, user=None) -> subprocess.Popen:
        uid, gid = user or (None, None)
        log = (self._folder / f"{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", user=uid, group=gid, extra_groups=None if user is None else []
            )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def start(tmp_path):
    started = Started(tmp_path)
    yield started
    started.end()


@pytest.fixture(scope="class")
def start_for_class(tmp_path_factory):
    """As `start`, for servers that the tests of a class share."""
    started = Started(tmp_path_factory.mktemp("logs"))
    yield started
    started.end()


@pytest.fixture(scope="session")
def free_port():
    def take() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return take


@pytest.fixture(scope="session")
def until():
    """Wait until something holds, at most so long: real servers need real time."""

    def wait(holds, seconds=15.0):
        deadline = time.monotonic() + seconds
        while not (result := holds()):
            assert time.monotonic() < deadline, "not within the time limit"
            time.sleep(0.01)
        return result

    return wait


@pytest.fixture
def bound_addresses():
    """(address, port) of everything that a process listens on."""

    def listening(process):
        connections = psutil.Process(process.pid).net_connections("inet")
        return {tuple(each.laddr) for each in connections if each.status == psutil.CONN_LISTEN}

    return listening


@pytest.fixture
def public_folder():
    """A folder that every user may enter; pytest's own is private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
