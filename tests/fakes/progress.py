"""A progress that remembers: the fake of `report.progress`."""

from __future__ import annotations


class FakeProgress:
    def __init__(self) -> None:
        self.stages: list[str] = []
        self.lines: list[str] = []
        self.elapsed: list[float] = []

    def stage(self, title: str, seconds: float | None = None) -> None:
        self.stages.append(title)

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        self.elapsed.append(elapsed_seconds)

    def say(self, line: str) -> None:
        self.lines.append(line)
