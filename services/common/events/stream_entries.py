"""What Redis answers to who reads a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.common.events.envelope import FIELD


@dataclass(frozen=True)
class Entry:
    """One entry. Without a body it is none of ours."""

    id: bytes
    body: bytes | None


def entries_read(answer: Any) -> list[Entry]:
    """Of XREADGROUP on one stream: nothing where nothing came in time."""
    return entries_of(answer[0][1]) if answer else []


def entries_claimed(answer: Any) -> tuple[bytes, list[Entry]]:
    """Of XAUTOCLAIM: where to go on, and the entries."""
    return answer[0], entries_of(answer[1])


def entries_of(listed: list[Any]) -> list[Entry]:
    """An entry that was cut off meanwhile is nil (Redis 6.2), or has no fields."""
    return [Entry(each[0], body_of(each[1] or [])) for each in listed if each is not None]


def body_of(fields: list[bytes]) -> bytes | None:
    """The value of our field."""
    return dict(zip(fields[::2], fields[1::2], strict=True)).get(FIELD.encode())
