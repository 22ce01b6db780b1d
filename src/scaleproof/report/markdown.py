"""The report as markdown, for pull requests and job summaries."""

from __future__ import annotations

import re
from typing import Final

from scaleproof.report.findings import Findings
from scaleproof.report.result_tables import Table

_SIGNS: Final = {"yes": "✅", "no": "❌", "could not measure": "❔"}
_SHOWN: Final = ("promises", "policy", "predictions", "runs", "calibration")
_FOLDED: Final = ("frontier", "sensitivity", "events", "decisions")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown_report(findings: Findings) -> str:
    """GitHub-flavoured markdown with a final newline. Text from runs is escaped."""
    tables = {table.code: table for table in findings.tables}
    title = f"# {_SIGNS[findings.answer]} {_text(findings.question)} {findings.answer.capitalize()}"
    blocks = [title + "".join(f" ({_text(label)})" for label in findings.labels), _text(findings.headline)]
    if findings.change:
        blocks.append(f"**What changed:** {_text(findings.change)}")
    blocks.append(_table(_key_figures(findings)))
    blocks.append(
        "\n".join(f"- {finding.side + ': ' if finding.side else ''}{_text(finding.sentence)}" for finding in findings.findings)
    )
    for code in _SHOWN:
        if code in tables:
            blocks += [f"## {tables[code].title}", _text(tables[code].how_to_read), _table(tables[code])]
    if findings.diff:
        blocks += ["## The difference", _fenced(findings.diff, "diff")]
    for code in _FOLDED:
        if code in tables:
            blocks += [f"<details><summary>{tables[code].title}</summary>", _table(tables[code]), "</details>"]
    blocks += ["## Do it again", _fenced("\n".join(findings.commands), "sh")]
    blocks.append("\n".join(f"- {_text(name)}: {_text(value)}" for name, value in findings.facts.items()))
    blocks += ["## What this does not say", "\n".join(f"- {_text(note)}" for note in findings.not_measured)]
    return "\n\n".join(blocks) + "\n"


def _key_figures(findings: Findings) -> Table:
    if len(findings.sides) == 1:
        measured = tuple((figure.name, figure.after_text) for figure in findings.key_figures)
        return Table("key-figures", "", "", ("", "Measured"), measured)
    rows = tuple(
        (figure.name, figure.before_text or "", figure.after_text, figure.change_text or "") for figure in findings.key_figures
    )
    return Table("key-figures", "", "", ("", "Before", "After", "Change"), rows)


def _text(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _table(table: Table) -> str:
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return "\n".join("| " + " | ".join(cell if set(cell) == {"-"} else _text(cell) for cell in line) + " |" for line in lines)


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
