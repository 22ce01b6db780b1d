"""A generator pod between loads: its figures, and the orphans that it buries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scaleproof.load.pod_part import FOLDER_PREFIX
from scaleproof.load.stand_by import bury_children, serve
from scaleproof.load.status import StatusLine, append_line


def page(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def test_figures_are_those_of_the_load_that_is_played(tmp_path: Path) -> None:
    server = serve(0, tmp_path)
    port = server.server_address[1]
    assert "scaleproof_load_active 0.0" in page(port, "/metrics")

    folder = tmp_path / f"{FOLDER_PREFIX}1"
    folder.mkdir()
    append_line(folder, "worker-0", StatusLine(1.0, 0.5, 1000, completed=10, errors=1, p95_s=0.2))
    append_line(folder, "worker-0", StatusLine(2.0, 0.75, 2000, completed=20, errors=0, p95_s=None))
    text = page(port, "/metrics")
    assert "scaleproof_load_active 1.0" in text
    assert 'scaleproof_load_requests_total{process="worker-0"} 30.0' in text
    assert 'scaleproof_load_errors_total{process="worker-0"} 1.0' in text
    assert 'scaleproof_load_cpu_seconds_total{process="worker-0"} 0.75' in text
    assert 'scaleproof_load_memory_bytes{process="worker-0"} 2000.0' in text
    assert "scaleproof_load_latency_p95_seconds{" not in text  # nobody was answered in the last second

    assert page(port, "/healthz") == "ok\n"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(port, "/other")
    server.shutdown()
    server.server_close()


def test_ended_children_are_buried() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        bury_children()
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists()
    bury_children()  # nobody is left, and that is no error


def test_it_leaves_on_sigterm() -> None:
    process = subprocess.Popen([sys.executable, "-m", "scaleproof.load.stand_by"], env=os.environ | {"EXPORTER_PORT": ""})
    until = time.monotonic() + 60
    # Before its handlers are there the signal would kill it, which is another exit code. SIGTERM's alone may be the coverage's.
    while not _catches(process.pid, signal.SIGCHLD) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def _catches(pid: int, number: signal.Signals) -> bool:
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
