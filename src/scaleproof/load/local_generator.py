"""The load generator of the embedded default: Locust on this machine (the adapter of `tuner.ports.LoadGenerator`)."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from scaleproof.load.config import GRACE_SECONDS, LoadConfig
from scaleproof.load.journeys import Journey, with_services
from scaleproof.load.locust_process import LocustProcess
from scaleproof.load.results import read_results
from scaleproof.load.schedule import draw_schedule
from scaleproof.load.status import FAILED_FILE, FINISHED_FILE, STARTED_FILE, STOP_FILE, read_lines, read_signal, write_signal
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode
from scaleproof.spec.platform import Platform
from scaleproof.tuner.ports import LoadPlan, LoadResult, Progress

POLL_SECONDS = 0.2
SPARE_FILES = 200
INSPECT_TIMEOUT_SECONDS = 60.0
START_TIMEOUT_SECONDS = 60.0
LATEST_END_SECONDS = 30.0
INTERRUPT_SECONDS = 8.0


class LocalGenerator:
    """Starts Locust for each plan, shows its progress, and reads its record.

    `host_url` is the gateway's address, `workdir` holds the files of a load while it runs (those of a failed load stay). Only loopback
    is allowed as a target unless `allow_remote`.
    """

    def __init__(self, host_url: str, platform: Platform, workdir: Path, *, allow_remote: bool = False) -> None:
        if not allow_remote and not _is_loopback(host_url):
            raise BadInputError(
                f"{host_url}: a load may only be sent to this machine, expected a loopback address such as http://127.0.0.1:8080",
                hint="allow another target only where you may load it",
            )
        self._host_url = host_url.rstrip("/")
        self._platform = platform
        self._workdir = workdir
        self._journeys: dict[str, tuple[Journey, ...]] = {}

    def journeys(self, locustfile: Path) -> tuple[Journey, ...]:
        """The locustfile's journeys, every task with its service. Raises BadInputError where it is not usable."""
        digest = _digest(locustfile)
        if digest not in self._journeys:
            self._journeys[digest] = with_services(_inspected(locustfile), self._platform.services)
        return self._journeys[digest]

    def draw(self, plan: LoadPlan) -> pd.DataFrame:
        """The plan's schedule; no request is sent. Same seed, same frame."""
        return draw_schedule(
            self.journeys(plan.locustfile), plan.users, plan.shape, plan.seed, plan.think_seconds, plan.services
        )

    def run(self, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None = None) -> LoadResult:
        """Send the plan's requests; Ctrl-C ends the load and still returns what was recorded, `interrupted`.

        Raises BadInputError where the locustfile is at fault, CannotMeasureError where Locust fails.
        """
        schedule = self.draw(plan)
        _check_open_files(plan.users)
        self._workdir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="load-", dir=self._workdir)).resolve()
        config = LoadConfig(
            platform=self._platform,
            host_url=self._host_url,
            users=plan.users,
            shape_name=plan.shape.name,
            shape_points=plan.shape.points,
            seed=plan.seed,
            think_seconds=plan.think_seconds,
            services=plan.services,
            folder=str(folder),
            parent_pid=os.getpid(),
        )
        with LocustProcess(config, plan.locustfile, plan.processes) as locust:
            watch = _Watch(locust, plan, progress, steady)
            interrupted = False
            try:
                watch.until_finished()
            except KeyboardInterrupt:
                interrupted = True
                watch.interrupt()
        finished = watch.outcome(interrupted=interrupted)
        duration_seconds = max(0.0, float(finished["ended_s"]))
        started = read_signal(folder, STARTED_FILE)
        tables = read_results(folder, schedule, duration_seconds)
        shutil.rmtree(folder, ignore_errors=True)
        return LoadResult(
            started_at=time.time() if started is None else float(started["started_at"]),
            duration_seconds=duration_seconds,
            tables=tables,
            interrupted=interrupted,
        )


class _Watch:
    """Follows one load by the files that Locust's processes write."""

    def __init__(self, locust: LocustProcess, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None) -> None:
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


def _inspected(locustfile: Path) -> list[Journey]:
    if not locustfile.is_file():
        raise BadInputError(f"{locustfile}: no such locustfile", hint="set load.locustfile in platform.yaml")
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "scaleproof.load.inspect_locustfile", str(locustfile)],
            capture_output=True,
            text=True,
            timeout=INSPECT_TIMEOUT_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise BadInputError(f"{locustfile}: not imported within {INSPECT_TIMEOUT_SECONDS:.0f} s") from None
    except (IndexError, json.JSONDecodeError):
        raise BadInputError(f"{locustfile}: cannot be imported: {done.stderr.strip()[-300:]}") from None
    if done.returncode != ExitCode.OK:
        raise BadInputError(answer["message"], hint=answer["hint"])
    return [Journey.model_validate(each) for each in answer["journeys"]]


def _digest(locustfile: Path) -> str:
    """Of every Python file in the locustfile's folder and below: its journeys live beside it."""
    digest = hashlib.sha256(str(locustfile).encode())
    for file in sorted(locustfile.parent.rglob("*.py")):
        digest.update(str(file).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_open_files(users: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < users + SPARE_FILES:
        raise CannotMeasureError(
            f"{users} users need {users + SPARE_FILES} open files, but this machine allows {hard} a process",
            hint="raise the hard limit (`ulimit -Hn`), or spread the users over `--processes`",
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
