"""--help reads like a table of contents, quickly; every verb has an example."""

import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from scaleproof.cli import CHAPTERS, cli


def verbs():
    for name, command in cli.commands.items():
        if isinstance(command, click.Group):
            yield from (pytest.param([name, sub], id=f"{name} {sub}") for sub in command.commands)
        else:
            yield pytest.param([name], id=name)


def test_the_chapters_name_every_verb_once():
    assert sorted(name for names in CHAPTERS.values() for name in names) == sorted(cli.commands)


def test_help_lists_chapters_in_order():
    text = CliRunner().invoke(cli, ["--help"]).output
    positions = [text.index(f"{chapter}:") for chapter in CHAPTERS]
    assert positions == sorted(positions)


@pytest.mark.parametrize("verb", list(verbs()))
def test_every_verb_has_an_example(verb):
    result = CliRunner().invoke(cli, [*verb, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"scaleproof {' '.join(verb)}" in result.output


def test_help_needs_no_heavy_import():
    script = "import sys, scaleproof.cli; print([m for m in ('pandas', 'pyarrow', 'numba', 'locust', 'plotly', 'pydantic') if m in sys.modules])"
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.monotonic() - begun < 10  # a hang, not a timing claim
