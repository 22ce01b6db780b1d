"""`scaleproof watch`: the loop with a target that is a list, and a real platform seen from a terminal, a pipe and a program."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes.command import typed
from fakes.live_readings import NOW, PLATFORM, reading
from fakes.tiny_platform import Silent, SteadyLoad, tiny_platform, tiny_policy
from scaleproof.runtime.local_platform import LocalPlatform, down, up
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.wiring.live import WatchAsked, watch


class ListedTarget:
    """Answers one after the other; an exception is raised."""

    name, url, start_command = "local", "http://127.0.0.1:8080", "scaleproof up --stack dev"

    def __init__(self, *answers: object) -> None:
        self._answers = iter(answers)

    @contextmanager
    def watching(self):
        def look(_now: float):
            answer = next(self._answers)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        yield look


def watched(*answers: object, **asked: object) -> int:
    project = SimpleNamespace(platform=PLATFORM, stack="dev", target=ListedTarget(*answers))
    return watch(project, WatchAsked(**asked), clock=lambda: NOW, sleep=lambda _: None)


TWO = (reading(NOW - 1), reading(NOW))


def test_a_line_a_service_until_the_platform_ends(capsys):
    assert watched(*TWO, reading(NOW + 1), None) == 0
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["load:", "orders:", "dashboard:"] * 2
    assert "the platform of stack dev has ended" in err


def test_a_moment_without_an_answer_is_said_and_watching_goes_on(capsys):
    assert watched(*TWO, CannotMeasureError("the API does not answer"), reading(NOW + 2), None) == 0
    out, err = capsys.readouterr()
    assert "not seen: the API does not answer" in err
    assert len(out.splitlines()) == 6


def test_once_is_one_document(capsys):
    assert watched(*TWO, once=True, as_json=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["services"]["orders"]["rate"] == 250.0


@pytest.mark.parametrize("answers", [(None,), (reading(NOW), None)])
def test_nothing_runs(answers):
    with pytest.raises(CannotMeasureError, match="no platform of stack dev runs") as caught:
        watched(*answers)
    assert caught.value.hint == "start it with: scaleproof up --stack dev"


# --- a real platform ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    platform = tiny_platform()
    (folder / "platform.yaml").write_text(platform.model_dump_json(by_alias=True, exclude_none=True))
    policy = tiny_policy(platform).model_dump(mode="json", by_alias=True, exclude_none=True)
    for stack in ("dev", "idle"):
        (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": {"scaleproof:policy": policy}}))
    return folder


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[LocalPlatform]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEPROOF_CPU_LIMIT", "pause")
        platform = tiny_platform()
        yield up(project / "platform.yaml", platform, tiny_policy(platform), "dev", owner_pid=None, progress=Silent())
    down(StateFolder.of(project, "dev").root)


def test_a_platform_that_does_not_run_is_said(project):
    done = typed(project, "watch", "--stack", "idle")
    assert done.returncode == 3
    assert "no platform of stack idle runs" in done.stderr
    assert "scaleproof up --stack idle" in done.stderr


def test_a_program_sees_what_the_gateway_counts(running: LocalPlatform, project: Path):
    with SteadyLoad(running.gateway_url, "/alpha/work?ms=2", users=2):
        time.sleep(1.0)  # so that the gateway has counted something
        done = typed(project, "watch", "--once", "--json", "--interval", "1")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    alpha = document["services"]["alpha"]
    assert document["gateway_url"] == running.gateway_url
    assert document["load"] is None
    assert (alpha["source"], alpha["ready"], alpha["desired"], alpha["states"]) == ("gateway", 1, 1, {"ready": 1})
    assert alpha["rate"] > 5
    assert 0 < alpha["p95_s"] < 5
    assert alpha["error_share"] == 0
    assert alpha["keeps_slo"] in {True, False}
    assert 0.005 < alpha["cpu_share"] < 2


def test_a_pipe_gets_plain_lines(running: LocalPlatform, project: Path):
    done = typed(project, "watch", "--once", "--interval", "0.2")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert " alpha: " in line
    assert "replicas 1/1 ≤ 4" in line
    assert "\x1b" not in line


def test_a_terminal_is_given_back_on_ctrl_c(running: LocalPlatform, project: Path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "scaleproof", "watch", "--interval", "0.2"],
        cwd=project,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    shown = read_until(ours, b"alpha", 30)
    process.send_signal(signal.SIGINT)
    shown += read_until(ours, b"\x1b[?1049l", 10)
    assert process.wait(10) == 130
    assert b"interrupted" in process.communicate()[1]
    assert shown.index(b"\x1b[?1049h") < shown.index(b"alpha") < shown.index(b"\x1b[?1049l"), "its own screen, and back"
    assert b"\x1b[?25h" in shown + rest_of(ours), "the cursor is there again"
    os.close(ours)


def read_until(descriptor: int, wanted: bytes, seconds: float) -> bytes:
    """What comes until then; what is wanted is in it, or the time is over."""
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                seen += os.read(descriptor, 65_536)
            except OSError:  # nobody holds the other end any more
                break
    return seen


def rest_of(descriptor: int) -> bytes:
    """What is still to be read."""
    return read_until(descriptor, b"\0never", 0.3)
