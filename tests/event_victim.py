"""`python -m event_victim relay|consumer DATABASE_URL REDIS_URL SERVICE`: kills itself with SIGKILL at the worst moment.

A relay: its events are in the stream, and not yet marked. A consumer: an event is handled, and not yet acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import NoReturn

from event_world import Reader, Shop, Thing, running
from service_processes import ROOT, uncounted

from services.common.events.outbox import OutboxRepository


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class DiesBeforeMarking(OutboxRepository):
    async def mark(self, _batch: object) -> None:
        die()


async def relay(url: str, redis_url: str, service: str) -> None:
    shop = Shop(url, redis_url, service, DiesBeforeMarking)
    async with running(shop):
        await shop.relay.relay()


async def consume(url: str, redis_url: str, service: str) -> None:
    shop = Shop(url, redis_url, service)

    async def handle(thing: Thing) -> None:
        await shop.run(f"INSERT INTO shop.handled VALUES ({thing.id}) ON CONFLICT (id) DO UPDATE SET times = handled.times + 1")
        die()

    async with running(shop, Reader(redis_url, service, handle)):
        await asyncio.sleep(30)


def end_of(part: str, url: str, redis_url: str, service: str) -> int:
    """Run it to its end; the exit code, negative for a signal."""
    environment = {**uncounted(), "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    command = [sys.executable, "-m", "event_victim", part, url, redis_url, service]
    return subprocess.run(command, env=environment, cwd=ROOT, timeout=60, check=False).returncode


if __name__ == "__main__":
    asyncio.run((relay if sys.argv[1] == "relay" else consume)(*sys.argv[2:]))
