"""`instance` of a problem document: the path that was asked for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

LONGEST = 1024
"""Longer ones are left out: an answer must not grow with what was asked."""


def instance_of(scope: Any) -> str | None:
    """As a URI reference, without the query: that may hold what the user typed."""
    raw = scope.get("raw_path")
    path = quote(scope["path"]) if raw is None else str(raw, "latin-1").partition("?")[0]
    return path if len(path) <= LONGEST else None
