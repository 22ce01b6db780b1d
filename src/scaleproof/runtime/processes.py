"""What /proc says about processes and the machine: CPU time, memory, descendants."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from scaleproof.runtime.guardian import descendants_of
from scaleproof.runtime.pauser import read_cpu_ns

__all__ = ["CpuMeter", "HostMeter", "carrying", "descendants_of", "resident_bytes"]

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 where it is gone (proc(5), statm)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def carrying(marker: str) -> list[int]:
    """Processes whose environment holds that `NAME=value`, as far as they may be read."""
    wanted = marker.encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208  several hundred entries
        if name.isdecimal() and int(name) != os.getpid():
            try:
                environment = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue
            if wanted in environment.split(b"\0"):
                found.append(int(name))
    return found


class CpuMeter:
    """CPU seconds of a process and its children; what ended children had used stays counted."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.seconds = 0.0
        self.memory_bytes = 0
        self._last: dict[int, int] = {}

    def read(self) -> float:
        """Update and return `seconds`; `memory_bytes` is the tree's resident memory."""
        memory = 0
        now: dict[int, int] = {}
        for pid in [self.pid, *descendants_of(self.pid)]:
            used = read_cpu_ns(pid)
            if used is not None:
                now[pid] = used
                memory += resident_bytes(pid)
                self.seconds += max(used - self._last.get(pid, 0), 0) / 1e9
        self._last = now
        self.memory_bytes = memory
        return self.seconds


@dataclass(frozen=True)
class HostShare:
    """Shares of all cores since the previous reading."""

    cpu: float
    steal: float


class HostMeter:
    """How busy the machine is, and how much the hypervisor took (proc(5), /proc/stat)."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._last = self._ticks()

    def read(self) -> HostShare:
        """Since the previous call."""
        now = self._ticks()
        delta = [max(after - before, 0) for after, before in zip(now, self._last, strict=True)]
        self._last = now
        total = sum(delta)
        if total == 0:
            return HostShare(cpu=0.0, steal=0.0)
        idle, steal = delta[3] + delta[4], delta[7]
        return HostShare(cpu=(total - idle - steal) / total, steal=steal / total)

    def _ticks(self) -> list[int]:
        # user nice system idle iowait irq softirq steal; guest times are already within user.
        return [int(value) for value in self._stat.read_text().split("\n", 1)[0].split()[1:9]]
