"""`.scaleproof/<stack>/`: where a platform on this machine keeps what it needs while it runs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scaleproof.runtime.private_file import OWNER_ONLY, write_whole

MARKER: Final = "SCALEPROOF_PLATFORM"
"""In the environment of every process of a platform: its token."""


@dataclass(frozen=True)
class StateFolder:
    """One stack's folder. `run/` goes with the platform, `logs/` stays to be read, everything else is not the runtime's."""

    root: Path

    @classmethod
    def of(cls, project: Path, stack: str) -> StateFolder:
        """The folder of that stack in the project's folder."""
        return cls(project.absolute() / ".scaleproof" / stack)

    @property
    def run(self) -> Path:
        """Servers' files, endpoints, data: removed by `down`. Others may pass through it: PostgreSQL runs as another user."""
        return self.root / "run"

    @property
    def control(self) -> Path:
        """0700: the control socket, the orders, the token."""
        return self.run / "control"

    @property
    def secrets(self) -> Path:
        """0700: what was drawn for services, a file each."""
        return self.run / "secrets"

    @property
    def logs(self) -> Path:
        """One file a replica, server and helper; of the last platform that ran here."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Held by the guardian and the supervisor as long as one of them lives."""
        return self.root / "lock"

    @property
    def cgroup_register(self) -> Path:
        """Where every cgroup folder is noted before it is made."""
        return self.run / "cgroups"

    @property
    def failure(self) -> Path:
        """Why the supervisor ended, for who waits for it."""
        return self.control / "failure.json"

    @property
    def is_running(self) -> bool:
        """Whether a platform runs here."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def make(self) -> None:
        """Fresh and empty, for a new platform."""
        self.root.mkdir(parents=True, exist_ok=True)
        ignore = self.root.parent / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, "*\n")
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        self.run.mkdir(mode=0o711)
        self.run.chmod(0o711)
        self.control.mkdir(mode=0o700)
        self.secrets.mkdir(mode=0o700)

    def remove_run(self) -> None:
        """Remove what a platform left, also where it could not itself."""
        link = self.run / "postgres" / "home"
        if link.is_file():
            home = Path(link.read_text().strip())
            if home.name.startswith("scaleproof-postgres-") and home.parent == Path(tempfile.gettempdir()):
                shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)

    def write(self, name: str, document: Any) -> None:
        """A private JSON file in the control folder."""
        write_whole(self.control / name, json.dumps(document, indent=1) + "\n", OWNER_ONLY)

    def read(self, name: str) -> Any:
        """That file; None where it is absent or damaged."""
        try:
            return json.loads((self.control / name).read_text())
        except (OSError, json.JSONDecodeError):
            return None

    @contextmanager
    def socket_path(self) -> Iterator[str]:
        """The control socket's path in at most 108 characters, however deep the project lies (unix(7)).

        Valid within the context: it goes through an open descriptor of the folder.
        """
        descriptor = os.open(self.control, os.O_PATH | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}/socket"
        finally:
            os.close(descriptor)
