"""A line of a log for people: services write JSON objects, everybody else writes what they like. Pure."""

from __future__ import annotations

import json


def readable(line: str) -> str:
    """Time, level, logger, message and trace of a JSON record, then its traceback; any other line as it is."""
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or not {"time", "level", "message"} <= record.keys():
        return line
    words = [record[name] for name in ("time", "level", "logger", "message") if name in record]
    if "trace_id" in record:
        words.append(f"trace_id={record['trace_id']}")
    first = " ".join(_printable(str(word)) for word in words)
    return "\n".join([first, *(_printable(text) for text in str(record.get("exception", "")).splitlines())])


def _printable(text: str) -> str:
    """JSON may hold what a terminal takes for commands."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
