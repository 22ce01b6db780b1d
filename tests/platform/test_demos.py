"""Each demo of the reference platform as a user types it, with its short phases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LIMIT_SECONDS = 100
SAYS = {
    "cache": ("with it", "at the other one it is new after", "questions to PostgreSQL, with it 1;", "errors 0"),
    "dashboard": ("the entrance again       410", "6 widgets on 1 layout; 10 orders in the list"),
    "database": ("Before and after", "capacity of a core"),
    "errors": ("formats of errors", "422 validation_failed: /coupn unknown", "503 temporarily_unavailable; again after"),
    "jwt": ("the token itself", "forged ones answered", "published 12 minutes before", "session_ended"),
}
"""Of what it prints. That its figures are as promised is its exit code."""


def begin(name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scaleproof", "demo", name, "--quick"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(2 * LIMIT_SECONDS)
@pytest.mark.parametrize("names", [("jwt", "errors", "database", "dashboard"), ("cache",)], ids="+".join)
def test_each_demo_shows_what_it_promises(names):
    """Beside each other, but for the one whose figures are held against something."""
    for name, process in {name: begin(name) for name in names}.items():
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
        sys.stdout.write(out)
        assert process.returncode == 0, out
        for words in SAYS[name]:
            assert words in out, out
