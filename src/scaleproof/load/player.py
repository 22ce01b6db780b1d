"""A Locust process' share of the schedule, played in time: seats for its users, one clock, one record."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import numpy as np
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from scaleproof.load.config import LoadConfig
from scaleproof.load.recorder import Recorder
from scaleproof.load.schedule import Schedule
from scaleproof.load.stamp import Stamp
from scaleproof.load.status import StatusLine, append_line

logger = logging.getLogger(__name__)

LOGINS_AT_ONCE = 20
NO_ACTION = -1


class Player:
    """Plays the actions of the users that Locust spawned in this process.

    A spawned user enrols and waits; `go` gives each one a user of the schedule with the same journey. Which one is the same in
    every process: the schedule's users of a journey, shuffled by the seed, are handed out in the order of the processes.
    """

    def __init__(self, config: LoadConfig, schedule: Schedule) -> None:
        self.config = config
        self.recorder = Recorder()
        self.in_flight: set[Stamp] = set()
        self.enrolled: Counter[str] = Counter()
        self.logins = BoundedSemaphore(LOGINS_AT_ONCE)
        self.horizon_s = config.shape.duration_seconds
        self.grace_s = config.grace_seconds
        self.task_errors: Counter[str] = Counter()
        self._schedule = schedule
        self._names = [journey.name for journey in schedule.journeys]
        order = np.argsort(schedule.user, kind="stable").astype(np.int32)
        self._actions = order
        self._bounds = np.searchsorted(schedule.user[order], np.arange(config.users + 1))
        self._seats: dict[str, Iterator[int]] = {}
        self._mine_s = np.zeros(0)
        self._finished_actions = 0
        self._started = Event()
        self._zero = 0.0

    def counts(self) -> dict[str, int]:
        """Users of the schedule per journey: how many of each class Locust must spawn in all processes together."""
        found = np.bincount(self._schedule.journey_of_user, minlength=len(self._names))
        return {name: int(count) for name, count in zip(self._names, found, strict=True)}

    def now_s(self) -> float:
        """Seconds since the start of the load."""
        return time.perf_counter() - self._zero

    def tidy(self) -> None:
        """Take the spawned users out of garbage collection, and collect often (`conduct`) instead of by allocations.

        An automatic collection looks at everything that thousands of waiting requests hold: pauses of 0.1 to 0.2 s in overload.
        """
        np.quantile(np.zeros(2), 0.95)  # numpy loads it on first use: 50 ms that would fall into the first second
        gc.collect()
        gc.freeze()
        gc.disable()

    def go(self, started_at: float, offsets: dict[str, int]) -> None:
        """Start at the Unix time `started_at`; `offsets` says per journey how many users other processes play before this one's."""
        self._zero = time.perf_counter() + (started_at - time.time())
        mine = np.zeros(self.config.users, dtype=bool)
        for index, name in enumerate(self._names):
            users = np.flatnonzero(self._schedule.journey_of_user == index)
            np.random.default_rng([self.config.seed, index]).shuffle(users)
            first = offsets.get(name, 0)
            share = users[first : first + self.enrolled[name]]
            mine[share] = True
            self._seats[name] = iter(share.tolist())
        self._mine_s = self._schedule.intended_s[mine[self._schedule.user]]
        self._started.set()

    def stop(self, at_s: float, grace_s: float) -> None:
        """Begin no action that is intended at `at_s` or later; wait at most `grace_s` seconds for the earlier ones."""
        self.horizon_s, self.grace_s = min(self.horizon_s, at_s), grace_s

    def play(self, user: Any) -> None:
        """The life of one spawned user; returns after its last action."""
        name = type(user).__name__
        self.enrolled[name] += 1
        self._started.wait()
        seat = next(self._seats[name], None)
        if seat is None:  # a process died and Locust spawned its users here: their actions count as never sent
            return
        rows = self._actions[self._bounds[seat] : self._bounds[seat + 1]]
        tasks = self._schedule.journeys[self._schedule.journey_of_user[seat]].tasks
        for action, intended_s, task in zip(
            rows.tolist(), self._schedule.intended_s[rows].tolist(), self._schedule.task[rows].tolist(), strict=True
        ):
            while (wait_s := intended_s - self.now_s()) > 0:
                gevent.sleep(wait_s)
            if intended_s >= self.horizon_s:
                return
            user.begin(action, intended_s, tasks[task].service)
            try:
                getattr(user, tasks[task].name)()
            except Exception as error:  # noqa: BLE001  # a task that fails must not end its user
                self._note(user, tasks[task].name, error)
            finally:
                self._finished_actions += 1

    def conduct(self, process: str) -> None:
        """Write a status line a second until the share is played or its grace is over, then write the record."""
        folder = Path(self.config.folder)
        self._started.wait()
        gevent.sleep(max(0.0, -self.now_s()))
        append_line(folder, process, own_cost(self.now_s()))
        row, second = 0, 1.0
        while not self._over():
            gevent.sleep(min(0.1, max(0.001, second - self.now_s())))
            gc.collect(0)  # every tenth of a second: what one second makes takes up to 40 ms
            if self.now_s() >= second:
                completed, errors, p95_s = self.recorder.recent(row)
                row += completed
                line = own_cost(self.now_s(), completed=completed, errors=errors, p95_s=p95_s if p95_s == p95_s else None)  # noqa: PLR0124  # NaN
                append_line(folder, process, line)
                second = float(int(self.now_s()) + 1)
        self.write(process)

    def write(self, process: str) -> None:
        """Write the record; requests that are still without an answer are `unfinished`."""
        for stamp in list(self.in_flight):
            self.recorder.add(
                action=stamp.action,
                step=stamp.step,
                service=stamp.service,
                name=stamp.name,
                intended_s=stamp.intended_s,
                sent_s=stamp.sent_s,
                finished_s=float("nan"),
                status=0,
                error="unfinished",
            )
        self.in_flight.clear()
        self.recorder.write(Path(self.config.folder) / f"requests-{process}.parquet")

    def _over(self) -> bool:
        now_s = self.now_s()
        if now_s < self.horizon_s:
            return False
        return now_s >= self.horizon_s + self.grace_s or self._finished_actions >= int(np.sum(self._mine_s < self.horizon_s))

    def _note(self, user: Any, task: str, error: Exception) -> None:
        where = f"{type(user).__name__}.{task}"
        self.task_errors[where] += 1
        if self.task_errors[where] == 1:
            logger.warning("%s raised %s: %s (said once)", where, type(error).__name__, error)
        user.environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)


def own_cost(now_s: float, completed: int = 0, errors: int = 0, p95_s: float | None = None) -> StatusLine:
    """A status line with this process' CPU time and memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return StatusLine(now_s, time.process_time(), pages * 4096, completed=completed, errors=errors, p95_s=p95_s)
