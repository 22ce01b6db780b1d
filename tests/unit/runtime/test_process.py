import asyncio
import json
import os
import resource
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from fakes.tiny_platform import PYTHON, alive, eventually
from scaleproof.runtime import launch, process
from scaleproof.runtime.process import Process, tail
from scaleproof.runtime.processes import CpuMeter, HostMeter, carrying, descendants_of, resident_bytes


def run(folder: Path, program: str, then: Callable[[Process], Awaitable[object]], **options: object) -> object:
    """Start a Python program and do something with it."""

    async def main() -> object:
        arguments = {"log": folder / "logs" / "it.log", "environment": dict(os.environ), "folder": folder, **options}
        started = Process.start([PYTHON, "-I", "-S", "-c", program], **arguments)  # type: ignore[arg-type]
        try:
            return await then(started)
        finally:
            started.signal_group(signal.SIGKILL)
            await started.wait()

    return asyncio.run(main())


def test_exit_code_output_and_folder(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd()); sys.exit(7)"
    assert run(tmp_path, program, Process.wait) == 7
    assert tail(tmp_path / "logs" / "it.log", 5) == [str(tmp_path)]


def test_it_leads_a_session_with_all_the_files_it_may_open(tmp_path: Path) -> None:
    run(tmp_path, "import os, resource; print(os.getsid(0) == os.getpid(), resource.getrlimit(7))", Process.wait)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert tail(tmp_path / "logs" / "it.log", 1) == [f"True ({hard}, {hard})"]


def test_a_program_that_does_not_exist_says_so(tmp_path: Path) -> None:
    async def main() -> int:
        it = Process.start(["no-such-program"], log=tmp_path / "it.log", environment=dict(os.environ), folder=tmp_path)
        return await it.wait()

    assert asyncio.run(main()) == launch.NOT_STARTED
    assert tail(tmp_path / "it.log", 1) == ["no-such-program: No such file or directory"]


def test_it_joins_the_cgroup_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "group").mkdir()
    run(tmp_path, "", Process.wait, cgroups=[str(tmp_path / "group")])
    assert (tmp_path / "group" / "cgroup.procs").read_text() == "0"


def test_stop_asks_first(tmp_path: Path) -> None:
    # In short sleeps: a signal that comes just before a long one begins is only handled after it.
    program = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(4)); print('x', flush=True)\nwhile True: time.sleep(0.05)"

    async def stop(it: Process) -> int:
        while not tail(it.log, 1):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return await it.stop(20)

    assert run(tmp_path, program, stop) == 4


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"

    async def stop(it: Process) -> int:
        while not tail(it.log, 1):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return await it.stop(0.1)

    assert run(tmp_path, program, stop) == -signal.SIGKILL


def test_waiting_may_be_given_up_and_begun_again(tmp_path: Path) -> None:
    async def impatient(it: Process) -> tuple[bool, int]:
        waiting = asyncio.create_task(it.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        running = it.running
        it.signal_group(signal.SIGKILL)
        return running, await it.wait()

    assert run(tmp_path, "import time; time.sleep(60)", impatient) == (True, -signal.SIGKILL)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    orders = json.dumps({"parent": "PARENT"})
    parent = f"""
import json, os, subprocess, sys, time
orders = {orders!r}.replace('"PARENT"', str(os.getpid()))
child = subprocess.Popen([sys.executable, "-I", "-S", {launch.__file__!r}, orders, "sleep", "60"])
time.sleep(0.3)
print(child.pid, flush=True)
time.sleep(60)
"""
    started = subprocess.Popen([PYTHON, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    child = int(started.stdout.readline())
    assert alive(child)
    started.kill()
    started.wait()
    assert eventually(lambda: not alive(child))


def test_a_program_whose_parent_is_already_gone_does_not_begin() -> None:
    orders = json.dumps({"parent": 1 << 21})
    ended = subprocess.run([PYTHON, "-I", "-S", launch.__file__, orders, "echo", "begun"], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (launch.NOT_STARTED, b"")


def test_a_log_stays_bounded_while_the_program_writes(tmp_path: Path, monkeypatch: object) -> None:
    async def trim(it: Process) -> None:
        await it.wait()
        it.log.write_bytes(b"a" * process.LOG_BYTES + b"end")
        it.trim_log()

    run(tmp_path, "", trim)
    log = tmp_path / "logs" / "it.log"
    assert log.stat().st_size == 0
    kept = log.with_name("it.log.1").read_bytes()
    assert len(kept) == process.KEPT_BYTES
    assert kept.endswith(b"aend")


def test_the_end_of_a_log_that_is_absent_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "absent.log", 3) == []


def test_the_meter_counts_children_also_after_they_ended() -> None:
    program = (
        "import subprocess, sys\n"
        "burn = 'import time\\nwhile time.process_time() < 0.2: pass\\nprint(1, flush=True)\\nsys_in = input()'\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); input()\n"
        "child.communicate(b'x'); print('gone', flush=True); input()"
    )
    parent = subprocess.Popen([PYTHON, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    meter = CpuMeter(parent.pid)
    assert descendants_of(parent.pid) == [child]
    assert 0.2 <= meter.read() < 2
    assert meter.memory_bytes > resident_bytes(child) > 1_000_000
    counted = meter.seconds
    parent.stdin.write("\n")
    parent.stdin.flush()
    assert parent.stdout.readline() == "gone\n"
    assert meter.read() >= counted
    parent.communicate("\n")
    assert resident_bytes(parent.pid) == 0
    assert meter.read() >= counted


def test_processes_are_found_by_what_their_environment_carries() -> None:
    marked = subprocess.Popen(["sleep", "30"], env={"SCALEPROOF_PLATFORM": "abc"})
    try:
        assert eventually(lambda: carrying("SCALEPROOF_PLATFORM=abc") == [marked.pid])
        assert carrying("SCALEPROOF_PLATFORM=ab") == []
    finally:
        marked.kill()
        marked.wait()


def test_the_host_is_busy_for_the_share_that_was_not_idle(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 …\n")
    meter = HostMeter(stat)
    stat.write_text("cpu 30 10 10 30 10 0 5 5 0 0\n")
    share = meter.read()
    assert (share.cpu, share.steal) == (0.55, 0.05)
    assert meter.read().cpu == 0
