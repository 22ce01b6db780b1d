"""What the array functions take: a list, or a one-dimensional array."""

from __future__ import annotations

from typing import Any, Protocol


class Vector(Protocol):
    """Indexed reading and writing. Elements are int, float or bool, as the function's docstring says."""

    def __getitem__(self, index: int, /) -> Any:
        """The element."""
        ...

    def __setitem__(self, index: int, value: Any, /) -> None:
        """Replace the element."""
        ...

    def __len__(self) -> int:
        """The number of elements."""
        ...
