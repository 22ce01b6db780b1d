"""What is known of an ordinary Locust user while it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from scaleproof.load.stamp import NO_ACTION

SIGN_IN: Final = "on_start"
"""The task that requests before a user's first task belong to."""
_ATTRIBUTE: Final = "_scaleproof_visit"


@dataclass(eq=False, slots=True)
class Visit:
    """One stretch in which one user is there. Times in seconds since the load's start."""

    user: int
    journey: str
    end_s: float
    task: str = SIGN_IN
    action: int = NO_ACTION
    """The current task's number; none before its first request."""
    step: int = 0
    lateness_s: float = 0.0
    """How much later than its wait was over the current task began: the generator's own doing."""
    due_s: float | None = None
    """When the wait that was last slept should have ended."""


def visit_of(user: Any) -> Visit | None:
    """The user's visit; None before its first."""
    found: Visit | None = getattr(user, _ATTRIBUTE, None)
    return found


def begin_visit(user: Any, visit: Visit) -> None:
    """The user is there from now on."""
    setattr(user, _ATTRIBUTE, visit)
