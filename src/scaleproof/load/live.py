"""The load that is being played from this machine, seen from another process by the files that it writes (`load.status`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from scaleproof.load.config import LoadConfig
from scaleproof.load.locust_process import CONFIG_FILE
from scaleproof.load.status import FINISHED_FILE, STARTED_FILE, ServiceLine, StatusLine, read_lines, read_signal
from scaleproof.telemetry.live import NAN, LoadReading, LoadService

LATELY_SECONDS: Final = 3.0
SILENT_SECONDS: Final = 5.0
"""A load whose files are older was broken off and left its folder behind."""
SPAWNING_SECONDS: Final = 120.0


class LoadWatch:
    """Looks into the folder where loads are played (`.scaleproof/<stack>/load`)."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._configs: dict[Path, LoadConfig] = {}

    def read(self, now: float) -> LoadReading | None:
        """The load that is played at that Unix time; None where none is."""
        for folder in sorted(self._workdir.glob("load-*"), key=_changed_at, reverse=True):
            try:
                found = self._read(folder, now)
            except (OSError, ValueError):  # it ended, and its folder with it, while it was being read
                continue
            if found is not None:
                return found
        return None

    def _read(self, folder: Path, now: float) -> LoadReading | None:
        if read_signal(folder, FINISHED_FILE) is not None:
            return None
        config = self._config(folder)
        if config is None:
            return None
        started = read_signal(folder, STARTED_FILE)
        if started is None:
            return _spawning(config) if now - _changed_at(folder) < SPAWNING_SECONDS else None
        elapsed_s = now - float(started["started_at"])
        lines = read_lines(folder)
        youngest_s = max((each[-1].time_s for each in lines.values() if each), default=0.0)
        return load_reading(config, lines, elapsed_s) if elapsed_s - youngest_s < SILENT_SECONDS else None

    def _config(self, folder: Path) -> LoadConfig | None:
        if folder not in self._configs:
            try:
                self._configs[folder] = LoadConfig.model_validate_json((folder / CONFIG_FILE).read_text(encoding="utf-8"))
            except (OSError, ValidationError):
                return None
        return self._configs[folder]


def load_reading(config: LoadConfig, lines: Mapping[str, Sequence[StatusLine]], elapsed_s: float) -> LoadReading:
    """The load as its status lines have it so far. Pure."""
    every = [line for process in lines.values() for line in process]
    recent = [line for line in every if line.time_s > elapsed_s - LATELY_SECONDS - 0.5]
    names = sorted({name for line in every for name in line.services})
    return LoadReading(
        users=round(float(config.shape.users_at(np.array([max(0.0, elapsed_s)]), config.users)[0])),
        most_users=config.users,
        shape=config.shape_name,
        elapsed_s=elapsed_s,
        duration_s=config.shape.duration_seconds,
        closed_loop=config.closed_loop,
        generator_cores=sum(_cores(process) for process in lines.values()) if every else NAN,
        services={name: _service(name, every, recent) for name in names},
    )


def _service(name: str, every: Sequence[StatusLine], recent: Sequence[StatusLine]) -> LoadService:
    all_lines = [line.services[name] for line in every if name in line.services]
    lately: list[ServiceLine] = [line.services[name] for line in recent if name in line.services]
    # A process says something every second; those of the same second belong together.
    seconds = max(1, len({int(line.time_s) for line in recent}))
    answered = sum(line.completed for line in lately)
    return LoadService(
        rate=answered / seconds,
        p95_s=max((line.p95_s for line in lately if line.p95_s is not None), default=NAN),
        error_share=sum(line.errors for line in lately) / answered if answered else NAN,
        completed=sum(line.completed for line in all_lines),
        good=sum(line.good for line in all_lines),
    )


def _cores(process: Sequence[StatusLine]) -> float:
    last = process[-4:]
    if len(last) < 2 or last[-1].time_s <= last[0].time_s:  # noqa: PLR2004  # a difference needs two
        return 0.0
    return (last[-1].cpu_seconds - last[0].cpu_seconds) / (last[-1].time_s - last[0].time_s)


def _spawning(config: LoadConfig) -> LoadReading:
    return LoadReading(
        users=0,
        most_users=config.users,
        shape=config.shape_name,
        elapsed_s=-1.0,
        duration_s=config.shape.duration_seconds,
        closed_loop=config.closed_loop,
        generator_cores=NAN,
    )


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
