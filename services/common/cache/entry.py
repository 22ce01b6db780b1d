"""How an entry lies in Redis.

| part | bytes | |
|---|---|---|
| stamp | 8 a tag, 1, 8 | versions of its tags when its load began, format, digest of its schema |
| flags | 1 | 1: there is nothing |
| stale | 4 | milliseconds at the end of its life in which it is stale |
| body | the rest | |

The stamp comes first, because Redis compares it whole: an entry of another version, or one whose tags were invalidated since, is not
even sent. When it is stale and when it ends are told from the key's time to live, so that no two clocks need to agree.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

from pydantic import BaseModel

FORMAT = b"\x01"
VERSION_BYTES = 8
DIGEST_BYTES = 8
NEGATIVE = 1
_AFTER_STAMP = struct.Struct(">BI")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was found. `body` is None where it is known that there is nothing."""

    body: bytes | None
    fresh_seconds: float
    """Left of the fresh time; ≤ 0: stale."""
    left_seconds: float
    """Left of its life."""


def header_of(schema: type[BaseModel]) -> bytes:
    """The part of the stamp that only a deployment changes."""
    description = json.dumps(schema.model_json_schema(), sort_keys=True).encode()
    return FORMAT + hashlib.blake2b(description, digest_size=DIGEST_BYTES).digest()


def pack(stamp: bytes, body: bytes | None, *, stale_ms: int) -> bytes:
    """The bytes to be kept."""
    return b"".join((stamp, _AFTER_STAMP.pack(NEGATIVE if body is None else 0, stale_ms), body or b""))


def unpack(data: bytes, *, stamp_bytes: int, left_ms: int) -> Entry | None:
    """What `pack` was given; None where it is broken. `left_ms` is the key's time to live."""
    begin = stamp_bytes + _AFTER_STAMP.size
    if len(data) < begin:
        return None
    flags, stale_ms = _AFTER_STAMP.unpack_from(data, stamp_bytes)
    if flags not in {0, NEGATIVE} or (flags == NEGATIVE and len(data) > begin):
        return None
    body = None if flags == NEGATIVE else data[begin:]
    return Entry(body, (left_ms - stale_ms) / 1000, left_ms / 1000)
