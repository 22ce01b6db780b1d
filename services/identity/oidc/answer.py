"""Answers of a provider: JSON objects, and no large ones."""

from __future__ import annotations

import json
from typing import Any

MOST_BYTES = 262_144


def read_object(body: bytes) -> dict[str, Any]:
    """The object. Raises ValueError."""
    if len(body) > MOST_BYTES:
        raise ValueError("an answer that is too long")
    try:
        found = json.loads(body)
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  whatever is wrong with an answer is one error to who asked
    return found
