"""Figures of a plan as people read them: value, interval, and whether it was measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Final

from scaleproof.report.wording import MISSING, amount, number
from scaleproof.tuner.growth_plan.growth import Reached
from scaleproof.tuner.growth_plan.samples import Figure
from scaleproof.tuner.growth_plan.schedule import iso_week

EXTRAPOLATED: Final = "~"
ASSUMED: Final = "*"
LEGEND: Final = f"In brackets the 90 % interval. {EXTRAPOLATED} beyond what was measured; {ASSUMED} rests on an assumption, see the last table."
_GIB: Final = 2**30
_MIB: Final = 2**20
_FEW: Final = 1.0


def figure_text(figure: Figure, text: Callable[[float], str]) -> str:
    """`24 (20 to 31) ~`; without brackets where the interval reads like the value."""
    value, low, high = text(figure.value), text(figure.low), text(figure.high)
    between = "" if value == low == high else f" ({low} to {high})"
    marks = (EXTRAPOLATED if figure.extrapolated else "") + (ASSUMED if figure.assumed else "")
    return f"{value}{between}{' ' if marks else ''}{marks}"


def quantity_text(quantity: str) -> Callable[[float], str]:
    """How a quantity of `growth_plan.needs` reads, by the unit in its name."""
    if quantity.endswith("_bytes"):
        return bytes_text
    if quantity in {"requests_per_second", "requests_per_replica"} or quantity.startswith("cores"):
        return amount
    return number


def bytes_text(size: float) -> str:
    """GiB, or MiB where it is less than one."""
    if not math.isfinite(size):
        return MISSING
    return f"{amount(size / _GIB)} GiB" if size >= _FEW * _GIB else f"{amount(size / _MIB)} MiB"


def users_text(users: float) -> str:
    """A number of users that may be infinite."""
    return number(users) if math.isfinite(users) else MISSING


def reached_text(reached: Reached | None, start: date) -> str:
    """When a milestone is reached: `2027-03-04 (2027-02-10 to 2027-05-01) ~`."""
    if reached is None:
        return MISSING
    if reached.on is None:
        return "not within 100 years" + (f" ({reached.early.isoformat()} at the earliest)" if reached.early else "")
    if reached.on <= start:
        return "now"
    between = ""
    if reached.early is not None:
        between = f" ({reached.early.isoformat()} to {reached.late.isoformat() if reached.late else 'never'})"
    return f"{reached.on.isoformat()}{between}{' ' + EXTRAPOLATED if reached.extrapolated else ''}"


def weeks_text(begin: date | None, end: date | None) -> str:
    """`2026-W49`, or `2026-W49 to 2026-W51`."""
    if begin is None or end is None:
        return MISSING
    first, last = iso_week(begin), iso_week(end)
    return first if first == last else f"{first} to {last}"


def days_text(days: float) -> str:
    """`4 d`, `0.5 d`."""
    return f"{days:g} d"


def shown(text: str) -> str:
    """Text of a file without characters that steer a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
