"""What is known of a request when it is sent."""

from __future__ import annotations

from dataclasses import dataclass

STAMP_KEY = "scaleproof"
NO_ACTION = -1


@dataclass(eq=False, slots=True)
class Stamp:
    """Which action's which step, for whom, and when. Compared by identity: it lives as long as its request."""

    action: int
    step: int
    service: str
    name: str
    intended_s: float
    sent_s: float
