"""The runtime's own metrics port in a thread, with what a test says that a platform saw."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from scaleproof.runtime.metrics_history import SLOT_SECONDS, Counted, MetricsHistory, Seen
from scaleproof.runtime.metrics_port import MetricsPort

LIMIT_SECONDS = 30
BOUNDS = (0.05, 0.1, 0.2, float("inf"))


def recorded(now: float, *, slots: int = 240) -> MetricsHistory:
    """A history that ends now: orders was scaled up from one to four, answers one request in twenty with an error, and grows slower; nobody
    asked the dashboard."""
    history = MetricsHistory(now - slots * SLOT_SECONDS)
    answers, failures, slow = 0, 0, 0
    for index in range(slots):
        answers, failures, slow = answers + 300, failures + 15, slow + index
        buckets = tuple(zip(BOUNDS, (0, answers - slow, answers, answers), strict=True))
        replicas = 1 + 3 * (index >= slots // 2)
        seen = {"orders": Seen(replicas, replicas, Counted(answers, failures, buckets)), "dashboard": Seen(1, 1, Counted())}
        history.record(now - (slots - 1 - index) * SLOT_SECONDS, seen)
    return history


@contextmanager
def served(history: MetricsHistory, clock: Callable[[], float]) -> Iterator[str]:
    """The port's address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(LIMIT_SECONDS)

    port = MetricsPort(history, clock)
    try:
        run(port.start())
        yield port.url
    finally:
        run(port.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LIMIT_SECONDS)
        loop.close()
