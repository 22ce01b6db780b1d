"""Reading a trace: requests over time from a CSV file."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.yaml_document import write_text

_MOST_INTERVALS: Final = 50_000_000
"""More than a year of seconds; two rows that happen to be close together would make as many of an hour."""
_UNIX_TIME: Final = 1e8
"""As Unix seconds the year 1973, as seconds since a recording began three years."""
_MILLISECONDS: Final = 1e11
"""As Unix seconds the year 5138, as milliseconds 1973."""


@dataclass(frozen=True)
class Trace:
    """Requests over time."""

    name: str
    rates: NDArray[np.float64]
    """Requests/s, one value an interval."""
    interval_seconds: float
    absent: int
    """Intervals that the file leaves blank or out; filled with a straight line between their neighbours."""
    began: float | None = None
    """Unix time of the first interval, seconds; None where the times count from a moment that is not known."""


def read_trace(file: Path) -> Trace:
    """A CSV file with a header and two columns: time (seconds, or ISO 8601), and requests.

    A second column called `requests_per_second` or `rate` is a rate; any other is a count per interval. The interval is the
    shortest distance between two rows. Raises BadInputError with file and line.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.reader(lines))
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint="give a CSV file of requests over time") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{file}: cannot be read as CSV ({error})") from None
    numbered = [(number, row) for number, row in enumerate(rows[1:], start=2) if row and any(cell.strip() for cell in row)]
    if len(numbered) < 2:  # noqa: PLR2004  an interval needs two rows
        raise BadInputError(
            f"{file}: expected a header and at least two rows, found {len(numbered)}",
            hint="columns: second,requests_per_second",
        )
    _check_header(file, rows[0])
    times = [_time(file, number, row) for number, row in numbered]
    for (number, _), (before, after) in zip(numbered[1:], pairwise(times), strict=True):
        if after <= before:
            raise BadInputError(f"{file}:{number}: time does not increase", hint="sort the rows by time; one row an interval")
    interval = min(after - before for before, after in pairwise(times))
    if (times[-1] - times[0]) / interval > _MOST_INTERVALS:
        raise BadInputError(
            f"{file}: two rows are {interval:g} s apart, the first and the last {times[-1] - times[0]:g} s: more than "
            f"{_MOST_INTERVALS:,} intervals",
            hint="one row an interval, all intervals alike",
        )
    slots = np.round((np.array(times) - times[0]) / interval).astype(int)
    values = np.full(int(slots[-1]) + 1, np.nan)
    for slot, (number, row) in zip(slots, numbered, strict=True):
        values[slot] = _value(file, number, row)
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        raise BadInputError(f"{file}: every value is blank")
    filled = np.interp(np.arange(values.size), known, values[known])
    is_rate = rows[0][1].strip().lower() in {"requests_per_second", "rate", "rps"}
    return Trace(
        name=file.name,
        rates=filled if is_rate else filled / interval,
        interval_seconds=interval,
        absent=int(values.size - known.size),
        began=times[0] if times[0] >= _UNIX_TIME else None,
    )


def write_trace(trace: Trace, file: Path) -> None:
    """As `read_trace` reads it: second (Unix time where it is known) and requests_per_second. What was filled is a value like the others."""
    first = trace.began or 0.0
    rows = (f"{first + slot * trace.interval_seconds:.17g},{rate:.17g}" for slot, rate in enumerate(trace.rates.tolist()))
    write_text(file, "\n".join(("second,requests_per_second", *rows, "")))


def highest_rate(trace: Trace) -> float:
    """Requests/s. Raises BadInputError where there is no request in it."""
    highest = float(trace.rates.max())
    if not highest > 0:
        raise BadInputError(f"{trace.name}: no request in it", hint="give a trace with traffic")
    return highest


def scaled(trace: Trace, peak: float) -> Trace:
    """The same trace with its highest rate at `peak` requests/s. Raises BadInputError where there is no request in it."""
    return replace(trace, rates=trace.rates * (peak / highest_rate(trace)))


def _check_header(file: Path, header: list[str]) -> None:
    titles = [cell.strip() for cell in header]
    expected = "expected a header such as second,requests_per_second"
    if len(titles) < 2:  # noqa: PLR2004  time and requests
        raise BadInputError(f"{file}:1: {expected}, found {len(titles)} column", hint="separate the columns by commas")
    if titles[1].replace(".", "", 1).isdecimal():
        raise BadInputError(f"{file}:1: {expected}, found {','.join(titles)!r}", hint="a first row of values would be lost")


def _time(file: Path, number: int, row: list[str]) -> float:
    text = row[0].strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not abs(seconds) < _MILLISECONDS:
            raise BadInputError(
                f"{file}:{number}: expected seconds or an ISO 8601 time, found {text!r}", hint="are these milliseconds?"
            )
        return seconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{file}:{number}: expected seconds or an ISO 8601 time, found {text!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _value(file: Path, number: int, row: list[str]) -> float:
    text = row[1].strip() if len(row) > 1 else ""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise BadInputError(f"{file}:{number}: expected a number of requests of at least 0, found {text!r}")
    return value
