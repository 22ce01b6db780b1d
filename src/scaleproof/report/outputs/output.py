"""What a format makes of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """Text by the name of the file it belongs in, and what it does not say."""

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """What the format cannot say, or what must be so where it is used; one sentence each, also in the files where these have comments."""

    @property
    def text(self) -> str:
        """All files one after the other: several are one YAML stream."""
        return "---\n".join(self.files.values())
