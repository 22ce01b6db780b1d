"""Locks of a self-managed Pulumi backend: whose they are, and whether their owner still lives. Pure but for asking for a process."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"created by (?P<user>[^@\s]+)@(?P<host>\S+) \(pid (?P<pid>\d+)\)(?: at (?P<at>\S+))?")


@dataclass(frozen=True)
class StackLock:
    """Who holds a stack."""

    user: str
    host: str
    pid: int
    at: str

    def is_abandoned(self, host: str, lives: Callable[[int], bool]) -> bool:
        """Whether its owner ran on this very host and is gone. Of another host's processes nothing is known."""
        return self.host == host and not lives(self.pid)


def read_locks(engine_says: str) -> list[StackLock]:
    """The locks that the engine names when it finds a stack locked."""
    return [StackLock(m["user"], m["host"], int(m["pid"]), m["at"] or "") for m in _LINE.finditer(engine_says)]


def this_host() -> str:
    """As the engine names it."""
    return socket.gethostname()


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
