"""What `scaleproof init` says: what was found, what was guessed, what was left out, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scaleproof.adoption.guesses import Guess, printable
from scaleproof.adoption.platform_of import Adopted

_IN_SERVICE: Final = ("services",)
_SHOWN_SERVICES: Final = 3
_LISTED_SERVICES: Final = 20


def adoption_lines(adopted: Adopted, files: Sequence[str], *, stack: str, own_locustfile: bool) -> list[str]:
    """Lines for a terminal; names from files that others wrote are cleaned."""
    services = adopted.services
    count = f"{len(services)} service{'s' if len(services) != 1 else ''}"
    shown = services[:_LISTED_SERVICES]
    more = f" and {len(services) - len(shown)} more" if len(services) > len(shown) else ""
    lines = [f"{count}: {', '.join(shown)}{more}", *(f"written: {file}" for file in files)]
    guesses = _grouped(adopted.reasons.guesses)
    if guesses:
        lines += ["", "guessed (each is a comment in the file; put what you know better):", *(f"  {line}" for line in guesses)]
    if adopted.reasons.notes:
        lines += ["", "to know:", *(f"  {printable(note)}" for note in adopted.reasons.notes)]
    chosen = "" if stack == "dev" else f" --stack {stack}"
    steps = [
        (f"scaleproof lint{chosen}", "what would break at the load in platform.yaml"),
        *([("$EDITOR loadtests/locustfile.py", "what users do, and how often")] if own_locustfile else []),
        ("scaleproof simulate --trace FILE …", "what an autoscaler would have done; docs/adopt.md"),
    ]
    width = max(len(command) for command, _ in steps)
    lines += ["", "next:", *(f"  {command:<{width}}  # {why}" for command, why in steps)]
    return lines


def _grouped(guesses: Sequence[Guess]) -> list[str]:
    """One line for what was guessed alike of several services."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for guess in guesses:
        in_service = guess.field[:1] == _IN_SERVICE and len(guess.field) > 1
        service = guess.field[1] if in_service else ""
        rest = ".".join(guess.field[2:] if in_service else guess.field)
        groups.setdefault((rest, guess.value, guess.why), []).append(service)
    return [printable(f"{_field(rest, services)}: {value} ({why})") for (rest, value, why), services in groups.items()]


def _field(rest: str, services: Sequence[str]) -> str:
    named = [each for each in services if each]
    if not named:
        return rest
    shown = ", ".join(named[:_SHOWN_SERVICES])
    if len(named) > _SHOWN_SERVICES:
        shown += f" and {len(named) - _SHOWN_SERVICES} more"
    return f"{shown}: {rest}" if rest else shown
