"""The report as markdown, for pull requests and job summaries."""

from __future__ import annotations

from typing import Final

from scaleproof.report import markdown_text
from scaleproof.report.findings import Findings
from scaleproof.report.markdown_text import fenced, inline
from scaleproof.report.result_tables import Table

_SIGNS: Final = {"yes": "✅", "no": "❌", "could not measure": "❔"}
_SHOWN: Final = ("promises", "policy", "predictions", "runs", "calibration", "calls")
_FOLDED: Final = ("frontier", "sensitivity", "events", "decisions")


def markdown_report(findings: Findings) -> str:
    """GitHub-flavoured markdown with a final newline. Text from runs is escaped."""
    tables = {table.code: table for table in findings.tables}
    title = f"# {_SIGNS[findings.answer]} {inline(findings.question)} {findings.answer.capitalize()}"
    blocks = [title + "".join(f" ({inline(label)})" for label in findings.labels), inline(findings.headline)]
    if findings.change:
        blocks.append(f"**What changed:** {inline(findings.change)}")
    blocks.append(_table(_key_figures(findings)))
    blocks.append(
        "\n".join(f"- {finding.side + ': ' if finding.side else ''}{inline(finding.sentence)}" for finding in findings.findings)
    )
    for code in _SHOWN:
        if code in tables:
            blocks += [f"## {tables[code].title}", inline(tables[code].how_to_read), _table(tables[code])]
    if findings.diff:
        blocks += ["## The difference", fenced(findings.diff, "diff")]
    for code in _FOLDED:
        if code in tables:
            blocks += [f"<details><summary>{tables[code].title}</summary>", _table(tables[code]), "</details>"]
    blocks += ["## Do it again", fenced("\n".join(findings.commands), "sh")]
    blocks.append("\n".join(f"- {inline(name)}: {inline(value)}" for name, value in findings.facts.items()))
    blocks += ["## What this does not say", "\n".join(f"- {inline(note)}" for note in findings.not_measured)]
    return "\n\n".join(blocks) + "\n"


def _key_figures(findings: Findings) -> Table:
    if len(findings.sides) == 1:
        measured = tuple((figure.name, figure.after_text) for figure in findings.key_figures)
        return Table("key-figures", "", "", ("", "Measured"), measured)
    rows = tuple(
        (figure.name, figure.before_text or "", figure.after_text, figure.change_text or "") for figure in findings.key_figures
    )
    return Table("key-figures", "", "", ("", "Before", "After", "Change"), rows)


def _table(table: Table) -> str:
    return markdown_text.table(table.columns, table.rows)
