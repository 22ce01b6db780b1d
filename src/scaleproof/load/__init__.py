"""The Locust plug-in, starting it, and reading its results.

`from scaleproof.load import JourneyUser, given, serves, together_with` is what a locustfile writes. `JourneyUser` is loaded on first use, so
that importing the schedule or the local generator never imports Locust or gevent, which patches the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaleproof.load.given import given
from scaleproof.load.journeys import serves, together_with

if TYPE_CHECKING:
    from scaleproof.load.journey_user import JourneyUser

__all__ = ["JourneyUser", "given", "serves", "together_with"]


def __getattr__(name: str) -> Any:
    if name == "JourneyUser":
        from scaleproof.load.journey_user import JourneyUser  # noqa: PLC0415  # Locust only where it is asked for

        return JourneyUser
    raise AttributeError(name)
