"""The schedule's actions, each played at its time by a user of this process."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import gevent
import numpy as np
from gevent.lock import BoundedSemaphore
from gevent.pool import Group

from scaleproof.load.config import LoadConfig
from scaleproof.load.journeys import Task
from scaleproof.load.schedule import Schedule
from scaleproof.load.stage import Stage, seats

logger = logging.getLogger(__name__)

LOGINS_AT_ONCE = 20

_Due = tuple[float, int, Task]
"""An action of one user: its intended time, its number, and what is done."""


class Player(Stage):
    """Plays the share of the schedule that falls to the users that Locust spawned in this process."""

    def __init__(self, config: LoadConfig, schedule: Schedule) -> None:
        super().__init__(config)
        self.logins = BoundedSemaphore(LOGINS_AT_ONCE)
        self.task_errors: Counter[str] = Counter()
        self._schedule = schedule
        self._names = [journey.name for journey in schedule.journeys]
        order = np.argsort(schedule.user, kind="stable").astype(np.int32)
        self._actions = order
        self._bounds = np.searchsorted(schedule.user[order], np.arange(config.users + 1))
        self._seats: dict[str, Iterator[int]] = {}
        self._mine_s = np.zeros(0)
        self._finished_actions = 0

    def counts(self) -> dict[str, int]:
        """Users of the schedule per journey."""
        found = np.bincount(self._schedule.journey_of_user, minlength=len(self._names))
        return {name: int(count) for name, count in zip(self._names, found, strict=True)}

    def tidy(self) -> None:
        """Take the spawned users out of garbage collection, and collect often (`conduct`) instead of by allocations.

        An automatic collection looks at everything that thousands of waiting requests hold: pauses of 0.1 to 0.2 s in overload.
        """
        super().tidy()
        gc.disable()

    def play(self, user: Any) -> None:
        """The life of one spawned user; returns after its last action."""
        name = type(user).__name__
        self.enrolled[name] += 1
        self._started.wait()
        seat = next(self._seats[name], None)
        if seat is None:  # a process died and Locust spawned its users here: their actions count as never sent
            return
        user.number = seat
        rows = self._actions[self._bounds[seat] : self._bounds[seat + 1]]
        tasks = self._schedule.journeys[self._schedule.journey_of_user[seat]].tasks
        actions = zip(
            self._schedule.intended_s[rows].tolist(),
            rows.tolist(),
            (tasks[each] for each in self._schedule.task[rows].tolist()),
            strict=True,
        )
        for intended_s, moment in groupby(actions, key=itemgetter(0)):
            while (wait_s := intended_s - self.now_s()) > 0:
                gevent.sleep(wait_s)
            if intended_s >= self.horizon_s:
                return
            first, *others = moment
            if others:
                self._act_together(user, [first, *others])
            else:
                self._act(user, first)

    def _act(self, user: Any, due: _Due) -> None:
        intended_s, action, task = due
        user.begin(action, intended_s, task.service)
        try:
            getattr(user, task.name)()
        except Exception as error:  # noqa: BLE001  # a task that fails must not end its user
            self._note(user, task.name, error)
        finally:
            self._finished_actions += 1

    def _act_together(self, user: Any, moment: list[_Due]) -> None:
        """All of them at once; over when the last one is."""
        group = Group()
        try:
            for due in moment:
                group.spawn(self._act, user, due)
            group.join()
        finally:
            group.kill()  # where the user itself is ended meanwhile

    def over(self) -> bool:
        """The share is played, or its grace is over."""
        now_s = self.now_s()
        if now_s < self.horizon_s:
            return False
        return now_s >= self.horizon_s + self.grace_s or self._finished_actions >= int(np.sum(self._mine_s < self.horizon_s))

    def _seat(self, offsets: dict[str, int]) -> None:
        mine = np.zeros(self.config.users, dtype=bool)
        for index, name in enumerate(self._names):
            share = seats(self._schedule.journey_of_user, index, self.config.seed, offsets.get(name, 0), self.enrolled[name])
            mine[share] = True
            self._seats[name] = iter(share.tolist())
        self._mine_s = self._schedule.intended_s[mine[self._schedule.user]]

    def _note(self, user: Any, task: str, error: Exception) -> None:
        where = f"{type(user).__name__}.{task}"
        self.task_errors[where] += 1
        if self.task_errors[where] == 1:
            logger.warning("%s raised %s: %s (said once)", where, type(error).__name__, error)
        user.environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
