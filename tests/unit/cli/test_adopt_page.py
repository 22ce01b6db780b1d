"""The transcript of docs/adopt.md, as a new user would type it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.command import typed

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "docs/examples/traffic"


def by_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def in_this_process(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a shell does with these lines: words, and `> FILE` at the end."""
    program, *words = shlex.split(command)
    assert program == "scaleproof"
    target = words[-1] if words[-2] == ">" else None
    done = typed(folder, *(words[:-2] if target else words))
    if target:
        (folder / target).write_text(done.stdout)
    return done


@pytest.mark.timeout(300)
def test_from_manifests_to_a_patch(tmp_path):
    shutil.copytree(REPOSITORY / "tests/unit/adoption/fixtures/shop", tmp_path / "shop")
    shutil.copy(EXAMPLES / "day.csv", tmp_path / "day.csv")
    shutil.copy(EXAMPLES / "service.json", tmp_path / "front.json")
    page = (REPOSITORY / "docs/adopt.md").read_text()
    commands = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[0].splitlines()
    assert len(commands) <= 10
    for number, command in enumerate(commands):
        done = in_this_process(command, tmp_path) if number else by_shell(command, tmp_path)
        # 1 is a verdict: lint finds something in this shop, and its old policy may not hold.
        assert done.returncode in {0, 1}, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
    assert (tmp_path / "platform.yaml").exists()
    policy = json.loads((tmp_path / "policy.json").read_text())
    assert policy["maxReplicas"] >= 7  # the day's peak needs as many
