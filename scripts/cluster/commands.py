"""Other programs run to their end; a failure says which one and shows the end of what it printed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SHOWN_LINES = 15


class ClusterError(Exception):
    """Something a person can act on; the message says what."""


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
    timeout_seconds: float | None = None,
) -> str:
    """Its output. Raises ClusterError with the last lines of what it printed."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{name_of(command)} did not end within {timeout_seconds:.0f} s") from error
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-SHOWN_LINES:])
        raise ClusterError(f"{name_of(command)} failed with exit code {done.returncode}:\n{last}")
    return done.stdout


def name_of(command: Sequence[str | Path]) -> str:
    """The program and its first word, enough to recognise it; the rest may be long."""
    return " ".join([Path(command[0]).name, *(str(word) for word in command[1:2])])
