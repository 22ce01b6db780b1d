"""CPU of a server with all its processes."""

from __future__ import annotations

import psutil


def cpu_seconds(pid: int) -> float:
    """Of a process and of everything below it, dead or alive."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return float(total)
