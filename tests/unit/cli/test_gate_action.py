"""action.yml: its script as GitHub would run it, with hostile inputs; docs/ci.md: every command has the options that it names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scaleproof.cli import cli

REPOSITORY = Path(__file__).parents[3]
ACTION = YAML(typ="safe").load((REPOSITORY / "action.yml").read_text())
INSTALL, ASK, UPLOAD = ACTION["runs"]["steps"]
PYTHON = """#!/bin/sh
printf '%s\\n' "$@" > "$SAID"
exit "$CODE"
"""


def ask(folder: Path, *, code: int = 0, **inputs: str) -> tuple[int, list[str]]:
    """The step's exit code, and the arguments that Python got."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/python3").write_text(PYTHON)
    (folder / "bin/python3").chmod(0o755)
    values = {name: str(given["default"]) for name, given in ACTION["inputs"].items()} | inputs
    named = {name: re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)[1] for name, text in ASK["env"].items()}
    environment = {
        **os.environ,
        **{name: values[each] for name, each in named.items()},
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "SAID": str(folder / "said"),
        "CODE": str(code),
        "GITHUB_OUTPUT": str(folder / "output"),
    }
    # As GitHub starts `shell: bash`.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", ASK["run"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, (folder / "said").read_text().splitlines() if (folder / "said").exists() else []


def test_the_defaults(tmp_path):
    code, said = ask(tmp_path)
    assert code == 0
    assert said[:7] == ["-m", "scaleproof", "check", "--project", ".", "--stack", "dev"]
    assert said[7:] == ["--github", "--sarif", "scaleproof.sarif", "--junit", "scaleproof-junit.xml"]
    assert (tmp_path / "output").read_text() == "exit-code=0\n"


@pytest.mark.parametrize("code", [1, 2, 3])
def test_the_verb_s_exit_code_is_the_step_s(tmp_path, code):
    assert ask(tmp_path, code=code)[0] == code
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"


def test_several_manifests_and_arguments_one_a_line(tmp_path):
    _, said = ask(tmp_path, manifests="deploy/a b\nhpa.yaml\n", arguments="--explain\n--seeds\n5")
    assert said[12:] == ["--manifests", "deploy/a b", "--manifests", "hpa.yaml", "--explain", "--seeds", "5"]


def test_a_hostile_name_is_no_command(tmp_path):
    hostile = '$(touch owned); `touch owned` "; touch owned #'
    _, said = ask(tmp_path, project=hostile, stack=hostile)
    assert said[4] == said[6] == hostile
    assert not list(Path.cwd().glob("owned"))


def test_only_lint_and_check(tmp_path):
    assert ask(tmp_path, verb="down") == (2, [])


def test_no_input_stands_in_a_script():
    assert all("${{" not in step.get("run", "") for step in ACTION["runs"]["steps"])
    assert "GITHUB_ACTION_PATH" in INSTALL["run"]
    assert UPLOAD["with"]["sarif_file"] == "${{ inputs.sarif }}"


COMMANDS = sorted(
    set(
        re.findall(
            r"^(?:    - )?(scaleproof (?:lint|check)[^#\n]*?) *(?:#.*)?$", (REPOSITORY / "docs/ci.md").read_text(), re.MULTILINE
        )
    )
    | set(re.findall(r"`(scaleproof (?:lint|check)[^`]*)`", (REPOSITORY / "docs/ci.md").read_text()))
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_has_its_options(command):
    _, verb, *rest = shlex.split(command)
    known = {option for parameter in cli.commands[verb].params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known
