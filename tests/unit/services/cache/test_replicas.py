"""Replicas of a service with a real Redis between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cache_racer import NUMBERS, Settings, Tally, make_truth, race, results_of
from service_processes import DataServer, free_port

from fakes.mute_proxy import MuteProxy
from services.common.cache import local as local_module
from services.common.cache.tiered import TieredCache
from services.common.metrics import Metrics
from services.common.redis_connection import RedisConnection

SECONDS = 3.0


class Origin:
    def __init__(self, value: bytes = b"1") -> None:
        self.value = value
        self.calls = 0

    async def load(self) -> bytes:
        self.calls += 1
        value = self.value
        await asyncio.sleep(0.02)
        return value


class Replicas:
    """Caches of one service, and an origin behind them."""

    def __init__(self, url: str | None, service: str, number: int) -> None:
        self.origin = Origin()
        self.metrics = [Metrics() for _ in range(number)]
        self.caches = [TieredCache.connect(url, service=service, metrics=metrics) for metrics in self.metrics]

    def read(self, replica: int, key: str = "7"):
        return self.caches[replica].get_or_load(NUMBERS, key, self.origin.load, scope="all", tags=("tag",))

    def results(self, replica: int) -> dict[str, int]:
        return results_of(self.metrics[replica], "numbers")


@asynccontextmanager
async def listening(url: str | None, service: str, number: int) -> AsyncIterator[Replicas]:
    replicas = Replicas(url, service, number)
    for cache in replicas.caches:
        await cache.open()
    if url is not None:
        await until(lambda: all(cache._news.heard_until > 0 for cache in replicas.caches))
    try:
        yield replicas
    finally:
        for cache in replicas.caches:
            await cache.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  nothing tells when
            await asyncio.sleep(0.005)


def test_500_simultaneous_misses_on_four_replicas_are_one_call_of_the_origin(redis: DataServer):
    async def timeline() -> None:
        async with listening(redis.url, "herd", 4) as replicas:
            answers = await asyncio.gather(*(replicas.read(number % 4) for number in range(500)))
            assert set(answers) == {b"1"}
            assert replicas.origin.calls == 1

    asyncio.run(timeline())


def test_a_write_on_one_is_seen_on_all_within_a_moment(redis: DataServer):
    async def timeline() -> None:
        async with listening(redis.url, "moment", 3) as replicas:
            for number in range(3):
                await replicas.read(number)
            replicas.origin.value = b"2"
            await replicas.caches[0].invalidate(tags=["tag"])
            written_at = time.monotonic()
            assert await replicas.read(0) == b"2"
            for number in (1, 2):
                while await replicas.read(number) != b"2":
                    assert time.monotonic() - written_at < 1
                    await asyncio.sleep(0.001)

    asyncio.run(timeline())


def test_a_replica_whose_news_is_cut_off_starts_empty_when_it_hears_again(redis: DataServer):
    async def timeline() -> None:
        async with listening(redis.url, "cut", 2) as replicas:
            await replicas.read(1)
            connection = await RedisConnection.open(redis.url)
            before = replicas.caches[1]._news.heard_until
            await connection.ask("CLIENT", "KILL", "TYPE", "pubsub")
            replicas.origin.value = b"2"
            await replicas.caches[0].invalidate(tags=["tag"])
            await until(lambda: replicas.caches[1]._news.heard_until > before)
            assert await replicas.read(1) == b"2"
            connection.close()

    asyncio.run(timeline())


def test_redis_killed_while_reading_is_not_noticed_by_readers_and_comes_back_by_itself(redis: DataServer):
    async def timeline() -> None:
        async with listening(redis.url, "killed", 2) as replicas:
            done = False

            def through_redis() -> int:
                return replicas.results(0).get("miss", 0) + replicas.results(0).get("hit_l2", 0)

            async def keep_reading(replica: int) -> int:
                count = 0
                while not done:
                    assert await replicas.read(replica, str(count % 50)) == b"1"
                    count += 1
                    await asyncio.sleep(0)
                return count

            readers = [asyncio.create_task(keep_reading(number % 2)) for number in range(8)]
            await asyncio.sleep(0.2)
            redis.kill()
            await until(lambda: replicas.results(0).get("unavailable", 0) > 0)
            # Before it is back: all 50 keys may be known again by the time `start` has returned, and either replica may have loaded them.
            before = through_redis()
            await asyncio.to_thread(redis.start)
            await until(lambda: through_redis() > before)
            done = True
            assert min(await asyncio.gather(*readers)) > 10

    try:
        asyncio.run(timeline())
    finally:
        if not redis.server.is_ready():
            redis.start()


@pytest.mark.parametrize("url", [None, f"redis://127.0.0.1:{free_port()}"], ids=["none", "nobody listens"])
def test_without_redis_a_process_still_spares_its_origin(url: str | None):
    async def timeline() -> None:
        replicas = Replicas(url, "alone", 1)
        await replicas.caches[0].open()
        assert set(await asyncio.gather(*(replicas.read(0) for _ in range(50)))) == {b"1"}
        assert await replicas.read(0) == b"1"
        assert replicas.origin.calls == 1
        assert replicas.results(0) == {"unavailable": 1, "joined": 49, "hit_l1": 1}
        replicas.origin.value = b"2"
        await replicas.caches[0].invalidate(tags=["tag"])
        assert await replicas.read(0) == b"2"
        await replicas.caches[0].close()

    asyncio.run(timeline())


def run_race(url: str, news_url: str, file: Path, seconds: float = SECONDS) -> asyncio.Future[list[Tally]]:
    truth, starts_at = make_truth(file), time.monotonic() + 0.5
    return asyncio.gather(*(race(Settings(url, news_url, truth, number, 2, starts_at, seconds)) for number in range(2)))


def oldest(tallies: list[Tally]) -> float:
    return max((age for tally in tallies for age in tally.oldest_by_second.values()), default=0.0)


def test_in_a_race_of_writes_and_reads_nobody_reads_what_is_older_than_a_second(redis: DataServer, tmp_path: Path):
    async def timeline() -> list[Tally]:
        return await run_race(redis.url, redis.url, tmp_path / "truth")

    tallies = asyncio.run(timeline())
    assert oldest(tallies) < 1
    assert all(tally.reads > 500 and tally.writes > 20 and tally.errors == 0 for tally in tallies)
    assert sum(tally.loads for tally in tallies) < sum(tally.reads for tally in tallies) / 2, "the cache was used"


def test_with_the_news_cut_off_nobody_reads_what_is_older_than_the_process_believes_itself(
    redis: DataServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local_module, "UNHEARD_SECONDS", 1.5)  # for 4, the test would take three times as long

    async def timeline() -> list[Tally]:
        async with MuteProxy(redis.server.port) as proxy:
            racing = run_race(redis.url, proxy.url_like(redis.url), tmp_path / "truth", seconds=4.0)
            await asyncio.sleep(1.5)
            proxy.mute()
            return await racing

    tallies = asyncio.run(timeline())
    assert 0.2 < oldest(tallies) < 2.5, "cut off, hence older; but not much"
    assert sum(tally.errors for tally in tallies) == 0
