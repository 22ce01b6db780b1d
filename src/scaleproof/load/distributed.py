"""The load generator of a cluster: Locust's master and workers in the pods of charts/locust (adapter of `tuner.ports.LoadGenerator`).

Every process draws the same schedule from the same seed; Locust shares the users out over its workers, and each worker plays the
schedule's users whose turn falls to it (`load.player`). Ordinary users have no schedule; they come and go with the shape alike
(`load.closed_loop`). The pods' records come home through the sessions and make the same tables.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from scaleproof import __version__
from scaleproof.load.config import LoadConfig
from scaleproof.load.ensemble import Ensemble
from scaleproof.load.given import GIVEN_FILE, Prepare
from scaleproof.load.journeys import Journey
from scaleproof.load.local_generator import SPARE_FILES, LocalGenerator, prepare
from scaleproof.load.locust_process import write_config
from scaleproof.load.pod_part import Order
from scaleproof.load.pod_session import GeneratorPods, Message, OpenPods, PodSession
from scaleproof.load.results import load_result
from scaleproof.load.watch import Watch
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.tuner.ports import LoadPlan, LoadResult, Progress

GREET_SECONDS = 30.0
COLLECT_SECONDS = 120.0
PINGS = 3
CLOCK_DIFFERENCE_SECONDS = 0.2
"""A worker's clock against the master's: START_DELAY_SECONDS of the plug-in must stay a delay."""


class DistributedGenerator:
    """Runs each plan in the pods, shows its progress, and brings its record home.

    `host_url` is the gateway's address inside the cluster, `workdir` holds the files of a load while it runs (those of a failed load
    stay). Only names of the cluster's own services are allowed as a target unless `allow_remote`; the chart's NetworkPolicy says the same.
    Which processes play is said by the chart's `worker.replicas`: the plan's `processes` is for a load from this machine.
    """

    def __init__(
        self,
        host_url: str,
        platform: Platform,
        workdir: Path,
        pods: GeneratorPods,
        *,
        prepare: Prepare | None = None,
        allow_remote: bool = False,
    ) -> None:
        if not allow_remote and not _is_of_cluster(host_url):
            raise BadInputError(
                f"{host_url}: a load may only be sent to a service of the cluster, "
                "expected an address such as http://gateway.shop.svc",
                hint="allow another target only where you may load it",
            )
        self._host_url = host_url.rstrip("/")
        self._platform = platform
        self._workdir = workdir
        self._pods = pods
        self._prepare = prepare
        # Draws schedules; nothing is sent to its address.
        self._drawing = LocalGenerator("http://127.0.0.1", platform, workdir)

    def journeys(self, locustfile: Path) -> tuple[Journey, ...]:
        """As `LocalGenerator.journeys`."""
        return self._drawing.journeys(locustfile)

    def draw(self, plan: LoadPlan) -> pd.DataFrame:
        """As `LocalGenerator.draw`."""
        return self._drawing.draw(plan)

    def run(self, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None = None) -> LoadResult:
        """Send the plan's requests; Ctrl-C ends the load and still returns what was recorded, `interrupted`.

        Raises BadInputError where the locustfile is at fault, CannotMeasureError where the pods cannot play it.
        """
        schedule = self._drawing.drawn_or_said(plan, progress)
        self._workdir.mkdir(parents=True, exist_ok=True)
        with self._pods.open() as pods:
            check_pods(pods, plan.users)
            folder = Path(tempfile.mkdtemp(prefix="load-", dir=self._workdir)).resolve()
            config = LoadConfig.of(
                plan, self._platform, self._host_url, closed_loop=schedule is None, folder=str(folder), parent_pid=os.getpid()
            )
            write_config(config, folder)
            given = ""
            if self._prepare is not None:
                prepare(self._prepare, plan.users, folder, progress)
                given = (folder / GIVEN_FILE).read_text(encoding="utf-8")
                (folder / GIVEN_FILE).unlink()
            with Ensemble(pods, folder) as ensemble:
                ensemble.start(_orders(plan, config, pods, given))
                watch = Watch(ensemble, plan, progress, steady)
                interrupted = False
                try:
                    watch.until_finished()
                except KeyboardInterrupt:
                    interrupted = True
                    watch.interrupt()
                finished = watch.outcome(interrupted=interrupted)
                progress.say("fetching the record from the pods")
                missing = ensemble.collect(COLLECT_SECONDS)
        if missing and not interrupted:
            raise CannotMeasureError(
                f"no record came from {', '.join(missing)} within {COLLECT_SECONDS:.0f} s", hint="see the pod's log and events"
            )
        result = load_result(folder, schedule, finished, interrupted=interrupted, now=time.time())
        if schedule is not None:
            check_schedule(schedule, result.tables["requests"])
        shutil.rmtree(folder, ignore_errors=True)
        return result


def _orders(plan: LoadPlan, config: LoadConfig, pods: OpenPods, given: str) -> list[Message]:
    source = plan.locustfile.parent
    files = {file.relative_to(source).as_posix(): file.read_text(encoding="utf-8") for file in sorted(source.rglob("*.py"))}
    orders = [
        Order(
            role="master" if session is pods.master else "worker",
            config=config.model_copy(update={"folder": "", "parent_pid": None}),
            files=files,
            given="" if session is pods.master else given,
            locustfile=plan.locustfile.name,
            master_host=pods.master_host,
            master_port=pods.master_port,
            workers=len(pods.workers),
        )
        for session in pods.all
    ]
    return [order.model_dump(mode="json", by_alias=True, exclude_none=True) for order in orders]


@dataclass(frozen=True)
class Greeting:
    """What a pod said of itself."""

    name: str
    version: str
    open_files: int
    ahead_s: float
    """Its clock minus this machine's."""
    uncertainty_s: float


def check_pods(pods: OpenPods, users: int) -> None:
    """Raise CannotMeasureError where a pod has another version, another time, or too few files for its share of the users."""
    greetings = [greet(session) for session in pods.all]
    master = greetings[0]
    for each in greetings:
        if each.version != __version__:
            raise CannotMeasureError(
                f"the pod {each.name} has scaleproof {each.version}, this is {__version__}: they would draw different schedules",
                hint="build the load generator's image anew and deploy it",
            )
        difference_s = abs(each.ahead_s - master.ahead_s) - each.uncertainty_s - master.uncertainty_s
        if difference_s > CLOCK_DIFFERENCE_SECONDS:
            raise CannotMeasureError(
                f"the clocks of {each.name} and {master.name} differ by {difference_s:.1f} s",
                hint="synchronise the nodes' clocks (NTP), or keep the generator on one node (nodeSelector)",
            )
    share = -(-users // len(pods.workers))
    for each in greetings[1:]:
        if 0 <= each.open_files < share + SPARE_FILES:
            raise CannotMeasureError(
                f"{share} users of {each.name} need {share + SPARE_FILES} open files, but it may open {each.open_files}",
                hint="raise worker.replicas of the chart, or the container runtime's limit",
            )


def greet(session: PodSession) -> Greeting:
    """Ask a pod who it is and what time it has. Raises CannotMeasureError where it does not answer."""
    best: Greeting | None = None
    for _ in range(PINGS):
        asked_s = time.time()
        answer = _pong(session)
        answered_s = time.time()
        uncertainty_s = (answered_s - asked_s) / 2
        if best is None or uncertainty_s < best.uncertainty_s:
            ahead_s = float(answer["time"]) - (asked_s + answered_s) / 2
            best = Greeting(session.name, str(answer["version"]), int(answer["open_files"]), ahead_s, uncertainty_s)
    assert best is not None
    return best


def _pong(session: PodSession) -> Message:
    until = time.monotonic() + GREET_SECONDS
    try:
        session.send({"do": "ping"})
        while time.monotonic() < until:
            for message in session.receive(0.5):
                if message.get("say") == "pong":
                    return message
    except (OSError, ValueError) as error:
        words = session.errors().strip().splitlines()[-1:] or [str(error) or type(error).__name__]
        raise CannotMeasureError(
            f"the pod {session.name} cannot play a load: {words[0]}", hint="does its image have this version of scaleproof?"
        ) from None
    raise CannotMeasureError(
        f"the pod {session.name} did not answer within {GREET_SECONDS:.0f} s", hint="is its node overloaded?"
    )


def check_schedule(schedule: pd.DataFrame, requests: pd.DataFrame) -> None:
    """Raise CannotMeasureError where the pods played another schedule than the one that was drawn here."""
    first = requests.loc[requests["step"] == 0, ["action", "intended_s"]]
    drawn = schedule.set_index("action")["intended_s"].reindex(first["action"]).to_numpy()
    if (drawn != first["intended_s"].to_numpy()).any():
        raise CannotMeasureError(
            "the pods played another schedule than the one drawn here",
            hint="build the load generator's image from the same requirements as this installation",
        )


def _is_of_cluster(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".svc", ".svc.cluster.local"))
