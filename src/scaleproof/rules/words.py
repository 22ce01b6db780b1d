"""Figures in the rules' messages, as reports write them."""

from __future__ import annotations

_WHOLE = 1000.0


def percent(share: float, *, signed: bool = False) -> str:
    """A share as per cent with three digits at most: 5.1 %, +10 %, 1,200 %."""
    value, sign = share * 100, "+" if signed else ""
    return f"{value:{sign},.0f} %" if abs(value) >= _WHOLE else f"{value:{sign}.3g} %"
