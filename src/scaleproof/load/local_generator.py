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
from scaleproof.load.given import GIVEN_FILE, Prepare
from scaleproof.load.inspection import Cast, digest_of, inspected
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
    is allowed as a target unless `allow_remote`. `prepare` is asked before each load (`load.prepare` in platform.yaml).
    """

    def __init__(
        self,
        host_url: str,
        platform: Platform,
        workdir: Path,
        *,
        prepare: Prepare | None = None,
        allow_remote: bool = False,
    ) -> None:
        if not allow_remote and not _is_loopback(host_url):
            raise BadInputError(
                f"{host_url}: a load may only be sent to this machine, expected a loopback address such as http://127.0.0.1:8080",
                hint="allow another target only where you may load it",
            )
        self._host_url = host_url.rstrip("/")
        self._platform = platform
        self._workdir = workdir
        self._prepare = prepare
        self._casts: dict[str, Cast] = {}

    def cast(self, locustfile: Path) -> Cast:
        """Who plays in the locustfile. Raises BadInputError where it is not usable."""
        digest = digest_of(locustfile)
        if digest not in self._casts:
            self._casts[digest] = inspected(locustfile)
        return self._casts[digest]

    def journeys(self, locustfile: Path) -> tuple[Journey, ...]:
        """The locustfile's journeys, every task with its service. Raises BadInputError where it has none, or is not usable."""
        return with_services(self.cast(locustfile).drawable(), self._platform.services)

    def draw(self, plan: LoadPlan) -> pd.DataFrame:
        """The plan's schedule; no request is sent. Same seed, same frame."""
        return draw_schedule(
            self.journeys(plan.locustfile), plan.users, plan.shape, plan.seed, plan.think_seconds, plan.services
        )

    def drawn_or_said(self, plan: LoadPlan, progress: Progress) -> pd.DataFrame | None:
        """The plan's schedule; None where its users are ordinary ones, and what that means has been said.

        Raises BadInputError where the plan asks for what its users cannot do.
        """
        cast = self.cast(plan.locustfile)
        if not cast.ordinary or plan.services is not None:
            if plan.tags or plan.exclude_tags:
                raise BadInputError(
                    f"{plan.locustfile}: --tags and --exclude-tags are for ordinary Locust users; the actions of JourneyUsers are drawn",
                    hint="leave them out, or keep those journeys in a locustfile of their own",
                )
            return self.draw(plan)
        for line in closed_loop_lines(cast):
            progress.say(line)
        return None

    def run(self, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None = None) -> LoadResult:
        """Send the plan's requests; Ctrl-C ends the load and still returns what was recorded, `interrupted`.

        Raises BadInputError where the locustfile is at fault, CannotMeasureError where Locust fails.
        """
        schedule = self.drawn_or_said(plan, progress)
        _check_open_files(plan.users)
        self._workdir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="load-", dir=self._workdir)).resolve()
        config = LoadConfig.of(
            plan, self._platform, self._host_url, closed_loop=schedule is None, folder=str(folder), parent_pid=os.getpid()
        )
        if self._prepare is not None:
            prepare(self._prepare, plan.users, folder, progress)
        with LocustProcess(config, plan.locustfile, plan.processes) as locust:
            watch = Watch(locust, plan, progress, steady)
            interrupted = False
            try:
                watch.until_finished()
            except KeyboardInterrupt:
                interrupted = True
                watch.interrupt()
        (folder / GIVEN_FILE).unlink(missing_ok=True)  # what stays of a load that failed is for people to read
        finished = watch.outcome(interrupted=interrupted)
        result = load_result(folder, schedule, finished, interrupted=interrupted, now=time.time())
        shutil.rmtree(folder, ignore_errors=True)
        return result


def prepare(command: Prepare, users: int, folder: Path, progress: Progress) -> None:
    """Have what the users are given written to the load's folder. Raises what the command raises; the folder is removed then."""
    progress.say(f"preparing {users:,} users")
    try:
        command(users, folder / GIVEN_FILE)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def closed_loop_lines(cast: Cast) -> list[str]:
    """What somebody should know who has ordinary users played."""
    names = ", ".join(cast.ordinary)
    lines = [f"closed loop: {names} wait for answers before they ask again, so a slow platform gets less load (docs/adopt.md)"]
    if cast.shape is not None:
        lines.append(f"{cast.shape} of the locustfile is not used: --shape says when how many users are there")
    return lines


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
