"""Kubernetes resource quantities, read and written exactly (k8s.io/apimachinery/pkg/api/resource)."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]))?$")


def parse_quantity(text: str | float) -> Decimal:
    """The number that a Kubernetes quantity stands for.

    Raises ValueError where the text is not a quantity.
    """
    match = _QUANTITY.match(str(text).strip())
    if match is None:
        msg = f"{text!r} is not a Kubernetes quantity such as 250m, 1.5 or 128Mi"
        raise ValueError(msg)
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SUFFIXES[suffix or ""]


def milli_value(text: str | float) -> int:
    """`Quantity.MilliValue`: thousandths, rounded up."""
    return int((parse_quantity(text) * 1000).to_integral_value(rounding=ROUND_CEILING))


def byte_value(text: str | float) -> int:
    """`Quantity.Value` of a memory quantity: whole bytes, rounded up."""
    return int(parse_quantity(text).to_integral_value(rounding=ROUND_CEILING))


def cpu_quantity(millicores: int) -> str:
    """How Kubernetes writes a CPU quantity: `250m`, or whole cores without a suffix."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def memory_quantity(size_bytes: int) -> str:
    """A memory quantity in whole Mi, rounded up."""
    return f"{-(-size_bytes // 2**20)}Mi"
