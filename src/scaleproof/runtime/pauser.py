"""A CPU limit without cgroups: pause a process whose share of this 100 ms period is used up, resume it at the next.

`python -I -S pauser.py` reads orders, one JSON document a line, from standard input: `{"add": NAME, "pid": PID, "quota_ns": N}`,
`{"remove": NAME}`; it prints its counters, one JSON document a line, every half second. It ends with its input and resumes
everything that it paused. The rule is the kernel's CFS bandwidth control (Documentation/scheduler/sched-bwc.rst): nothing
unused is kept for later, what was overrun is owed to the next period. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PERIOD_NS = 100_000_000
SHORTEST_CHECK_NS = 1_000_000
"""Closer checks cost more CPU than the overrun that they avoid, which is owed anyway."""
EARLY_NS = 5_000_000
"""Who is due so soon is checked along: waking up costs more than a check too many."""
REPORT_NS = 500_000_000
MEMBERS_NS = 1_000_000_000
PR_SET_TIMERSLACK = 29


def cpu_clock(pid: int) -> int:
    """The clock id of a process's CPU time (clock_getcpuclockid(3); MAKE_PROCESS_CPUCLOCK in the kernel)."""
    return (~pid << 3) | 2


def read_cpu_ns(pid: int) -> int | None:
    """CPU time of all threads of a process in nanoseconds; None where it is gone."""
    try:
        return time.clock_gettime_ns(cpu_clock(pid))
    except OSError:
        return None


@dataclass
class Limited:
    """One process with its children, and its quota."""

    pid: int
    quota_ns: int
    period_end_ns: int
    budget_ns: int
    check_ns: int = 0
    used_ns: dict[int, int] = field(default_factory=dict)
    members_read_ns: int = 0
    paused_since_ns: int | None = None
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0

    def consumed_ns(self, now_ns: int) -> int | None:
        """CPU time used since the last call by the process and its children; None where the process is gone."""
        if now_ns - self.members_read_ns > MEMBERS_NS:
            self.members_read_ns = now_ns
            members = _tree(self.pid)
            self.used_ns = {pid: self.used_ns[pid] if pid in self.used_ns else read_cpu_ns(pid) or 0 for pid in members}
        total = 0
        for pid, before in self.used_ns.items():
            after = read_cpu_ns(pid)
            if after is not None:
                total += after - before
                self.used_ns[pid] = after
            elif pid == self.pid:
                return None
        return total

    def signal(self, number: int) -> None:
        """Send a signal to every process of the group; each replica leads its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def pause(self, now_ns: int) -> None:
        """Stop it until its period ends."""
        self.signal(signal.SIGSTOP)
        self.paused_since_ns = now_ns
        self.throttled_periods += 1

    def resume(self, now_ns: int) -> None:
        """Let it run."""
        if self.paused_since_ns is not None:
            self.signal(signal.SIGCONT)
            self.throttled_ns += now_ns - self.paused_since_ns
            self.paused_since_ns = None

    def check(self, now_ns: int) -> int | None:
        """Pause or resume as its use demands. The time of the next check; None where the process is gone."""
        consumed = self.consumed_ns(now_ns)
        if consumed is None:
            return None
        self.budget_ns -= consumed
        if now_ns >= self.period_end_ns:
            elapsed = 1 + (now_ns - self.period_end_ns) // PERIOD_NS
            self.periods += elapsed
            self.period_end_ns += elapsed * PERIOD_NS
            self.budget_ns = min(self.quota_ns, self.budget_ns + elapsed * self.quota_ns)
            if self.budget_ns > 0:
                self.resume(now_ns)
        if self.budget_ns <= 0:
            if self.paused_since_ns is None:
                self.pause(now_ns)
            return self.period_end_ns
        # One thread cannot use up the rest sooner; several can, and what they overrun is owed.
        return min(self.period_end_ns, now_ns + max(self.budget_ns, SHORTEST_CHECK_NS))

    def counters(self, now_ns: int) -> list[int]:
        """Periods, throttled periods and throttled nanoseconds, as cpu.stat counts them."""
        running = now_ns - self.paused_since_ns if self.paused_since_ns is not None else 0
        return [self.periods, self.throttled_periods, self.throttled_ns + running]


class Pauser:
    """All limited processes, and when each is to be looked at next."""

    def __init__(self) -> None:
        self.limited: dict[str, Limited] = {}

    def order(self, line: str, now_ns: int) -> None:
        """Carry out one line of input."""
        orders = json.loads(line)
        if "add" in orders:
            name, quota = orders["add"], orders["quota_ns"]
            # A phase of its own per replica: nothing is paused or resumed in step.
            phase = PERIOD_NS * (sum(name.encode()) * 37 % 100) // 100
            end = now_ns - now_ns % PERIOD_NS + PERIOD_NS + phase
            limited = Limited(orders["pid"], quota, period_end_ns=end, budget_ns=quota)
            limited.signal(signal.SIGCONT)
            self.limited[name] = limited
        else:
            self.remove(orders["remove"], now_ns)

    def remove(self, name: str, now_ns: int) -> None:
        """Resume it and look no more."""
        limited = self.limited.pop(name, None)
        if limited is not None:
            limited.resume(now_ns)

    def run_due(self, now_ns: int) -> int:
        """Check all that are due, and those that run and nearly are. The time of the next check."""
        following = now_ns + REPORT_NS
        for name, limited in list(self.limited.items()):
            due = limited.check_ns
            if due <= now_ns or (due - now_ns < EARLY_NS and limited.paused_since_ns is None and due != limited.period_end_ns):
                after = limited.check(now_ns)
                if after is None:
                    del self.limited[name]
                    continue
                limited.check_ns = due = after
            following = min(following, due)
        return following

    def report(self, now_ns: int) -> str:
        """The counters of all."""
        return json.dumps({name: limited.counters(now_ns) for name, limited in self.limited.items()})


def raise_priority() -> None:
    """Wake up in time while others compute: real-time where allowed, else a better nice value, else nothing."""
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)


def main() -> None:
    """Until standard input ends."""
    raise_priority()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    os.set_blocking(0, False)
    pauser, unread, report_ns = Pauser(), "", 0
    try:
        while True:
            now = time.monotonic_ns()
            following = pauser.run_due(now)
            if now >= report_ns:
                report_ns = now + REPORT_NS
                sys.stdout.write(pauser.report(now) + "\n")
                sys.stdout.flush()
            # Not epoll, whose time-outs are whole milliseconds.
            if select.select([0], [], [], max(min(following, report_ns) - time.monotonic_ns(), 0) / 1e9)[0]:
                arrived = os.read(0, 65536)
                if not arrived:
                    return
                *lines, unread = (unread + arrived.decode()).split("\n")
                for line in lines:
                    pauser.order(line, time.monotonic_ns())
    except BrokenPipeError:
        return
    finally:
        for name in list(pauser.limited):
            pauser.remove(name, time.monotonic_ns())


def _tree(pid: int) -> list[int]:
    found = [pid]
    for member in found:
        try:
            for task in os.listdir(f"/proc/{member}/task"):  # noqa: PTH208  ten times dearer with Path
                found += [int(child) for child in Path(f"/proc/{member}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return found


if __name__ == "__main__":
    main()
