"""A CPU limit per replica in 100 ms periods: by cgroup where one can be written, else by pausing and resuming the process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scaleproof.runtime import pauser
from scaleproof.runtime.processes import descendants_of
from scaleproof.spec.errors import BadInputError

PERIOD_SECONDS = pauser.PERIOD_NS / 1e9
FORCE = "SCALEPROOF_CPU_LIMIT"


@dataclass(frozen=True)
class Throttling:
    """Counters since the replica's start, as cpu.stat has them."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_seconds: float = 0.0


class CpuLimit(Protocol):
    """Keeps every replica within its CPU limit."""

    kind: str
    """`cgroup` or `pause`: part of what a calibration is stamped with."""

    def prepare(self, replica: str, millicores: int) -> list[str]:
        """Before the start: the cgroup folders that launch.py joins."""

    def started(self, replica: str, pid: int, millicores: int) -> None:
        """The replica's process runs."""

    def ended(self, replica: str) -> None:
        """The replica's processes are gone."""

    def throttling(self, replica: str) -> Throttling:
        """Its counters."""

    def keep_up(self) -> bool:
        """Called about once a second: collects counters, revives what died. False where something had died."""

    def close(self) -> None:
        """Lift all limits and remove what was made."""


class CgroupCpuLimit:
    """`cpu.cfs_quota_us` (v1) or `cpu.max` (v2) of a folder per replica, below a folder of this platform."""

    kind = "cgroup"

    def __init__(self, folder: Path, register: Path) -> None:
        """`folder` is made here; `register` is the file where the guardian finds what to remove after a crash."""
        self._folder = folder
        self._register = register
        self._unified = folder_is_unified(folder.parent)
        self._last: dict[str, Throttling] = {}
        self._note(folder)
        folder.mkdir(exist_ok=True)
        if self._unified:
            (folder / "cgroup.subtree_control").write_text("+cpu")

    def prepare(self, replica: str, millicores: int) -> list[str]:
        """Make the replica's cgroup and set its quota."""
        folder = self._folder / replica
        if not folder.exists():
            self._note(folder)
            folder.mkdir()
        period = round(PERIOD_SECONDS * 1e6)
        quota = max(millicores * period // 1000, 1000)  # the kernel's least quota is 1 ms
        if self._unified:
            (folder / "cpu.max").write_text(f"{quota} {period}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(period))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        return [str(folder)]

    def started(self, replica: str, pid: int, millicores: int) -> None:
        """Nothing: launch.py joined the cgroup before the program began."""

    def ended(self, replica: str) -> None:
        """Remove its cgroup; a process that is still ending there is left to the guardian."""
        self._last.pop(replica, None)
        with contextlib.suppress(OSError):
            (self._folder / replica).rmdir()

    def throttling(self, replica: str) -> Throttling:
        """From cpu.stat."""
        try:
            lines = (self._folder / replica / "cpu.stat").read_text().splitlines()
        except OSError:
            return self._last.get(replica, Throttling())
        values = {name: int(value) for name, value in (line.split() for line in lines)}
        seconds = values["throttled_usec"] / 1e6 if self._unified else values["throttled_time"] / 1e9
        self._last[replica] = Throttling(values["nr_periods"], values["nr_throttled"], seconds)
        return self._last[replica]

    def keep_up(self) -> bool:
        """The kernel does not die before us."""
        return True

    def close(self) -> None:
        """Remove all cgroups that no process is in."""
        for folder in [*self._folder.glob("*/"), self._folder]:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _note(self, folder: Path) -> None:
        with self._register.open("a") as lines:
            lines.write(f"{folder}\n")


class PauseCpuLimit:
    """A process of its own (pauser.py) that stops and continues replicas; needs no privileges."""

    kind = "pause"

    def __init__(self) -> None:
        self._limited: dict[str, tuple[int, int]] = {}
        self._counters: dict[str, Throttling] = {}
        self._offset: dict[str, Throttling] = {}
        self._unread = b""
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of the pausing process."""
        return self._process.pid

    def prepare(self, replica: str, millicores: int) -> list[str]:  # noqa: ARG002  the port's signature
        """Nothing to join."""
        return []

    def started(self, replica: str, pid: int, millicores: int) -> None:
        """Tell the pauser."""
        self._offset[replica] = self._counters.get(replica, Throttling())
        self._limited[replica] = (pid, millicores)
        self._send(self._addition(replica))

    def ended(self, replica: str) -> None:
        """Tell the pauser."""
        self._counters.pop(replica, None)
        self._offset.pop(replica, None)
        if self._limited.pop(replica, None) is not None:
            self._send({"remove": replica})

    def throttling(self, replica: str) -> Throttling:
        """As last reported, at most half a second old."""
        return self._counters.get(replica, Throttling())

    def keep_up(self) -> bool:
        """Read the counters; where the pauser died, resume everything and start another."""
        self._read()
        if self._process.poll() is None:
            return True
        self._close_pipes()
        self._resume_all()
        self._offset = dict(self._counters)
        self._unread = b""
        self._process = self._start()
        for replica in self._limited:
            self._send(self._addition(replica))
        return False

    def close(self) -> None:
        """End the pauser and resume everything."""
        self._close_pipes()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._resume_all()
        self._limited.clear()

    def _start(self) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-I", "-S", pauser.__file__]
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own interpreter
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return process

    def _addition(self, replica: str) -> dict[str, object]:
        pid, millicores = self._limited[replica]
        return {"add": replica, "pid": pid, "quota_ns": millicores * pauser.PERIOD_NS // 1000}

    def _send(self, order: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        # A pauser that died gets all its orders again at the next keep_up.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(BlockingIOError, ValueError):
            while arrived := os.read(self._process.stdout.fileno(), 65536):
                self._unread += arrived
        *lines, self._unread = self._unread.split(b"\n")
        if lines:
            for replica, (periods, throttled, nanoseconds) in json.loads(lines[-1]).items():
                before = self._offset.get(replica, Throttling())
                self._counters[replica] = Throttling(
                    before.periods + periods,
                    before.throttled_periods + throttled,
                    before.throttled_seconds + nanoseconds / 1e9,
                )

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _resume_all(self) -> None:
        for pid, _ in self._limited.values():
            for member in [pid, *descendants_of(pid)]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(member, signal.SIGCONT)


def folder_is_unified(folder: Path) -> bool:
    """Whether that cgroup folder is of version 2."""
    return (folder / "cgroup.controllers").exists()


def own_cpu_cgroup(proc: Path = Path("/proc/self"), root: Path = Path("/sys/fs/cgroup")) -> Path | None:
    """The folder of the cgroup that this process is in and where CPU is controlled; None where there is none (cgroups(7))."""
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return None
    unified: Path | None = None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            for mount in (root / controllers, root / "cpu", root / "cpu,cpuacct"):
                if (mount / path.lstrip("/") / "cpu.cfs_quota_us").exists() or (path == "/" and (mount / "tasks").exists()):
                    return mount / path.lstrip("/")
        elif not controllers:
            unified = root / path.lstrip("/")
    return unified if unified is not None and folder_is_unified(unified) else None


def make_cpu_limit(token: str, register: Path, *, force: str | None, parent: Path | None) -> CpuLimit:
    """The cgroup below `parent` where it can be written, else the pauser. `force`: `cgroup` or `pause`.

    Raises BadInputError where the forced kind is unknown or not possible here.
    """
    if force not in {None, "", "cgroup", "pause"}:
        raise BadInputError(f"{FORCE}={force}: expected cgroup or pause", hint="unset it to let scaleproof choose")
    if force == "pause":
        return PauseCpuLimit()
    reason = "this process is in no cgroup that controls CPU"
    if parent is not None:
        folder = parent / f"scaleproof-{token}"
        try:
            limit = CgroupCpuLimit(folder, register)
            trial = limit.prepare("trial", 1000)
            limit.ended("trial")
            _must_be_gone(Path(trial[0]))
        except OSError as error:
            reason = f"{folder}: {error.strerror}"
            with contextlib.suppress(OSError):
                folder.rmdir()
        else:
            return limit
    if force == "cgroup":
        raise BadInputError(f"{FORCE}=cgroup: no cgroup can be written ({reason})", hint=f"unset {FORCE}, or use {FORCE}=pause")
    return PauseCpuLimit()


def _must_be_gone(folder: Path) -> None:
    if folder.exists():
        raise OSError(0, "the trial folder cannot be removed", str(folder))
