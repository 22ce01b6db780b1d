"""The `scaleproof` command as a person types it in a folder."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from scaleproof.cli import main

WIDTH = "120"


def scaleproof(
    project: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """How it ended, with what it printed; `environment` on top of this process's own."""
    return subprocess.run(
        [sys.executable, "-m", "scaleproof", *arguments],
        cwd=project,
        env={**os.environ, "COLUMNS": WIDTH, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def typed(project: Path, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """As `scaleproof`, in this process, which has imported everything after the first time: a start takes a second and a half."""
    out, err, given = (io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="") for text in (b"", b"", stdin.encode()))
    on_sigterm = signal.getsignal(signal.SIGTERM)
    with (
        contextlib.chdir(project),
        patch.dict(os.environ, {"COLUMNS": WIDTH, **environment}),
        patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(list(arguments))
        except SystemExit as left:
            code = left.code
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)
    return subprocess.CompletedProcess(list(arguments), int(code or 0), printed_in(out), printed_in(err))


def printed_in(stream: io.TextIOWrapper) -> str:
    """Everything so far. Binary streams of it may have been used as well: Click does that."""
    stream.flush()
    stream.seek(0)
    return stream.read()
