"""`scaleproof demo dashboard` as somebody before a terminal gets it: their browser opens, signed in."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

REPOSITORY = Path(__file__).parents[2]
LIMIT_SECONDS = 60


@contextmanager
def demo(folder: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process, and its terminal's other end."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        # Whatever started the tests may have Ctrl-C ignored, and that is inherited.
        ["env", "--default-signal=INT", sys.executable, "-m", "scaleproof", "demo", "dashboard"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield process, terminal
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def read_until(terminal: int, words: str) -> str:
    said = ""
    while words not in said:
        try:
            said += os.read(terminal, 4096).decode()
        except OSError:  # nobody writes any more
            pytest.fail(f"it ended: {said}")
    return said


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def without_display() -> dict[str, str]:
    return dict.fromkeys(("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"), "")


def processes_of(folder: Path) -> list[str]:
    """Command lines that speak of a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


@pytest.fixture
def readable() -> Iterator[Path]:
    """PostgreSQL must not run as root, and reads its folder as somebody else; pytest's own folders are for one user alone."""
    with tempfile.TemporaryDirectory(prefix="scaleproof-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.timeout(3 * LIMIT_SECONDS)
def test_the_browser_opens_signed_in_and_ctrl_c_leaves_nothing(readable: Path, browser: Browser):
    opened, program = readable / "opened", readable / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    program.chmod(0o755)
    temporary = readable / "temporary"
    temporary.mkdir(mode=0o755)
    with demo(temporary, {**without_display(), "BROWSER": str(program)}) as (process, terminal):
        said = read_until(terminal, "Ctrl-C ends it")
        wait_until(opened.exists)
        address = opened.read_text()
        assert address in said, "for who has another browser"
        commands = processes_of(temporary)
        assert commands, "its servers run"
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(address)
        expect(page).to_have_url(re.compile(r"/dashboard/$"))
        expect(page.get_by_role("button", name="Account")).to_be_visible()
        expect(page.locator(".grid-stack-item")).to_have_count(6)
        expect(page.get_by_role("heading", name="Latest orders")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Account"), "the session is renewed").to_be_visible()
        assert page.goto(address).status == 410
        context.close()

        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_SECONDS) == 130
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


@pytest.mark.timeout(3 * LIMIT_SECONDS)
def test_without_a_browser_the_address_is_told_and_it_ends_with_its_starter(readable: Path):
    with demo(readable, without_display()) as (process, terminal):
        said = read_until(terminal, "Ctrl-C ends it")
        assert re.search(r"Open this once, on this machine:\s+http://127\.0\.0\.1:\d+/demo/[\w-]{43}\s", said)
        process.kill()  # as a terminal that is closed
        process.wait()
        wait_until(lambda: not processes_of(readable) and not list(readable.iterdir()))
