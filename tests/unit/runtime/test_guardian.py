import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from fakes.tiny_platform import PYTHON, alive, eventually
from scaleproof.runtime import guardian

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import subprocess, time\\n"
    "print(subprocess.Popen(['setsid', 'sleep', '60']).pid, flush=True)\\ntime.sleep(60)"], stdout=subprocess.PIPE)
print(child.pid, child.stdout.readline().decode().strip(), flush=True)
{then}
"""


def start(folder: Path, then: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A guarded program with a child and, in a session of its own, a grandchild; their pids."""
    program = [PYTHON, "-c", FAMILY.replace("{then}", then)]
    guarded = subprocess.Popen(
        [PYTHON, "-m", guardian.__name__, str(folder), str(folder / "lock"), *program], stdout=subprocess.PIPE, text=True
    )
    assert guarded.stdout is not None
    return guarded, [int(pid) for pid in guarded.stdout.readline().split()]


def test_when_the_supervisor_is_killed_nothing_below_it_stays(tmp_path: Path) -> None:
    guarded, family = start(tmp_path, "time.sleep(60)")
    supervisor = guardian.children_of(guarded.pid)[0]
    assert all(map(alive, family))
    os.kill(supervisor, signal.SIGKILL)
    assert guarded.wait(timeout=20) == -signal.SIGKILL & 0xFF
    assert not any(map(alive, family))


def test_its_exit_code_is_the_supervisors(tmp_path: Path) -> None:
    guarded, family = start(tmp_path, "sys.exit(3)")
    assert guarded.wait(timeout=20) == 3
    assert not any(map(alive, family))


def test_sigterm_is_for_the_supervisor(tmp_path: Path) -> None:
    then = "import signal\nsignal.signal(15, lambda *_: sys.exit(5))\nprint('set', flush=True)\ntime.sleep(60)"
    guarded, _ = start(tmp_path, then)
    assert guarded.stdout is not None
    assert guarded.stdout.readline() == "set\n"
    guarded.terminate()
    assert guarded.wait(timeout=20) == 5


def test_the_lock_is_held_until_all_is_over(tmp_path: Path) -> None:
    guarded, _ = start(tmp_path, "time.sleep(60)")
    with (tmp_path / "lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(guardian.children_of(guarded.pid)[0], signal.SIGKILL)
        guarded.wait(timeout=20)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_second_guardian_of_the_same_folder_gives_up(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert guardian.main(tmp_path, tmp_path / "lock", ["true"]) == guardian.LOCK_TAKEN


def test_noted_cgroups_are_removed_deepest_first(tmp_path: Path) -> None:
    (tmp_path / "group" / "orders-1").mkdir(parents=True)
    (tmp_path / "cgroups").write_text(f"{tmp_path}/group\n{tmp_path}/group/orders-1\n{tmp_path}/absent\n")
    guardian.remove_cgroups(tmp_path)
    assert not (tmp_path / "group").exists()


def test_without_cgroups_there_is_nothing_to_remove(tmp_path: Path) -> None:
    guardian.remove_cgroups(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_gone_has_no_children() -> None:
    assert eventually(lambda: guardian.children_of(1 << 22) == [])
