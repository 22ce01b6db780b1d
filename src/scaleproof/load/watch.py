"""Following a load from its start to its record, whatever runs it: this machine's Locust, or one in a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from scaleproof.load.config import GRACE_SECONDS
from scaleproof.load.status import FAILED_FILE, FINISHED_FILE, STARTED_FILE, STOP_FILE, read_lines, read_signal, write_signal
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode
from scaleproof.tuner.ports import LoadPlan, Progress

POLL_SECONDS = 0.2
START_TIMEOUT_SECONDS = 60.0
LATEST_END_SECONDS = 30.0
INTERRUPT_SECONDS = 8.0


class RunningLocust(Protocol):
    """One Locust, or several that play one load together."""

    @property
    def folder(self) -> Path:
        """Where its files are: signals, status lines, records."""

    def ended(self) -> bool:
        """It is no more, or no longer whole."""

    def log_tail(self) -> str:
        """The last it said."""


class Watch:
    """Follows one load by the files that Locust's processes write, or that stand for those of other machines."""

    def __init__(self, locust: RunningLocust, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None) -> None:
        self._locust = locust
        self._folder = locust.folder
        self._plan = plan
        self._progress = progress
        self._steady = steady if plan.stop_early else None

    def until_finished(self) -> None:
        """Return when the load is over or Locust has ended; `outcome` says which."""
        begun = time.monotonic()
        while (started := read_signal(self._folder, STARTED_FILE)) is None:
            if self._locust.ended():
                return
            if time.monotonic() - begun > START_TIMEOUT_SECONDS + self._plan.users / 500:
                raise CannotMeasureError(
                    f"Locust did not start its users within {time.monotonic() - begun:.0f} s ({self._locust.log_tail()})",
                    hint="run fewer users or use a less busy machine",
                )
            time.sleep(POLL_SECONDS)
        duration = self._plan.shape.duration_seconds
        shown, stopping = 0, False
        while not self._locust.ended() and read_signal(self._folder, FINISHED_FILE) is None:
            elapsed = time.time() - float(started["started_at"])
            if int(elapsed) > shown:
                shown = int(elapsed)
                self._progress.advance(min(elapsed, duration), self._note(elapsed))
            if not stopping and self._steady is not None and 0.9 * duration <= elapsed < duration and self._steady():
                stopping = True
                write_signal(self._folder, STOP_FILE, {"at_s": elapsed, "grace_s": GRACE_SECONDS})
            if elapsed > duration + LATEST_END_SECONDS * 2:
                raise CannotMeasureError(f"Locust did not end in time ({self._locust.log_tail()})")
            time.sleep(POLL_SECONDS)

    def interrupt(self) -> None:
        """End the load now, keeping its record."""
        started = read_signal(self._folder, STARTED_FILE)
        at_s = 0.0 if started is None else max(0.0, time.time() - float(started["started_at"]))
        write_signal(self._folder, STOP_FILE, {"at_s": at_s, "grace_s": 0.0})
        until = time.monotonic() + INTERRUPT_SECONDS
        while not self._locust.ended() and read_signal(self._folder, FINISHED_FILE) is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS / 2)

    def outcome(self, *, interrupted: bool) -> dict[str, float]:
        """How the load ended. Raises the error that Locust's side left, or CannotMeasureError where it left no word."""
        failed = read_signal(self._folder, FAILED_FILE)
        if failed is not None:
            kind = BadInputError if failed["exit_code"] == ExitCode.BAD_INPUT else CannotMeasureError
            raise kind(failed["message"], hint=failed["hint"])
        finished = read_signal(self._folder, FINISHED_FILE)
        if finished is None and interrupted:
            stop = read_signal(self._folder, STOP_FILE) or {}
            return {"ended_s": float(stop.get("at_s", 0.0))}
        if finished is None:
            raise CannotMeasureError(
                f"Locust ended before the load did: {self._locust.log_tail()}", hint=f"its log and files are in {self._folder}"
            )
        if finished["missing_players"] and not interrupted:
            raise CannotMeasureError(
                f"{finished['missing_players']} of Locust's processes left no record: {self._locust.log_tail()}",
                hint=f"the machine may be out of memory; files are in {self._folder}",
            )
        return finished

    def _note(self, elapsed: float) -> str:
        active = int(_users_at(self._plan, elapsed))
        lines = [
            line for process in read_lines(self._folder).values() for line in process if line.time_s > max(0.5, elapsed - 3.5)
        ]
        spans = max(1, len({int(line.time_s) for line in lines}))
        completed = sum(line.completed for line in lines)
        errors = sum(line.errors for line in lines)
        slowest = [line.p95_s for line in lines if line.p95_s is not None]
        p95 = f"p95 {max(slowest) * 1000:.0f} ms" if slowest else "no answer yet"
        return f"{active:,} users, {completed / spans:.0f} requests/s, {p95}, {errors} errors"


def _users_at(plan: LoadPlan, seconds: float) -> float:
    return float(plan.shape.users_at(np.array([seconds]), plan.users)[0])
