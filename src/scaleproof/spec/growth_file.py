"""Reading users over time, as they were counted or are expected, from a CSV file."""

from __future__ import annotations

import contextlib
import csv
import math
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

from scaleproof.spec.errors import BadInputError

UsersOnDate = tuple[date, float]

EARLIEST: Final = date(1990, 1, 1)
LATEST: Final = date(2200, 1, 1)
"""Of a date in a plan; beyond is a slip of the pen."""
_MOST_USERS: Final = 1e10


def read_growth_file(file: Path) -> tuple[UsersOnDate, ...]:
    """A CSV file with the header `date,users` and at least two rows, dates as 2026-12-01 or 2026-12, in order.

    Users are those at the peak of their day. Raises BadInputError with file and line.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.reader(lines))
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint="give a CSV file with the columns date,users") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{file}: cannot be read as CSV ({error})") from None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if header[:2] != ["date", "users"]:
        raise BadInputError(f"{file}:1: expected the header date,users, found {','.join(header) or 'nothing'!r}")
    numbered = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
    if len(numbered) < 2:  # noqa: PLR2004  growth needs two points
        raise BadInputError(f"{file}: expected at least two rows, found {len(numbered)}", hint="growth needs two dates")
    points = tuple((_date(file, number, row), _users(file, number, row)) for number, row in numbered)
    for (number, _), ((before, _), (after, _)) in zip(numbered[1:], pairwise(points), strict=True):
        if after <= before:
            raise BadInputError(f"{file}:{number}: the date does not increase", hint="sort the rows by date; one row a date")
    return points


def _date(file: Path, number: int, row: list[str]) -> date:
    text = row[0].strip()
    day: date | None = None
    with contextlib.suppress(ValueError):
        day = date.fromisoformat(f"{text}-01" if len(text) == len("2026-12") and text[4:5] == "-" else text)
    if day is None or not EARLIEST <= day <= LATEST:
        raise BadInputError(f"{file}:{number}: expected a date such as 2026-12-01, found {text!r}")
    return day


def _users(file: Path, number: int, row: list[str]) -> float:
    text = row[1].strip() if len(row) > 1 else ""
    try:
        users = float(text)
    except ValueError:
        users = math.nan
    if not 0 < users <= _MOST_USERS:
        raise BadInputError(f"{file}:{number}: expected a number of users above 0, found {text!r}")
    return users
