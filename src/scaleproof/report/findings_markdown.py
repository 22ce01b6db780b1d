"""Findings as markdown, for job summaries and pull requests."""

from __future__ import annotations

from typing import Final

from scaleproof.report.checkup import Checkup, harmless
from scaleproof.report.markdown_text import inline, table
from scaleproof.rules.rule import Severity

_SIGNS: Final[dict[Severity, str]] = {"error": "❌", "warning": "⚠️", "note": "💡"}
_NOBODY: Final = "@<!-- -->"
"""A service called @somebody must not call somebody; GitHub looks for names after escapes are undone."""


def findings_markdown(checkup: Checkup) -> str:
    """GitHub-flavoured markdown with a final newline. What files say is escaped."""
    verdict = f"{'❌' if checkup.failed else '✅'} scaleproof {checkup.verb}: {'no' if checkup.failed else 'ok'}"
    blocks = [f"## {verdict}", _text(checkup.summary) + "."]
    if checkup.figures:
        blocks.append(table(checkup.figures[0], checkup.figures[1:], cell=_text))
    if checkup.findings:
        rows = [
            (
                f"{_SIGNS[found.severity]} {found.severity}",
                f"`{found.rule.id}`",
                _text(f"{found.file}:{found.line}"),
                _text(found.message),
            )
            for found in checkup.findings
        ]
        blocks.append(table(("", "rule", "where", "what"), rows, cell=str))
        fired = {found.rule.id: found.rule for found in checkup.findings}
        meanings = [f"- `{rule.id}`: {_text(rule.why)} **Fix:** {_text(rule.fix)}." for rule in fired.values()]
        blocks += ["<details><summary>Why these break, and what mends them</summary>", "\n".join(meanings), "</details>"]
    if checkup.explanation:
        blocks += ["### What changed, and what would mend it", "\n".join(f"- {_text(line)}" for line in checkup.explanation)]
    if checkup.ignored:
        blocks += ["### Ignored", "\n".join(f"- `{rule}`: {_text(reason)}" for rule, reason in checkup.ignored.items())]
    if checkup.notes:
        blocks.append("\n".join(f"> {_text(note)}" for note in checkup.notes))
    return "\n\n".join(blocks) + "\n"


def _text(text: str) -> str:
    return inline(harmless(text)).replace("@", _NOBODY)
