"""Every command in the documentation is run by a test, or commands.toml says why it is run elsewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pages import REPOSITORY, commands, joined, name_of, pages

from fakes.command import typed
from scaleproof.cli import cli

RUN = tomllib.loads((Path(__file__).parent / "commands.toml").read_text())
SHORTEST_REASON = 40
"""Characters: a reason says who runs it, or what it would need."""


@cache
def documented() -> dict[str, list[str]]:
    """Command → pages that show it."""
    found: dict[str, list[str]] = {}
    for page in pages():
        for command in commands(page):
            found.setdefault(command, []).append(name_of(page))
    return found


def entries() -> list[str]:
    return [command for group in RUN.values() for listed in group.values() for command in listed]


def test_every_command_has_an_entry_and_every_entry_a_command():
    shown = documented()
    new = {command: where for command, where in shown.items() if command not in entries()}
    assert new == {}, "add them to tests/unit/docs/commands.toml: the test that runs them, or why none does"
    assert [command for command in entries() if command not in shown] == [], "no page shows these any more"
    assert sorted(set(entries())) == sorted(entries()), "each once"


@pytest.mark.parametrize("test", RUN["tests"])
def test_a_test_that_is_named_is_there_and_speaks_of_the_commands_options(test):
    file, _, name = test.partition("::")
    text = (REPOSITORY / file).read_text()
    assert re.search(rf"^ *def {name}\(", text, re.MULTILINE), f"{file} has no {name}"
    shown = documented()
    for command in RUN["tests"][test]:
        if any(Path(page).name in text for page in shown.get(command, ())):
            continue  # it takes the command out of the page
        for option in re.findall(r"(?<=--)[a-z][a-z-]+", command):
            assert option in text or option.replace("-", "_") in text, f"{file} does not speak of --{option}"


@pytest.mark.parametrize("stage", RUN["ci"])
def test_a_stage_of_ci_that_is_named_is_there(stage):
    assert re.search(rf"(?:^|[;&] *| ){re.escape(stage)}(?:$|[ ;])", (REPOSITORY / ".ci/run").read_text(), re.MULTILINE)


def test_each_reason_is_one():
    assert [reason for reason in RUN["elsewhere"] if len(reason) < SHORTEST_REASON] == []


@pytest.mark.parametrize("command", [command for command in documented() if command.startswith("scaleproof ")])
def test_every_command_has_the_options_that_it_names(command):
    """Whoever runs it: a verb that was renamed, or an option that is gone, is seen at once."""
    words = shlex.split(re.split(r" [|>] ", command)[0])[1:]
    verb = cli.commands[words.pop(0)]
    if hasattr(verb, "commands"):
        verb = verb.commands[words.pop(0)]
    known = {option for parameter in verb.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder with what the pages speak of."""
    shutil.copytree(REPOSITORY / "docs/examples", tmp_path / "docs/examples")
    case = (REPOSITORY / "docs/examples/hpa-case.json").read_text()
    (tmp_path / "case.json").write_text(case)
    (tmp_path / "cases.jsonl").write_text(2 * (" ".join(case.split()) + "\n"))
    return tmp_path


@pytest.mark.parametrize("command", RUN["here"]["examples"])
def test_it_works(examples, command):
    done = typed(examples, *shlex.split(command.partition(" > ")[0])[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_what_a_fence_holds():
    text = "make demo     # minutes\n\na --b \\\n  --c |\n  d   # both\n# only words\npython -c '\n1'\nscaleproof up\n"
    assert list(joined(text)) == ["make demo", "a --b --c | d", "python -c ' 1'", "scaleproof up"]
