"""The reference platform, started as a user would, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from scaleproof.telemetry.run import read_run

REPOSITORY = Path(__file__).parents[1]


class ReferenceProject:
    """A copy of the project's files with a free gateway port; the code is the repository's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("services", "loadtests"):
            (folder / name).symlink_to(REPOSITORY / name)
        for name in ("platform.yaml", "Pulumi.dev.yaml"):
            (folder / name).write_text((REPOSITORY / name).read_text())
        self.edit_platform("port: 8080", "port: 0")

    def became(self, script: str, *, think: str) -> None:
        """The project that a script of the repository makes, with another think time and any free port."""
        subprocess.run([REPOSITORY / script, self.folder], check=True)
        self.edit_platform("port: 8080", "port: 0")
        self.edit_platform("think_seconds: [50, 70]", f"think_seconds: {think}")

    def edit_platform(self, was: str, becomes: str) -> None:
        self._edit("platform.yaml", was, becomes)

    def edit_policy(self, was: str, becomes: str) -> None:
        self._edit("Pulumi.dev.yaml", was, becomes)

    def _edit(self, name: str, was: str, becomes: str) -> None:
        file = self.folder / name
        text = file.read_text()
        assert was in text
        file.write_text(text.replace(was, becomes))

    def scaleproof(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> str:
        done = self.start(*arguments)
        out, err = done.communicate(timeout=500)
        assert done.returncode in expect, f"{arguments} ended with {done.returncode}:\n{out}\n{err}"
        return out

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "scaleproof", *arguments],
            cwd=self.folder,
            env={**os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> dict:
        return json.loads(self.scaleproof("status", "--json"))

    def last_run(self):
        return read_run((self.folder / "runs/latest").resolve())
