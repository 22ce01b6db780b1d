import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.tiny_platform import PYTHON, alive, eventually
from scaleproof.runtime import guardian, launch, pauser
from scaleproof.runtime.cpu_limit import PauseCpuLimit, make_cpu_limit, own_cpu_cgroup
from scaleproof.runtime.pauser import PERIOD_NS, Limited, Pauser
from scaleproof.runtime.processes import CpuMeter

MS = 1_000_000


class Timeline(Limited):
    """A process whose CPU use a test writes down, and whose signals it reads."""

    def __init__(self, quota_ms: int) -> None:
        super().__init__(pid=1, quota_ns=quota_ms * MS, period_end_ns=PERIOD_NS, budget_ns=quota_ms * MS)
        self.use_ms: float | None = 0
        self.signals: list[int] = []

    def consumed_ns(self, now_ns: int) -> int | None:
        return None if self.use_ms is None else round(self.use_ms * MS)

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def at(self, now_ms: float, used_ms: float) -> float | None:
        """The time in ms of the next check."""
        self.use_ms = used_ms
        following = self.check(round(now_ms * MS))
        return None if following is None else following / MS

    @property
    def paused(self) -> bool:
        return self.paused_since_ns is not None


def test_a_busy_process_runs_for_its_quota_and_waits_for_the_next_period() -> None:
    process = Timeline(quota_ms=20)
    assert process.at(0, 0) == 20  # it cannot have used its budget sooner
    assert process.at(20, 20) == 100
    assert process.paused
    assert process.at(100, 0) == 120
    assert not process.paused
    assert process.signals == [signal.SIGSTOP, signal.SIGCONT]
    assert process.counters(120 * MS) == [1, 1, 80 * MS]


def test_what_was_overrun_is_owed_to_the_next_period() -> None:
    process = Timeline(quota_ms=20)
    process.at(30, 30)
    assert process.at(100, 0) == 110


def test_an_overrun_of_two_quotas_skips_a_period() -> None:
    process = Timeline(quota_ms=20)
    process.at(45, 45)
    process.at(100, 0)
    assert process.paused
    assert process.at(200, 0) == 215
    assert not process.paused


def test_what_was_not_used_is_not_kept() -> None:
    process = Timeline(quota_ms=20)
    process.at(100, 1)
    process.at(300, 0)
    assert process.budget_ns == 20 * MS
    assert process.periods == 3


def test_the_next_check_is_not_closer_than_it_is_worth() -> None:
    process = Timeline(quota_ms=20)
    assert process.at(20, 19.9) == 20 + pauser.SHORTEST_CHECK_NS / MS


def test_a_process_that_is_gone_is_no_longer_looked_at() -> None:
    orders = Pauser()
    process = Timeline(quota_ms=20)
    process.use_ms = None
    orders.limited["gone"] = process
    assert orders.run_due(0) == pauser.REPORT_NS
    assert not orders.limited


def test_two_replicas_that_are_nearly_due_are_checked_in_one_waking() -> None:
    orders = Pauser()
    orders.limited = {"a": Timeline(quota_ms=20), "b": Timeline(quota_ms=21)}
    assert orders.run_due(0) == 20 * MS
    for process in orders.limited.values():
        process.use_ms = 5
    orders.run_due(20 * MS)
    assert orders.limited["b"].check_ns == 36 * MS


def test_orders_add_and_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda pid, number: sent.append((pid, number)))
    orders = Pauser()
    orders.order('{"add": "orders-1", "pid": 77, "quota_ns": 15000000}', 5 * PERIOD_NS)
    limited = orders.limited["orders-1"]
    assert (limited.pid, limited.quota_ns) == (77, 15 * MS)
    limited.pause(5 * PERIOD_NS)
    orders.order('{"remove": "orders-1"}', 5 * PERIOD_NS)
    assert sent == [(77, signal.SIGCONT), (77, signal.SIGSTOP), (77, signal.SIGCONT)]
    assert orders.report(0) == "{}"


def test_replicas_have_phases_of_their_own() -> None:
    orders = Pauser()
    for name in ("orders-1", "orders-2", "orders-3", "dashboard-1"):
        orders.order(f'{{"add": "{name}", "pid": {os.getpid()}, "quota_ns": 1}}', 0)
    assert len({limited.period_end_ns % PERIOD_NS for limited in orders.limited.values()}) == 4


@pytest.fixture
def spinning() -> Iterator[int]:
    process = subprocess.Popen([PYTHON, "-I", "-S", "-c", "while True: pass"], start_new_session=True)
    yield process.pid
    process.kill()
    process.wait()


def test_a_spinning_process_gets_its_share_and_is_released_in_the_end(spinning: int) -> None:
    limit = PauseCpuLimit()
    try:
        limit.started("spin", spinning, 200)
        meter = CpuMeter(spinning)
        assert eventually(lambda: limit.keep_up() and limit.throttling("spin").periods >= 3)
        used, periods = meter.read(), limit.throttling("spin").periods
        assert eventually(lambda: limit.keep_up() and limit.throttling("spin").periods >= periods + 15)
        counters = limit.throttling("spin")
        used, periods = meter.read() - used, counters.periods - periods
        # Up to half a second passes between a report and its reading.
        assert 0.015 * periods <= used <= 0.02 * (periods + 7)
        assert counters.throttled_periods >= periods // 2
        assert counters.throttled_seconds > 0
    finally:
        limit.close()
    before = meter.read()
    assert eventually(lambda: meter.read() - before > 0.1)


def test_the_program_pauses_reports_and_resumes_when_its_input_ends(spinning: int) -> None:
    program = subprocess.Popen([PYTHON, "-m", pauser.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdin is not None
    assert program.stdout is not None
    order = json.dumps({"add": "spin", "pid": spinning, "quota_ns": 5 * MS})
    program.stdin.write(order[:10])
    program.stdin.flush()
    program.stdin.write(order[10:] + "\n")
    program.stdin.flush()
    throttled = 0
    while throttled < 2:
        periods, throttled, nanoseconds = json.loads(program.stdout.readline()).get("spin", [0, 0, 0])
    assert periods + 1 >= throttled
    assert nanoseconds > 0
    program.stdin.close()
    assert program.wait(timeout=10) == 0
    meter = CpuMeter(spinning)
    before = meter.read()
    assert eventually(lambda: meter.read() - before > 0.1)


def test_a_pauser_that_dies_is_replaced_and_nothing_stays_paused(spinning: int) -> None:
    limit = PauseCpuLimit()
    try:
        limit.started("spin", spinning, 100)
        assert eventually(lambda: limit.keep_up() and limit.throttling("spin").throttled_periods > 2)
        counted = limit.throttling("spin")
        first = limit.pid
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: not limit.keep_up())
        assert limit.pid != first
        assert eventually(lambda: limit.keep_up() and limit.throttling("spin").throttled_periods > counted.throttled_periods)
        limit.ended("spin")
        assert limit.throttling("spin").periods == 0
    finally:
        limit.close()


def test_whichever_limit_this_machine_allows_keeps_the_share(tmp_path: Path) -> None:
    limit = make_cpu_limit(f"test-{os.getpid()}", tmp_path / "cgroups", force=None, parent=own_cpu_cgroup())
    orders = json.dumps({"parent": os.getpid(), "cgroups": limit.prepare("spin", 200)})
    program = [PYTHON, "-I", "-S", launch.__file__, orders, PYTHON, "-I", "-S", "-c", "while True: pass"]
    process = subprocess.Popen(program, start_new_session=True)
    try:
        limit.started("spin", process.pid, 200)
        assert eventually(lambda: limit.keep_up() and limit.throttling("spin").periods >= 5)
        meter = CpuMeter(process.pid)
        used, start = meter.read(), time.monotonic()
        time.sleep(2)
        share = (meter.read() - used) / (time.monotonic() - start)
        assert 0.1 < share < 0.24
        assert limit.keep_up()
        assert limit.throttling("spin").throttled_seconds > 0
    finally:
        process.kill()
        process.wait()
        assert eventually(lambda: not alive(process.pid))
        limit.ended("spin")
        limit.close()
    guardian.remove_cgroups(tmp_path)
    noted = (tmp_path / "cgroups").read_text().splitlines() if (tmp_path / "cgroups").exists() else []
    assert not any(Path(line).exists() for line in noted)
