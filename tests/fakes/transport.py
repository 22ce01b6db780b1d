"""A dependency by script, and the time in which it answers: nothing waits for real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.common.http_client.clock import Clock
from services.common.http_client.exchange import Asked, AttemptError, Reply

Outcome = Reply | AttemptError
OK = Reply(200, b"{}", {})


class FakeTime:
    """A clock that moves only where somebody waits."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.clock = Clock(now=lambda: self.now, unix=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeTransport:
    """Answers as `outcome` says of the attempt's number (from 1), after `seconds`."""

    time: FakeTime
    outcome: Callable[[int], Outcome] = lambda _number: OK
    seconds: float = 0.01
    sent: list[tuple[float, Asked, dict[str, str], float]] = field(default_factory=list)
    """When, what, with which headers, how long it may take."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def send(self, asked: Asked, headers: Mapping[str, str], *, seconds_left: float) -> Reply:
        self.sent.append((self.time.now, asked, dict(headers), seconds_left))
        outcome = self.outcome(len(self.sent))
        self.time.now += self.seconds
        if isinstance(outcome, AttemptError):
            raise outcome
        return outcome


def in_order(*outcomes: Outcome) -> Callable[[int], Outcome]:
    """These one after the other, the last one for ever."""
    return lambda number: outcomes[min(number, len(outcomes)) - 1]
