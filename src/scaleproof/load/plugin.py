"""How Locust loads scaleproof: event listeners and the few messages between its master and its workers.

Importing `JourneyUser` installs it; ordinary users have `load.locustfiles.scaleproof_plugin` do it. Without the environment variable
SCALEPROOF_LOAD nothing changes for Locust. With it, one process (Locust's local runner or its master) is the director: it waits until all
users are spawned, announces one start for all, passes on an early stop, and quits when every player has written its record. Every process
with users has a part (`load.stage`). Both roles live in one process where Locust runs alone; Locust then delivers the messages to itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from scaleproof.load.closed_loop import ClosedLoop
from scaleproof.load.config import LoadConfig, read_config
from scaleproof.load.crowd import UserClass, gathered
from scaleproof.load.journeys import journey_of, with_services
from scaleproof.load.locust_hooks import install_hooks
from scaleproof.load.name_cache import remember_names
from scaleproof.load.player import Player
from scaleproof.load.recorder import error_kind
from scaleproof.load.schedule import draw
from scaleproof.load.stage import Stage, own_cost
from scaleproof.load.stamp import STAMP_KEY, Stamp
from scaleproof.load.status import FAILED_FILE, FINISHED_FILE, STARTED_FILE, STOP_FILE, append_line, read_signal, write_signal
from scaleproof.spec.errors import ExitCode, ScaleproofError

READY, GO, STOP, FINISHED = "scaleproof_ready", "scaleproof_go", "scaleproof_stop", "scaleproof_finished"
START_DELAY_SECONDS = 0.5
LAST_WORD_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1

player: Player | None = None
"""This process' player; None under plain Locust, in a master, and where ordinary users play."""

_config: LoadConfig | None = None


def install() -> None:
    """Listen to Locust where SCALEPROOF_LOAD names an order; called once, before Locust makes its environment."""
    global _config  # noqa: PLW0603  # Locust gives a plug-in no other place
    _config = read_config()
    if _config is not None:
        _die_with(_config.parent_pid)
        remember_names()
        events.init.add_listener(_on_init)


def seed() -> int:
    """The run's seed."""
    return 0 if _config is None else _config.seed


@lru_cache(maxsize=4096)
def service_of(path: str) -> str | None:
    """The platform's service that serves this path."""
    return None if _config is None else _config.platform.service_of(path)


def fail(message: str, hint: str | None = None, exit_code: ExitCode = ExitCode.BAD_INPUT) -> None:
    """Leave the reason for scaleproof and end Locust."""
    if _config is None:
        return
    folder = Path(_config.folder)
    if read_signal(folder, FAILED_FILE) is None:
        write_signal(folder, FAILED_FILE, {"message": message, "hint": hint, "exit_code": int(exit_code)})
    write_signal(folder, STOP_FILE, {"at_s": 0.0, "grace_s": 0.0})


def _on_init(environment: Any, **_: Any) -> None:
    global player  # noqa: PLW0603  # users find their player here
    config = _config
    if config is None:
        return
    try:
        _allow_open_files(config.users, max((getattr(each, "concurrency", 1) for each in environment.user_classes), default=1))
        runner = environment.runner
        if isinstance(runner, WorkerRunner) and config.parent_pid is not None:
            _die_with(os.getppid())
        playing = _ordinary(environment, config) if config.closed_loop else _drawn(environment, config)
        counts = playing.counts()
        for user_class in environment.user_classes:
            # Exactly as many users of each class as were drawn; Locust shares them out over its workers.
            user_class.fixed_count = counts.get(user_class.__name__, 0)
        environment.user_classes = [each for each in environment.user_classes if each.fixed_count]
        if not isinstance(runner, WorkerRunner):
            _Director(environment, config).listen()
        if not isinstance(runner, MasterRunner):
            player = playing if isinstance(playing, Player) else None
            _Cast(environment, playing).listen()
    except ScaleproofError as error:
        fail(error.message, error.hint, error.exit_code)
        os._exit(int(error.exit_code))


def _drawn(environment: Any, config: LoadConfig) -> Player:
    """What JourneyUsers do: the schedule that every process draws alike."""
    journeys = with_services((journey_of(each) for each in environment.user_classes), config.platform.services)
    schedule = draw(journeys, config.users, config.shape, config.seed, config.think_seconds, config.services)
    return Player(config, schedule)


def _ordinary(environment: Any, config: LoadConfig) -> ClosedLoop:
    """What ordinary users do is their own business; when they are there is not."""
    # The load's shape is ours: a LoadTestShape beside the users would spawn others.
    environment.shape_class = None
    classes = [UserClass(each.__name__, float(each.weight), int(each.fixed_count)) for each in environment.user_classes]
    crowd = gathered(classes, config.users, config.shape, config.seed)
    stage = ClosedLoop(config, crowd, service_of)
    install_hooks(stage, config.host_url, fail)
    return stage


class _Cast:
    """Connects this process' part to Locust and to the director."""

    def __init__(self, environment: Any, playing: Stage) -> None:
        self._environment = environment
        self._playing = playing
        self._written = False

    def listen(self) -> None:
        """Register for Locust's events and the director's messages."""
        on, runner = self._environment.events, self._environment.runner
        on.request.add_listener(self._on_request)
        on.spawning_complete.add_listener(lambda **_: gevent.spawn(self._report_ready))
        on.quitting.add_listener(self._when_quitting)
        runner.register_message(GO, self._on_go)
        runner.register_message(STOP, lambda msg, **_: self._playing.stop(msg.data["at_s"], msg.data["grace_s"]))

    def _process(self) -> str:
        runner = self._environment.runner
        return f"worker-{runner.worker_index}" if isinstance(runner, WorkerRunner) else "local"

    def _on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None,
        context: dict[str, Any],
        response: Any = None,
        **_: Any,
    ) -> None:
        stamp: Stamp | None = context.get(STAMP_KEY)
        if stamp is None or stamp not in self._playing.in_flight:
            return
        self._playing.in_flight.discard(stamp)
        status = int(getattr(response, "status_code", 0) or 0)
        self._playing.recorder.add(
            action=stamp.action,
            step=stamp.step,
            service=stamp.service,
            name=name,
            intended_s=stamp.intended_s,
            sent_s=stamp.sent_s,
            finished_s=stamp.sent_s + response_time / 1000,
            status=status,
            error=None if exception is None else error_kind(status, exception, retry_after=_has_retry_after(response)),
        )

    def _report_ready(self) -> None:
        runner = self._environment.runner
        while sum(self._playing.enrolled.values()) < runner.user_count:
            gevent.sleep(0.02)
        try:
            self._playing.tidy()
        except ScaleproofError as error:
            fail(error.message, error.hint, error.exit_code)
            return
        runner.send_message(READY, dict(self._playing.enrolled))

    def _on_go(self, msg: Any, **_: Any) -> None:
        self._playing.go(msg.data["started_at"], msg.data["offsets"])
        gevent.spawn(self._conduct)

    def _conduct(self) -> None:
        self._playing.conduct(self._process())
        self._written = True
        self._environment.runner.send_message(FINISHED, {"process": self._process()})

    def _when_quitting(self, **_: Any) -> None:
        if not self._written:
            self._playing.write(self._process())


class _Director:
    """Starts and ends the load of all players."""

    def __init__(self, environment: Any, config: LoadConfig) -> None:
        self._environment = environment
        self._config = config
        self._folder = Path(config.folder)
        self._ready: dict[str, dict[str, int]] = {}
        self._finished: set[str] = set()
        self._end_s = config.shape.duration_seconds
        self._grace_s = config.grace_seconds

    def listen(self) -> None:
        """Register for the players' messages."""
        runner = self._environment.runner
        runner.register_message(READY, self._on_ready)
        runner.register_message(FINISHED, self._on_finished)
        gevent.spawn(self._watch_before_start)

    def _on_ready(self, msg: Any, **_: Any) -> None:
        self._ready[msg.node_id] = msg.data
        if sum(sum(counts.values()) for counts in self._ready.values()) < self._config.users:
            return
        started_at = time.time() + START_DELAY_SECONDS
        offsets: dict[str, int] = {}
        for node, counts in sorted(self._ready.items()):
            self._environment.runner.send_message(GO, {"started_at": started_at, "offsets": dict(offsets)}, node)
            for journey, count in counts.items():
                offsets[journey] = offsets.get(journey, 0) + count
        write_signal(self._folder, STARTED_FILE, {"started_at": started_at, "players": len(self._ready)})
        gevent.spawn(self._direct, started_at)

    def _on_finished(self, msg: Any, **_: Any) -> None:
        self._finished.add(msg.data["process"])

    def _watch_before_start(self) -> None:
        while read_signal(self._folder, STARTED_FILE) is None:
            gevent.sleep(0.2)
            if read_signal(self._folder, STOP_FILE) is not None:
                self._environment.runner.quit()
                return

    def _direct(self, started_at: float) -> None:
        stopped = False
        second = 1.0
        while len(self._finished) < len(self._ready):
            gevent.sleep(0.1)
            now_s = time.time() - started_at
            order = None if stopped else read_signal(self._folder, STOP_FILE)
            if order is not None:
                stopped = True
                self._end_s, self._grace_s = min(self._end_s, order["at_s"]), order["grace_s"]
                for node in self._ready:
                    self._environment.runner.send_message(STOP, {"at_s": self._end_s, "grace_s": self._grace_s}, node)
            if isinstance(self._environment.runner, MasterRunner) and now_s >= second:
                append_line(self._folder, "master", own_cost(now_s))
                second = float(int(now_s) + 1)
            if now_s > self._end_s + self._grace_s + LAST_WORD_SECONDS:
                break
        missing = len(self._ready) - len(self._finished)
        write_signal(self._folder, FINISHED_FILE, {"ended_s": self._end_s, "missing_players": missing})
        self._environment.runner.quit()


def _has_retry_after(response: Any) -> bool:
    headers = getattr(response, "headers", None)  # None where nothing was answered
    return headers is not None and "retry-after" in headers


def _allow_open_files(users: int, connections: int) -> None:
    """So many connections a user, and room for the rest; the hard limit is checked before Locust is started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (1 + connections) * users + 1000
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _die_with(parent_pid: int | None) -> None:
    """Have the kernel end this process when its parent dies, however that dies (prctl(2), PR_SET_PDEATHSIG)."""
    if parent_pid is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(int(ExitCode.INTERRUPTED))
