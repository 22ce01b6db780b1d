"""`scaleproof demo`: a program of the checkout, started and ended with the verb."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.command import typed
from scaleproof.wiring import demo as wiring

TELLS = """
import json, sys
from pathlib import Path
Path("told").write_text(json.dumps(sys.argv[1:]))
sys.exit(3)
"""
WAITS = """
import signal, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    Path("begun").touch()
    time.sleep(60)
except KeyboardInterrupt:
    Path("ended").touch()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("demos", "services"):
        (tmp_path / folder).mkdir()
    (tmp_path / "demos/cache.py").write_text(TELLS)
    (tmp_path / "demos/jwt.py").write_text(WAITS)
    return tmp_path


def test_the_program_gets_the_option_and_gives_the_exit_code(checkout, tmp_path):
    done = typed(tmp_path, "demo", "cache", "--quick")
    assert done.returncode == 3, done.stderr
    assert json.loads((checkout / "told").read_text()) == ["--quick"]


def test_another_folder_can_be_named(checkout, tmp_path_factory):
    assert typed(tmp_path_factory.mktemp("elsewhere"), "demo", "cache", "--checkout", str(checkout)).returncode == 3
    assert json.loads((checkout / "told").read_text()) == []


def test_elsewhere_it_says_what_is_missing(tmp_path):
    done = typed(tmp_path, "demo", "errors")
    assert done.returncode == 2
    assert f"{tmp_path.resolve()} is not a checkout of scaleproof's repository: it has no demos/errors.py" in done.stderr
    assert "--checkout" in done.stderr


def test_without_the_services_packages_it_says_what_to_install(checkout, monkeypatch):
    monkeypatch.setattr(wiring, "find_spec", lambda name: None if name == "hiredis" else name)
    done = typed(checkout, "demo", "cache")
    assert done.returncode == 3
    assert "the reference platform needs hiredis" in done.stderr
    assert "make test-deps" in done.stderr
    assert not (checkout / "told").exists()


def test_whoever_ends_the_verb_ends_the_program(checkout):
    verb = subprocess.Popen(
        [sys.executable, "-m", "scaleproof", "demo", "jwt"], cwd=checkout, env={**os.environ}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not (checkout / "begun").exists():
        assert time.monotonic() < deadline, "the program began"
        time.sleep(0.02)
    verb.send_signal(signal.SIGTERM)
    _, err = verb.communicate(timeout=30)
    assert verb.returncode == 130, err
    assert err.split() == ["interrupted"]
    assert (checkout / "ended").exists(), "before the verb returned"
