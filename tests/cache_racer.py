"""One replica in a race of writes and reads: how old is what readers get? `python -m cache_racer SETTINGS` is one as a process.

The truth is a file in shared memory: for each key the number of its newest version and when each version was written, by the clock that
all processes of a machine share. Reads go through the cache; a read that began when its version had been replaced for a while was stale
for that while. Only invalidation can repair an entry: its own life is longer than the race.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import BaseModel

from services.common.cache.cacheable import Cacheable
from services.common.cache.invalidation import Invalidations
from services.common.cache.link import RedisLink
from services.common.cache.remote import RemoteCache
from services.common.cache.tiered import TieredCache
from services.common.metrics import Metrics

KEYS = 8
MOST_VERSIONS = 20_000
READERS = 4


class Number(BaseModel):
    value: int


NUMBERS = Cacheable(name="numbers", schema=Number, fresh_seconds=600, stale_seconds=600)


def make_truth(file: Path) -> str:
    """All zeros, before the race."""
    file.write_bytes(bytes(8 * KEYS * MOST_VERSIONS))
    return str(file)


class Truth:
    """The newest version of each key and the times of all."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._numbers = memoryview(mmap.mmap(opened.fileno(), 0)).cast("d")

    def newest(self, key: int) -> int:
        return int(self._numbers[key * MOST_VERSIONS])

    def written_at(self, key: int, version: int) -> float:
        return self._numbers[key * MOST_VERSIONS + version]

    def write(self, key: int) -> None:
        version = self.newest(key) + 1
        self._numbers[key * MOST_VERSIONS + version] = time.monotonic()
        self._numbers[key * MOST_VERSIONS] = version


@dataclass
class Tally:
    reads: int = 0
    loads: int = 0
    writes: int = 0
    errors: int = 0
    results: dict[str, int] = field(default_factory=dict)
    oldest_by_second: dict[int, float] = field(default_factory=dict)
    """The worst staleness of reads that began in that second of the race."""


@dataclass(frozen=True)
class Settings:
    url: str
    news_url: str
    file: str
    replica: int
    replicas: int
    starts_at: float
    seconds: float


async def race(settings: Settings) -> Tally:
    truth, tally, draw = Truth(Path(settings.file)), Tally(), random.Random(settings.replica)
    remote, metrics = RemoteCache(RedisLink(settings.url), service="race"), Metrics()
    cache = TieredCache(remote, Invalidations(settings.news_url, remote.channel), metrics=metrics)
    await cache.open()
    await asyncio.sleep(settings.starts_at - time.monotonic())
    end = settings.starts_at + settings.seconds

    async def read_once(key: int) -> None:
        async def load() -> bytes:
            tally.loads += 1
            await asyncio.sleep(draw.random() * 0.003)
            version = truth.newest(key)
            await asyncio.sleep(draw.random() * 0.003)  # read, not yet answered: the race
            return str(version).encode()

        asked_at = time.monotonic()
        body = await cache.get_or_load(NUMBERS, str(key), load, scope="all", tags=(tag_of(key),))
        version = int(body or b"-1")
        tally.reads += 1
        if version < truth.newest(key):
            second = int(asked_at - settings.starts_at)
            age = asked_at - truth.written_at(key, version + 1)
            tally.oldest_by_second[second] = max(tally.oldest_by_second.get(second, 0.0), age)

    async def read() -> None:
        while time.monotonic() < end:
            try:
                await read_once(draw.randrange(KEYS))
            except Exception:  # noqa: BLE001  any error is what must not be
                tally.errors += 1
            await asyncio.sleep(draw.random() * 0.004)

    async def write() -> None:
        own = [key for key in range(KEYS) if key % settings.replicas == settings.replica]
        while time.monotonic() < end:
            key = draw.choice(own)
            truth.write(key)
            tally.writes += 1
            if draw.random() < 0.5:
                await cache.invalidate(keys=[NUMBERS.key(str(key), scope="all")])
            else:
                await cache.invalidate(tags=[tag_of(key)])
            await asyncio.sleep(0.02 + draw.random() * 0.08)

    await asyncio.gather(write(), *(read() for _ in range(READERS)))
    await cache.close()
    tally.results = results_of(metrics, "numbers")
    return tally


def tag_of(key: int) -> str:
    """Two keys share one, and they are of different writers."""
    return f"pair-{key // 2}"


def results_of(metrics: Metrics, cache: str) -> dict[str, int]:
    found = {}
    for line in metrics.exposition().decode().splitlines():
        if line.startswith(f'cache_lookups_total{{cache="{cache}"'):
            found[line.split('result="')[1].split('"')[0]] = round(float(line.split()[-1]))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(race(Settings(**json.loads(sys.argv[1])))))) + "\n")
