"""What `lint` or `check` found, for a terminal."""

from __future__ import annotations

from scaleproof.report.checkup import Checkup, harmless
from scaleproof.report.columns import aligned
from scaleproof.rules.rule import Finding


def checkup_lines(checkup: Checkup) -> list[str]:
    """Figures, findings with file, line, meaning and fix, what changed, notes, and the count."""
    lines = aligned([[harmless(cell) for cell in row] for row in checkup.figures]) if checkup.figures else []
    lines += [line for finding in checkup.findings for line in _lines(finding)]
    if checkup.explanation:
        lines += ["what changed, and what would mend it:", *(f"  - {harmless(line)}" for line in checkup.explanation)]
    lines += [f"note: {harmless(note)}" for note in checkup.notes]
    return [*lines, f"{checkup.verb}: {checkup.summary}"]


def _lines(finding: Finding) -> list[str]:
    place = f"{harmless(finding.file)}:{finding.line}"
    return [
        f"{finding.severity}: {place}: {harmless(finding.message)} [{finding.rule.id}]",
        f"  → {harmless(finding.rule.fix)}",
    ]
