"""A Locust process' part in a load: users who enrol, one clock, one record, a status line a second."""

from __future__ import annotations

import gc
import time
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path

import gevent
import numpy as np
from gevent.event import Event
from numpy.typing import NDArray

from scaleproof.load.config import LoadConfig
from scaleproof.load.given import given
from scaleproof.load.recorder import Recorder
from scaleproof.load.stamp import Stamp
from scaleproof.load.status import ServiceLine, StatusLine, append_line


class Stage(ABC):
    """What every process with users does, whatever its users do: a subclass gives them something to do.

    A spawned user enrols and waits; `go` gives each one a user of the load's own numbering, of the same class. Which one is the same
    in every process: the users of a class, shuffled by the seed, are handed out in the order of the processes.
    """

    def __init__(self, config: LoadConfig) -> None:
        self.config = config
        self.recorder = Recorder()
        self.in_flight: set[Stamp] = set()
        self.enrolled: Counter[str] = Counter()
        self.horizon_s = config.shape.duration_seconds
        self.grace_s = config.grace_seconds
        self._thresholds = {name: service.slo.latency_seconds for name, service in config.platform.services.items()}
        self._started = Event()
        self._zero = 0.0

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Users per class: how many of each Locust must spawn in all processes together."""

    @abstractmethod
    def over(self) -> bool:
        """Nothing is left to be done, or the grace is over."""

    @abstractmethod
    def _seat(self, offsets: dict[str, int]) -> None:
        """Hand out the users; `offsets` says per class how many of them other processes play before this one's."""

    def now_s(self) -> float:
        """Seconds since the start of the load."""
        return time.perf_counter() - self._zero

    def tidy(self) -> None:
        """What is done between the spawning and the start, so that it does not fall into the load. Raises BadInputError as `given`."""
        np.quantile(np.zeros(2), 0.95)  # numpy loads it on first use: 50 ms that would fall into the first second
        given()  # as would reading ten thousand sessions
        gc.collect()
        gc.freeze()

    def go(self, started_at: float, offsets: dict[str, int]) -> None:
        """Start at the Unix time `started_at`; `offsets` as in `_seat`."""
        self._zero = time.perf_counter() + (started_at - time.time())
        self._seat(offsets)
        self._started.set()

    def stop(self, at_s: float, grace_s: float) -> None:
        """Begin nothing at `at_s` or later; wait at most `grace_s` seconds for what was begun earlier."""
        self.horizon_s, self.grace_s = min(self.horizon_s, at_s), grace_s

    def conduct(self, process: str) -> None:
        """Write a status line a second until all is done or the grace is over, then write the record."""
        folder = Path(self.config.folder)
        self._started.wait()
        gevent.sleep(max(0.0, -self.now_s()))
        append_line(folder, process, own_cost(self.now_s()))
        row, second = 0, 1.0
        while not self.over():
            gevent.sleep(min(0.1, max(0.001, second - self.now_s())))
            gc.collect(0)  # every tenth of a second: what one second makes takes up to 40 ms
            if self.now_s() >= second:
                completed, errors, p95_s = self.recorder.recent(row)
                services = self.recorder.recent_by_service(row, self._thresholds)
                row += completed
                append_line(folder, process, own_cost(self.now_s(), completed, errors, known(p95_s), services))
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


def seats(class_of_user: NDArray[np.int32], index: int, seed: int, first: int, count: int) -> NDArray[np.int64]:
    """The users of the class `index`, shuffled by the seed, from the `first` one on: `count` of them, or as many as there are."""
    users = np.flatnonzero(class_of_user == index)
    np.random.default_rng([seed, index]).shuffle(users)
    return users[first : first + count]


def own_cost(
    now_s: float,
    completed: int = 0,
    errors: int = 0,
    p95_s: float | None = None,
    services: dict[str, ServiceLine] | None = None,
) -> StatusLine:
    """A status line with this process' CPU time and memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return StatusLine(
        now_s, time.process_time(), pages * 4096, completed=completed, errors=errors, p95_s=p95_s, services=services or {}
    )


def known(value: float) -> float | None:
    """The value; None for NaN, which JSON has no word for."""
    return value if value == value else None  # noqa: PLR0124  # NaN
