"""What `load.prepare` printed before the load, for its users: a session for each of them, for example. Imports no Locust."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from scaleproof.load.config import CONFIG_VARIABLE
from scaleproof.spec.errors import BadInputError

GIVEN_FILE = "given.jsonl"
"""Beside the order of a load."""

Prepare = Callable[[int, Path], None]
"""Runs the command for so many users; what it prints is written to that new file, which only its owner may read."""


@lru_cache(maxsize=1)
def given() -> tuple[Any, ...]:
    """One JSON value a line of what was printed, in order; none under plain Locust, and where nothing prepares the load.

    For locustfiles: `from scaleproof.load import given`. Raises BadInputError with the line that is no JSON.
    """
    order = os.environ.get(CONFIG_VARIABLE)
    file = Path(order).with_name(GIVEN_FILE) if order else None
    if file is None or not file.exists():
        return ()
    return tuple(read_given(file.read_text(encoding="utf-8")))


def read_given(text: str) -> list[Any]:
    """The values. Raises BadInputError; what is wrong is not repeated, for it may be a secret."""
    values = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            values.append(json.loads(line))
        except ValueError:
            raise BadInputError(
                f"load.prepare: line {number} of what it printed is no JSON",
                hint="each line must be one JSON value; what is meant for people goes to standard error",
            ) from None
    return values
