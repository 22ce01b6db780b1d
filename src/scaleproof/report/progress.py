"""Where long work says what it does: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class BarProgress:
    """The adapter of `tuner.ports.Progress` for a terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish()
        self._bars.stop()

    def stage(self, title: str, seconds: float | None = None) -> None:
        """Begin a stage that is expected to take that long."""
        self._finish()
        self._task = self._bars.add_task(title, total=seconds, note="")

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        """The stage has lasted that long."""
        if self._task is not None:
            self._bars.update(self._task, completed=elapsed_seconds, note=note)

    def say(self, line: str) -> None:
        """One line worth keeping."""
        self._bars.console.print(line, highlight=False, markup=False)

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._task)]
            self._bars.update(self._task, total=task.elapsed or 0.0, completed=task.elapsed or 0.0)
            self._task = None


class LineProgress:
    """The adapter of `tuner.ports.Progress` where there is no terminal: a line a stage, and one at most every 10 s within it."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.monotonic, every_seconds: float = 10) -> None:
        self._out = out
        self._clock = clock
        self._every_seconds = every_seconds
        self._begun = clock()
        self._said = self._begun
        self._title = ""
        self._seconds: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def stage(self, title: str, seconds: float | None = None) -> None:
        """Begin a stage that is expected to take that long."""
        self._title, self._seconds, self._said = title, seconds, self._clock()
        expected = "" if seconds is None else f" (about {seconds:.0f} s)"
        self.say(f"{title}{expected}")

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        """The stage has lasted that long."""
        now = self._clock()
        if now - self._said < self._every_seconds:
            return
        self._said = now
        left = "" if self._seconds is None else f" of about {self._seconds:.0f}"
        self.say(f"  … {elapsed_seconds:.0f}{left} s{'  ' + note if note else ''}")

    def say(self, line: str) -> None:
        """One line worth keeping."""
        self._out.write(f"[{self._clock() - self._begun:6.1f}s] {line}\n")
        self._out.flush()


def open_progress(out: TextIO) -> BarProgress | LineProgress:
    """The bar where `out` is a terminal, plain lines where it is not."""
    console = Console(file=out)
    return BarProgress(console) if console.is_terminal else LineProgress(out)
