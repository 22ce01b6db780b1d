"""The first process of the node's namespaces: makes the mounts private, says so, and waits for orphans.

Every daemon and every pod lives in its process namespace, so that its end is theirs: the kernel kills them all, and with the last of them
go their mounts. Runs as `python -I anchor.py READY-FILE FOLDER…`; imports nothing of the project.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


def cover(folder: Path) -> None:
    """Hide a folder that programs insist on behind an empty one of our own."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "scaleproof", str(folder)], check=True)


def main() -> None:
    """Never returns; ended by SIGKILL."""
    ready, *folders = (Path(word) for word in sys.argv[1:])
    for folder in folders:
        cover(folder)
    # kubelet wants mounts that pods can share; they are shared within this namespace alone.
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    ready.touch()
    while True:
        signal.sigwait({signal.SIGCHLD})
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    main()
