"""docs/outputs.md shows what the commands in it print. SCALEPROOF_WRITE_PAGE=1 writes the answers anew instead of comparing them."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from fakes.sample_proof import sample_proof
from scaleproof.cli import main
from scaleproof.report.findings import find
from scaleproof.report.outputs.pull_request import pull_request
from scaleproof.report.subject import Subject

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs/outputs.md"
EXAMPLE = re.compile(
    r"<!-- example -->\n```sh\n(?P<command>scaleproof export [^\n]*)\n```\n(?P<fence>`{3,})(?P<language>\w+)\n(?P<answer>.*?)(?P=fence)\n<!-- end -->",
    re.DOTALL,
)
# What the command would print of this proof, which no repository holds.
PROOF = "runs/latest"


def examples() -> list[re.Match[str]]:
    return list(EXAMPLE.finditer(PAGE.read_text()))


def answer(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    words = shlex.split(command)
    if PROOF in words:
        return pull_request(find(Subject.of_proof(*sample_proof(), folder="runs/20260921T120000-proof")))
    with pytest.raises(SystemExit) as left:
        main(words[1:])
    printed = capsys.readouterr()
    assert left.value.code == 0, printed.err
    return printed.out


@pytest.mark.parametrize("number", range(len(examples())))
def test_every_example_is_what_the_command_prints(number, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    example = examples()[number]
    fresh = answer(example["command"], capsys)
    if os.environ.get("SCALEPROOF_WRITE_PAGE"):
        text = PAGE.read_text()
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", fresh)), 3)
        block = (
            f"<!-- example -->\n```sh\n{example['command']}\n```\n{fence}{example['language']}\n{fresh}{fence}\n<!-- end -->"
        )
        PAGE.write_text(text[: example.start()] + block + text[example.end() :])
    else:
        assert example["answer"] == fresh, "docs/outputs.md shows something else: SCALEPROOF_WRITE_PAGE=1 writes it anew"


def test_every_format_has_an_example():
    shown = {shlex.split(example["command"])[shlex.split(example["command"]).index("--format") + 1] for example in examples()}
    assert shown == {"pulumi", "hpa", "json-patch", "kustomize", "helm-values", "keda", "vpa", "pull-request"}
