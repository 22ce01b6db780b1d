"""Start one program so that it cannot outlive the supervisor: `python -I -S launch.py ORDERS PROGRAM…` (about 20 ms).

A program of its own, not a `preexec_fn`: code between fork and exec of a threaded process may deadlock, and the cgroup must
be joined before the first instruction of the program, so that its start-up is throttled too. Standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
NOT_STARTED = 127


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process that signal when its parent ends (prctl(2), PR_SET_PDEATHSIG).

    Exits at once where the parent is already gone: the request came too late.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(NOT_STARTED)


def main(orders: dict[str, Any], program: list[str]) -> None:
    """Open files, cgroup, user, death signal, then the program itself.

    Orders: `parent` (pid), `cgroups` (folders to join), `user` ([uid, gid] or null).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for folder in orders.get("cgroups", []):
        Path(folder, "cgroup.procs").write_text("0")
    if orders.get("user"):
        uid, gid = orders["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which clears it.
    die_with_parent(orders["parent"])
    try:
        os.execvp(program[0], program)  # noqa: S606  the platform's own command, without a shell
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
