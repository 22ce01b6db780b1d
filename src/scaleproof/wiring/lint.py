"""`scaleproof lint`: capacity rules over files, without any load."""

from __future__ import annotations

import time
from pathlib import Path

from scaleproof.wiring.checkup_output import CheckupOutput
from scaleproof.wiring.lint_facts import Asked, gather


def lint(asked: Asked, output: CheckupOutput) -> int:
    """Ask every rule about the files. Exit code 1 where an error was found."""
    from scaleproof.report.checkup import Checkup
    from scaleproof.rules.catalogue import FAMILIES, LINT, VERDICTS
    from scaleproof.rules.rule import apply

    gathered = gather(asked, now=time.time(), root=Path.cwd())
    findings = apply(LINT, gathered.facts, ignored=gathered.ignored)
    checkup = Checkup(
        verb="lint",
        findings=tuple(findings),
        families={family: rules for family, rules in FAMILIES.items() if rules is not VERDICTS},
        ignored=gathered.ignored,
        notes=gathered.notes,
    )
    return output.show(checkup)
