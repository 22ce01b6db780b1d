"""Status lines: what each Locust process says of itself once a second, one JSON object a line, and the signals between processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

STARTED_FILE = "started.json"
FINISHED_FILE = "finished.json"
FAILED_FILE = "failed.json"
STOP_FILE = "stop.json"


@dataclass(frozen=True)
class ServiceLine:
    """One service in one process in one second, by the requests that ended in it."""

    completed: int
    errors: int
    good: int
    """Answered without failure within the SLO's threshold, from the intended time."""
    p95_s: float | None
    """Latency from the intended time; None where nothing was answered."""


@dataclass(frozen=True)
class StatusLine:
    """One process in the second that ends at `time_s`."""

    time_s: float
    cpu_seconds: float
    """Of the process since its start."""
    memory_bytes: int
    completed: int = 0
    errors: int = 0
    p95_s: float | None = None
    """Latency from the intended time in that second; None where nothing was answered."""
    services: dict[str, ServiceLine] = field(default_factory=dict)
    """By name; only those of which something ended in that second."""


def append_line(folder: Path, process: str, line: StatusLine) -> None:
    """Add a line to the process' file."""
    with (folder / f"status-{process}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read_lines(folder: Path) -> dict[str, list[StatusLine]]:
    """Every process' lines so far, in order of time; a line that is still being written is left out."""
    return {file.stem.removeprefix("status-"): list(_lines(file)) for file in sorted(folder.glob("status-*.jsonl"))}


def _lines(file: Path) -> Iterator[StatusLine]:
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            document = json.loads(line)
            services = {name: ServiceLine(**found) for name, found in document.get("services", {}).items()}
            yield StatusLine(**{**document, "services": services})


def write_signal(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write one of the signal files, whole or not at all."""
    unfinished = folder / f".{name}.unfinished"
    unfinished.write_text(json.dumps(content) + "\n", encoding="utf-8")
    unfinished.rename(folder / name)


def read_signal(folder: Path, name: str) -> dict[str, Any] | None:
    """The content of a signal file; None while there is none."""
    try:
        content: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content
