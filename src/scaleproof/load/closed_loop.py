"""Ordinary Locust users, played as they are. Each acts when its own `wait_time` is over: a closed loop, so nothing is drawn in advance.

A user whose answer is late asks later and less often, so a slow platform gets less load, and what it would have got meanwhile is nowhere
counted (coordinated omission). The run says so of itself. What can be counted from outside is: latency begins when the user's wait was
over, not when the generator got round to sending.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import gevent
from locust.exception import StopUser

from scaleproof.load.actions import Actions
from scaleproof.load.config import LoadConfig
from scaleproof.load.crowd import Crowd
from scaleproof.load.stage import Stage, seats
from scaleproof.load.stamp import NO_ACTION, Stamp
from scaleproof.load.visit import Visit, begin_visit, visit_of

logger = logging.getLogger(__name__)

ACTIONS_FILE: Final = "actions-{process}.parquet"


class ClosedLoop(Stage):
    """Lets the users that Locust spawned in this process come and go with the shape, and records what they ask for.

    `service_of`: the platform's service that serves a path.
    """

    def __init__(self, config: LoadConfig, crowd: Crowd, service_of: Callable[[str], str | None]) -> None:
        super().__init__(config)
        self.actions = Actions()
        self._crowd = crowd
        self._service_of = service_of
        self._seats: dict[str, Iterator[int]] = {}
        self._failures: Counter[str] = Counter()

    def counts(self) -> dict[str, int]:
        """Users per class."""
        return self._crowd.counts()

    def live(self, user: Any, run: Callable[[Any], None]) -> None:
        """The life of one spawned user: `run`, which is Locust's own, once for every stretch in which the shape has it there."""
        name = type(user).__name__
        self.enrolled[name] += 1
        self._started.wait()
        seat = next(self._seats[name], None)
        if seat is None:  # a process died and Locust spawned its users here: the load is without them
            return
        for start_s, end_s in self._crowd.stretches(seat):
            while (wait_s := start_s - self.now_s()) > 0:
                gevent.sleep(wait_s)
            if start_s >= self.horizon_s:
                return
            begin_visit(user, Visit(seat, name, end_s))
            try:
                run(user)
            except Exception as error:  # noqa: BLE001  # Locust has told of it; a user who could not start comes back with the shape
                self._note(name, error)

    def begin(self, user: Any, task: str) -> None:
        """The user's wait is over and its next task begins. Raises StopUser where it should have left."""
        visit = visit_of(user)
        if visit is None:
            return
        now_s = self.now_s()
        if now_s >= min(visit.end_s, self.horizon_s):
            raise StopUser
        visit.lateness_s = 0.0 if visit.due_s is None else max(0.0, now_s - visit.due_s)
        visit.task, visit.action, visit.step, visit.due_s = task, NO_ACTION, 0, None

    def wait(self, user: Any, seconds: float, sleep: Callable[[float], None]) -> None:
        """Sleep so long, but leave with the shape: raises StopUser then."""
        visit = visit_of(user)
        if visit is None:
            sleep(seconds)
            return
        due_s = self.now_s() + max(0.0, seconds)
        leaves_s = min(visit.end_s, self.horizon_s)
        if due_s >= leaves_s:
            sleep(max(0.0, leaves_s - self.now_s()))
            raise StopUser
        sleep(seconds)
        visit.due_s = due_s

    def stamp(self, user: Any, name: str, path: str) -> Stamp | None:
        """The stamp of a request that is sent now; None for one that is no part of the load: before its start or after its end."""
        visit, now_s = visit_of(user), self.now_s()
        if visit is None or now_s >= self.horizon_s:
            return None
        service = self._service_of(path) or ""
        intended_s = now_s
        if visit.action == NO_ACTION:
            intended_s = now_s - visit.lateness_s
            visit.action = self.actions.add(
                user=visit.user, intended_s=intended_s, journey=visit.journey, task=visit.task, service=service
            )
        stamp = Stamp(visit.action, visit.step, service, name, intended_s, now_s)
        visit.step += 1
        self.in_flight.add(stamp)
        return stamp

    def over(self) -> bool:
        """The load's end has come, and so have the answers, or the grace is over."""
        now_s = self.now_s()
        return now_s >= self.horizon_s and (not self.in_flight or now_s >= self.horizon_s + self.grace_s)

    def write(self, process: str) -> None:
        """Write both records."""
        # The requests come second: whoever sees them finds the actions they belong to.
        self.actions.write(Path(self.config.folder) / ACTIONS_FILE.format(process=process))
        super().write(process)

    def _seat(self, offsets: dict[str, int]) -> None:
        for index, name in enumerate(self._crowd.names):
            mine = seats(self._crowd.class_of_user, index, self.config.seed, offsets.get(name, 0), self.enrolled[name])
            self._seats[name] = iter(mine.tolist())

    def _note(self, name: str, error: Exception) -> None:
        self._failures[name] += 1
        if self._failures[name] == 1:
            logger.warning("%s could not go on: %s: %s (said once)", name, type(error).__name__, error)
