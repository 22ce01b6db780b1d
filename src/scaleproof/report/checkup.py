"""What `lint` or `check` found, ready for every format."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scaleproof.rules.rule import Finding, Rule, Severity

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Checkup:
    """Rules that were asked, and what they said."""

    verb: str
    """lint or check."""
    findings: tuple[Finding, ...]
    families: Mapping[str, tuple[Rule, ...]]
    """The rules that were asked, by family."""
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Rules that are meant to be broken here, with the reason."""
    figures: tuple[tuple[str, ...], ...] = ()
    """A table, its head first: what was simulated and measured."""
    notes: tuple[str, ...] = ()
    """What could not be asked."""
    explanation: tuple[str, ...] = ()
    """What changed, and what would mend it."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All that were asked, in order."""
        return tuple(rule for rules in self.families.values() for rule in rules)

    @property
    def failed(self) -> bool:
        """An error was found: the verdict is no."""
        return any(finding.severity == "error" for finding in self.findings)

    def count(self, severity: Severity) -> int:
        """Findings of that severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    @property
    def summary(self) -> str:
        """`2 errors, 1 warning, 0 notes; 60 rules asked, 1 ignored`."""
        parts = [
            _counted(self.count("error"), "error"),
            _counted(self.count("warning"), "warning"),
            _counted(self.count("note"), "note"),
        ]
        ignored = f", {len(self.ignored)} ignored" if self.ignored else ""
        return f"{', '.join(parts)}; {len(self.rules)} rules asked{ignored}"


def harmless(text: str) -> str:
    """One line without control characters and invisible marks: what a file says must not move a terminal's cursor or hide a word."""
    spaced = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _INVISIBLE else letter for letter in spaced)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
