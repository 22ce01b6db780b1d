"""The `scaleproof` command as a person types it in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def scaleproof(
    project: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """How it ended, with what it printed; `environment` on top of this process's own."""
    return subprocess.run(
        [sys.executable, "-m", "scaleproof", *arguments],
        cwd=project,
        env={**os.environ, "COLUMNS": "120", **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
