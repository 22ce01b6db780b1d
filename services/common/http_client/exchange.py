"""What is asked of a dependency and what comes back: an answer, or no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked; every attempt asks the same."""

    method: str
    path: str
    query: Mapping[str, str | int] | None = None
    body: bytes | None = None
    """JSON."""
    idempotency_key: str | None = None
    headers: Mapping[str, str] | None = None
    """Beside the client's own, and instead of them: with another content type, `body` is of that one. Names in small letters."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. Names of headers are matched whatever their case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Failure(StrEnum):
    """How an attempt can end without an answer; also the label of the metric."""

    UNCONNECTED = "unconnected"
    """Nothing was sent."""
    DISCONNECTED = "disconnected"
    """The connection broke: nobody knows whether it was served."""
    TIMEOUT = "timeout"
    """Neither does anybody know here."""


class AttemptError(Exception):
    """No answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure
