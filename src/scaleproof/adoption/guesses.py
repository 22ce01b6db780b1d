"""What was guessed and why, what was taken over from where, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

File = Literal["platform", "policy"]
Field = tuple[str, ...]
BOTH: Final[tuple[File, ...]] = ("platform", "policy")
PLATFORM: Final[tuple[File, ...]] = ("platform",)
POLICY: Final[tuple[File, ...]] = ("policy",)


@dataclass(frozen=True)
class Guess:
    """A value that was in no source."""

    files: tuple[File, ...]
    field: Field
    value: str
    why: str


@dataclass(frozen=True)
class Remark:
    """Where a value came from; a comment in the file, nothing to check."""

    files: tuple[File, ...]
    field: Field
    text: str


@dataclass
class Reasons:
    """Everything that is to be explained, in the order in which it was met."""

    guesses: list[Guess] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, or does not fit, and why."""

    def guess(self, files: tuple[File, ...], at: Iterable[str], value: object, why: str) -> None:
        """A value is a guess."""
        self.guesses.append(Guess(files, tuple(at), str(value), why))

    def remark(self, files: tuple[File, ...], at: Iterable[str], text: str) -> None:
        """A value has a source that is worth naming."""
        self.remarks.append(Remark(files, tuple(at), text))

    def note(self, text: str) -> None:
        """Said once, however often it is met."""
        if text not in self.notes:
            self.notes.append(text)

    def comments(self, file: File) -> dict[Field, list[str]]:
        """The comments of a file by field."""
        found: dict[Field, list[str]] = {}
        for remark in self.remarks:
            if file in remark.files:
                found.setdefault(remark.field, []).append(remark.text)
        for guess in self.guesses:
            if file in guess.files:
                found.setdefault(guess.field, []).append(f"guess: {guess.why}")
        return found


def printable(text: str) -> str:
    """On one line and without control characters: names come from files that others wrote."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
