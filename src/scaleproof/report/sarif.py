"""Findings as SARIF 2.1.0, for GitHub's code scanning and other readers.

Source: docs.oasis-open.org/sarif/sarif/v2.1.0; docs.github.com, "SARIF support for code scanning".
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from scaleproof.report.checkup import Checkup, harmless
from scaleproof.rules.rule import Finding, Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE: Final = "%SRCROOT%"


def sarif_log(checkup: Checkup, *, version: str) -> str:
    """The log as text with a final newline. `version` is scaleproof's; the rules that found nothing are in it, too."""
    positions = {rule.id: index for index, rule in enumerate(checkup.rules)}
    driver = {
        "name": "scaleproof",
        "semanticVersion": version,
        "rules": [_rule(rule, family) for family, rules in checkup.families.items() for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"scaleproof-{checkup.verb}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "The folder that the verb ran in."}}},
        "results": [_result(finding, positions) for finding in checkup.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule, family: str) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nFix: {rule.fix}.", "markdown": f"{rule.why}\n\n**Fix:** {rule.fix}."},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": ["capacity", family.lower()], "precision": "high", "problem.severity": _problem(rule)},
    }


def _problem(rule: Rule) -> str:
    return {"error": "error", "warning": "warning", "note": "recommendation"}[rule.severity]


def _result(finding: Finding, positions: dict[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(finding.file), "region": {"startLine": max(1, finding.line)}}
    }
    if finding.field:
        location["logicalLocations"] = [{"fullyQualifiedName": harmless(finding.field), "kind": "member"}]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": positions[finding.rule.id],
        "level": finding.severity,
        "message": {"text": harmless(finding.message)},
        "locations": [location],
        # Not the line: a finding stays the same one where text above it changes.
        "partialFingerprints": {"scaleproofField/v1": _fingerprint(finding)},
    }


def _artifact(file: str) -> dict[str, str]:
    """Relative to the repository; an absolute path as the URI that it is."""
    # A name that is no UTF-8 has surrogates in it.
    path = quote(file.encode("utf-8", "surrogatepass"))
    return {"uri": f"file://{path}"} if PurePosixPath(file).is_absolute() else {"uri": path, "uriBaseId": _BASE}


def _fingerprint(finding: Finding) -> str:
    text = "\0".join([finding.rule.id, finding.file, finding.field, finding.service or ""])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
