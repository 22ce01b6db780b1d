"""The report for programs: the same findings as JSON, with codes that are never renamed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from scaleproof import __version__
from scaleproof.report.findings import Findings
from scaleproof.report.finite import finite

REPORT_VERSION: Final = 1


def json_report(findings: Findings) -> str:
    """JSON text with a final newline. What was not measured is null."""
    document: dict[str, Any] = {
        "version": REPORT_VERSION,
        "scaleproof": __version__,
        "kind": findings.subject.kind,
        "question": findings.question,
        "answer": findings.answer,
        "headline": findings.headline,
        "labels": findings.labels,
        "change": findings.change,
        "key_figures": [
            {name: value for name, value in asdict(figure).items() if name not in {"before_text", "after_text", "change_text"}}
            for figure in findings.key_figures
        ],
        "findings": [asdict(finding) for finding in findings.findings],
        "runs": [
            {"side": each.side.name, "id": each.side.run.meta.id, "summary": asdict(each.summary)} for each in findings.sides
        ],
        "tables": [asdict(table) for table in findings.tables],
        "diff": findings.diff,
        "commands": findings.commands,
        "facts": findings.facts,
        "not_measured": findings.not_measured,
    }
    return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
