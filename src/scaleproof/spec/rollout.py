"""How replicas are replaced, the same on either target: none fewer than wanted, and some more meanwhile."""

from __future__ import annotations

import math
from typing import Final

MAX_SURGE: Final = 0.25
"""Deployment's default."""


def with_surge(replicas: int) -> int:
    """How many there may be while they are replaced: a part of a replica more is a whole one."""
    return replicas + math.ceil(MAX_SURGE * replicas)
