"""JSON has no infinity and no NaN: what was not measured is null."""

from __future__ import annotations

import math
from typing import Any


def finite(node: Any) -> Any:
    """The same document, with None for every float that is not finite."""
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, dict):
        return {key: finite(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [finite(value) for value in node]
    return node
