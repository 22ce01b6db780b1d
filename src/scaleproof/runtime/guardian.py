"""The supervisor's parent: when the supervisor is gone, however it went, nothing that it started stays.

`python -I -S guardian.py RUN_FOLDER LOCK_FILE PROGRAM…`. It is a child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): whatever
loses its parent below it becomes its own child, grandchildren in other sessions included, so walking the tree below it finds
all. When the guardian itself is killed, the supervisor gets SIGTERM and stops in order. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LOCK_TAKEN = 75


def children_of(pid: int) -> list[int]:
    """Processes whose parent is that process (proc(5): /proc/PID/task/TID/children)."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        pass
    return found


def descendants_of(pid: int) -> list[int]:
    """All processes below that one, parents before children."""
    found = children_of(pid)
    for child in found:
        found += descendants_of(child)
    return found


def kill_descendants() -> None:
    """Kill and reap all below this process until none is left."""
    while True:
        for pid in descendants_of(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def remove_cgroups(run_folder: Path) -> None:
    """Remove the cgroup folders that the platform noted in `cgroups`, deepest first; they must be empty of processes."""
    try:
        folders = (run_folder / "cgroups").read_text().splitlines()
    except OSError:
        return
    for folder in sorted(set(folders), key=len, reverse=True):
        for attempt in range(50):
            try:
                Path(folder).rmdir()
            except FileNotFoundError:
                break
            except OSError:
                # The kernel lets go of a cgroup shortly after its last process ended.
                time.sleep(0.02 * (attempt < 49))  # noqa: PLR2004  not after the last attempt
            else:
                break


def main(run_folder: Path, lock_file: Path, program: list[str]) -> int:
    """Hold the lock, start the supervisor, outlive it, clean up. Returns its exit code, or 75 where the lock is taken."""
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return LOCK_TAKEN
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The supervisor ends in order on SIGTERM; the guardian stays until everything below is gone.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.send_signal(signal.SIGTERM))
    supervisor = subprocess.Popen([*program, str(lock)], pass_fds=[lock])  # noqa: S603  our own interpreter
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == supervisor.pid:
            break
    kill_descendants()
    remove_cgroups(run_folder)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]) & 0xFF)
