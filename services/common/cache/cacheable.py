"""What may be cached: under which name, of which shape, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from services.common.cache.entry import header_of

SEPARATOR = "/"


@dataclass(frozen=True, kw_only=True)
class Cacheable:
    """One kind of answers. Raises ValueError for a name with a slash and for times that make no sense."""

    name: str
    """Label of the metrics and first part of every key."""
    schema: type[BaseModel]
    """What the JSON holds: an entry that was written under another schema is a miss."""
    fresh_seconds: float
    stale_seconds: float = 0.0
    """After the fresh time: still served, while one background load replaces it."""
    negative_seconds: float = 0.0
    """How long it is kept that there is nothing; 0: not at all."""

    def __post_init__(self) -> None:
        if not self.name or SEPARATOR in self.name:
            raise ValueError(f"a cache's name is {self.name!r}; expected one without {SEPARATOR!r}")
        if self.fresh_seconds <= 0 or self.stale_seconds < 0 or self.negative_seconds < 0:
            raise ValueError(f"{self.name}: fresh_seconds must be > 0, the others ≥ 0")

    def key(self, key: str, *, scope: str) -> str:
        """The whole key. `scope` names who may see the answer, such as `staff` or `customer-7`. Raises ValueError.

        Neither name nor scope holds a slash, so whatever a user puts into `key` cannot reach into another scope.
        """
        if not scope or SEPARATOR in scope:
            raise ValueError(f"an access scope is {scope!r}; expected one without {SEPARATOR!r}")
        return f"{self.name}{SEPARATOR}{scope}{SEPARATOR}{key}"

    @cached_property
    def header(self) -> bytes:
        """Format and schema, as they stand in every entry. Computed when first asked for: it costs about a millisecond."""
        return header_of(self.schema)

    @property
    def stale_ms(self) -> int:
        """`stale_seconds` as it stands in an entry."""
        return round(self.stale_seconds * 1000)
