"""A rule is data: what it is called, why it breaks under load, how it is mended, and the check over the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from scaleproof.spec.manifest_file import Manifest
from scaleproof.spec.yaml_document import Path_, dotted

if TYPE_CHECKING:
    from scaleproof.rules.facts import Facts

Severity = Literal["error", "warning", "note"]
"""error: users will notice, and the verb says no; warning: they may; note: worth knowing."""
Source = Literal["platform", "policy", "calibration", "baseline"] | Manifest
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")


@dataclass(frozen=True)
class Spot:
    """The field that a fault lies in, and the file that the field is in."""

    source: Source
    field: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One place where a rule does not hold. The message says it with its numbers."""

    message: str
    spot: Spot
    service: str | None = None


@dataclass(frozen=True)
class Rule:
    """One rule. Its id is never renamed."""

    id: str
    title: str
    """What is wrong, in a few words."""
    severity: Severity
    why: str
    """What happens under load."""
    fix: str
    check: Callable[[Facts], Iterable[Fault]]
    """Says nothing where the facts it needs are not known."""


@dataclass(frozen=True)
class Finding:
    """A fault with its rule, its file and its line."""

    rule: Rule
    message: str
    file: str
    line: int
    field: str
    service: str | None = None

    @property
    def severity(self) -> Severity:
        """The rule's."""
        return self.rule.severity


def apply(rules: Iterable[Rule], facts: Facts, *, ignored: Mapping[str, str] | None = None) -> list[Finding]:
    """Every fault of every rule that is not ignored: errors first, then by file and line."""
    skipped = ignored or {}
    found = [_finding(rule, fault, facts) for rule in rules if rule.id not in skipped for fault in rule.check(facts)]
    return sorted(found, key=lambda each: (SEVERITIES.index(each.severity), each.file, each.line, each.rule.id, each.message))


def at(source: Source, *path: str | int) -> Spot:
    """`at("platform", "gateway", "request_timeout_seconds")`."""
    return Spot(source, path)


def _finding(rule: Rule, fault: Fault, facts: Facts) -> Finding:
    file, line, prefix = _place(fault.spot, facts)
    return Finding(rule, fault.message, file, line, dotted([*prefix, *fault.spot.field]), fault.service)


def _place(spot: Spot, facts: Facts) -> tuple[str, int, Path_]:
    if isinstance(spot.source, Manifest):
        manifest = spot.source
        return facts.shown(manifest.document.file), manifest.document.line_of([*manifest.at, *spot.field]), manifest.at
    document = facts.documents.get(spot.source)
    if document is None:
        return facts.files.get(spot.source, spot.source), 1, ()
    prefix = ("config", "scaleproof:policy") if spot.source == "policy" else ()
    return facts.shown(document.file), document.line_of([*prefix, *spot.field]), prefix
