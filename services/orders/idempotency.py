"""Requests that may come twice: a client that has lost the answer asks again with the same key, and no second order is placed.

As draft-ietf-httpapi-idempotency-key-header has it: the key is the client's, valid for a day or more; the same key with another request
is an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header

from services.orders.schemas import NewOrder

LONGEST = 64
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=LONGEST,
        pattern=r"^[A-Za-z0-9_.:-]+$",
        description="Random, of the client's making. Sent again with the same order, within a day, it places none and is answered alike.",
    ),
]


@dataclass(frozen=True)
class Once:
    """A keyed request."""

    scope: str
    """Whose key it is."""
    key: str
    fingerprint: bytes
    """Of what was asked for."""

    @classmethod
    def of(cls, key: str | None, order: NewOrder, *, scope: str) -> Once | None:
        """None where the request has no key."""
        return None if key is None else cls(scope, key, hashlib.sha256(order.model_dump_json().encode()).digest())


class KeyReusedError(Exception):
    """The key belongs to another request."""
