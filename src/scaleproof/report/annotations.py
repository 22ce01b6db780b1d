"""Findings as GitHub's workflow commands: lines on standard output that become annotations of a pull request.

Source: docs.github.com, "Workflow commands for GitHub Actions"; escaping as github.com/actions/toolkit does (packages/core/src/command.ts).
"""

from __future__ import annotations

from typing import Final

from scaleproof.report.checkup import Checkup, harmless
from scaleproof.rules.rule import Severity

_COMMANDS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "note": "notice"}


def github_annotations(checkup: Checkup) -> list[str]:
    """One line a finding."""
    return [
        f"::{_COMMANDS[finding.severity]} file={_property(finding.file)},line={finding.line},title={_property(finding.rule.title)}::"
        f"{_data(f'{finding.message} ({finding.rule.id}). Fix: {finding.rule.fix}.')}"
        for finding in checkup.findings
    ]


def _data(text: str) -> str:
    return harmless(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
