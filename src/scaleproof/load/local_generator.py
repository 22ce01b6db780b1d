"""The load generator of the embedded default: Locust on this machine (the adapter of `tuner.ports.LoadGenerator`)."""

from __future__ import annotations

import ipaddress
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from scaleproof.load.config import LoadConfig
from scaleproof.load.inspection import digest_of, inspected
from scaleproof.load.journeys import Journey, with_services
from scaleproof.load.locust_process import LocustProcess
from scaleproof.load.results import load_result
from scaleproof.load.schedule import draw_schedule
from scaleproof.load.watch import Watch
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.tuner.ports import LoadPlan, LoadResult, Progress

SPARE_FILES = 200


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
        digest = digest_of(locustfile)
        if digest not in self._journeys:
            self._journeys[digest] = with_services(inspected(locustfile), self._platform.services)
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
            watch = Watch(locust, plan, progress, steady)
            interrupted = False
            try:
                watch.until_finished()
            except KeyboardInterrupt:
                interrupted = True
                watch.interrupt()
        finished = watch.outcome(interrupted=interrupted)
        result = load_result(folder, schedule, finished, interrupted=interrupted, now=time.time())
        shutil.rmtree(folder, ignore_errors=True)
        return result


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
