"""Both levels together, on a clock that stands still. Two replicas share a Redis of the tests."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
from pydantic import BaseModel

from fakes.shared_memory_cache import Clock, FakeNews, FakeRemote, SharedMemory
from services.common.cache.cacheable import Cacheable
from services.common.cache.local import UNHEARD_SECONDS
from services.common.cache.ports import Absent, Lease
from services.common.cache.tiered import REFRESH_SECONDS, WAIT_SECONDS, TieredCache
from services.common.metrics import Metrics


class Price(BaseModel):
    cents: int


PRICES = Cacheable(name="prices", schema=Price, fresh_seconds=10, stale_seconds=20, negative_seconds=3)
NO_NEGATIVES = Cacheable(name="prices", schema=Price, fresh_seconds=10)


class Origin:
    """What is cached, and how often it was asked for."""

    def __init__(self) -> None:
        self.value: bytes | None = b"1"
        self.calls = 0
        self.asked = asyncio.Event()
        self.error: Exception | None = None

    async def load(self) -> bytes | None:
        self.calls += 1
        self.asked.set()
        value = self.value
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return value


class Replica:
    """A cache with its news and metrics."""

    def __init__(self, memory: SharedMemory) -> None:
        self.metrics = Metrics()
        self.news = FakeNews(memory)
        self.remote = FakeRemote(memory)
        self.cache = TieredCache(self.remote, self.news, metrics=self.metrics, clock=memory.clock, sleep=memory.clock.sleep)

    async def read(self, origin: Origin, key: str = "7", *, scope: str = "all", what: Cacheable = PRICES) -> bytes | None:
        return await self.cache.get_or_load(what, key, origin.load, scope=scope, tags=("tag-" + key,))

    def results(self) -> dict[str, int]:
        found = {}
        for line in self.metrics.exposition().decode().splitlines():
            if line.startswith("cache_lookups_total{"):
                found[line.split('result="')[1].split('"')[0]] = round(float(line.split()[-1]))
        return found


class World:
    """Two connected replicas and an origin."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.memory = SharedMemory(self.clock)
        self.origin = Origin()
        self.one, self.two = Replica(self.memory), Replica(self.memory)

    async def open(self) -> World:
        for replica in (self.one, self.two):
            await replica.cache.open()
            replica.news.connect()
        return self

    async def advance(self, seconds: float) -> None:
        """Time passes, the news arrives."""
        self.clock.now += seconds
        for replica in (self.one, self.two):
            replica.news.deliver()

    @staticmethod
    async def let_the_background_run() -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def test_first_from_the_origin_then_from_redis_then_from_the_process():
    async def timeline() -> None:
        world = await World().open()
        for replica in (world.one, world.two, world.one, world.two):
            assert await replica.read(world.origin) == b"1"
        assert world.origin.calls == 1
        assert world.one.results() == {"miss": 1, "hit_l1": 1}
        assert world.two.results() == {"hit_l2": 1, "hit_l1": 1}

    asyncio.run(timeline())


def test_what_was_changed_is_seen_by_the_writer_at_once_and_by_others_with_the_message():
    async def timeline() -> None:
        world = await World().open()
        for replica in (world.one, world.two):
            await replica.read(world.origin)
        world.origin.value = b"2"
        await world.one.cache.invalidate(tags=["tag-7"])
        assert await world.one.read(world.origin) == b"2"
        assert await world.two.read(world.origin) == b"1"
        await world.advance(0.1)
        assert await world.two.read(world.origin) == b"2"
        assert world.origin.calls == 2

    asyncio.run(timeline())


@pytest.mark.parametrize("by", ["key", "tag", "everything"])
def test_each_way_of_invalidating_drops_both_levels_and_nothing_else(by: str):
    async def timeline() -> None:
        world = await World().open()
        for key in ("7", "8"):
            await world.two.read(world.origin, key)
        world.origin.value = b"2"
        if by == "key":
            await world.one.cache.invalidate(keys=[PRICES.key("7", scope="all")])
        elif by == "tag":
            await world.one.cache.invalidate(tags=["tag-7"])
        else:
            await world.one.cache.clear()
        await world.advance(0.1)
        assert await world.two.read(world.origin, "7") == b"2"
        assert await world.two.read(world.origin, "8") == (b"2" if by == "everything" else b"1")

    asyncio.run(timeline())


def test_a_stale_entry_is_served_while_one_load_refreshes_it():
    async def timeline() -> None:
        world = await World().open()
        await world.one.read(world.origin)
        world.origin.value = b"2"
        await world.advance(9.9)
        assert await world.one.read(world.origin) == b"1", "fresh"
        await world.advance(0.2)
        answers = [await world.one.read(world.origin) for _ in range(5)]
        assert answers[0] == b"1", "stale, but at once"
        await world.let_the_background_run()
        assert await world.one.read(world.origin) == b"2"
        assert world.origin.calls == 2
        results = world.one.results()
        assert (results["refresh"], results["miss"]) == (1, 1)

    asyncio.run(timeline())


def test_a_refresh_by_another_replica_is_enough():
    async def timeline() -> None:
        world = await World().open()
        for replica in (world.one, world.two):
            await replica.read(world.origin)
        world.origin.value = b"2"
        await world.advance(10.1)
        for replica in (world.one, world.two):
            assert await replica.read(world.origin) == b"1"
            await world.let_the_background_run()
        assert await world.two.read(world.origin) == b"2"
        assert world.origin.calls == 2

    asyncio.run(timeline())


def test_a_replica_that_finds_it_stale_in_redis_serves_and_refreshes_it_too():
    async def timeline() -> None:
        world = await World().open()
        await world.one.read(world.origin)
        world.origin.value = b"2"
        await world.advance(10.1)
        assert await world.two.read(world.origin) == b"1"
        await world.let_the_background_run()
        assert world.two.results() == {"stale": 1, "refresh": 1}
        assert await world.two.read(world.origin) == b"2"

    asyncio.run(timeline())


def test_after_its_stale_time_it_is_gone():
    async def timeline() -> None:
        world = await World().open()
        await world.one.read(world.origin)
        world.origin.value = b"2"
        await world.advance(30.0)
        assert await world.one.read(world.origin) == b"2"
        assert world.one.results() == {"miss": 2}

    asyncio.run(timeline())


def test_a_failing_refresh_is_tried_once_a_second_and_nobody_sees_it():
    async def timeline() -> None:
        world = await World().open()
        await world.one.read(world.origin)
        world.origin.error = ConnectionError()
        await world.advance(10.1)
        for _ in range(5):
            assert await world.one.read(world.origin) == b"1"
            await world.let_the_background_run()
        assert world.origin.calls == 2
        await world.advance(REFRESH_SECONDS)
        assert await world.one.read(world.origin) == b"1"
        await world.let_the_background_run()
        assert world.origin.calls == 3

    asyncio.run(timeline())


def test_that_there_is_nothing_is_remembered_for_its_own_time():
    async def timeline() -> None:
        world = await World().open()
        world.origin.value = None
        for replica in (world.one, world.two, world.one):
            assert await replica.read(world.origin) is None
        assert world.origin.calls == 1
        await world.advance(3.0)
        world.origin.value = b"1"
        assert await world.one.read(world.origin) == b"1"

    asyncio.run(timeline())


def test_that_there_is_nothing_is_not_remembered_where_nobody_asked_for_it():
    async def timeline() -> None:
        world = await World().open()
        world.origin.value = None
        for _ in range(3):
            assert await world.one.read(world.origin, what=NO_NEGATIVES) is None
        assert world.origin.calls == 3
        assert world.memory.leases == {}, "each gave its lease back"

    asyncio.run(timeline())


def test_an_error_of_the_origin_is_raised_and_the_next_one_may_load():
    async def timeline() -> None:
        world = await World().open()
        world.origin.error = ConnectionError()
        with pytest.raises(ConnectionError):
            await world.one.read(world.origin)
        world.origin.error = None
        assert await world.two.read(world.origin) == b"1", "the lease was given back"

    asyncio.run(timeline())


def test_what_one_may_see_is_not_served_to_another():
    async def timeline() -> None:
        world = await World().open()
        assert await world.one.read(world.origin, scope="staff") == b"1"
        world.origin.value = b"yours"
        assert await world.one.read(world.origin, scope="customer-7") == b"yours"
        assert await world.one.read(world.origin, scope="staff") == b"1"

    asyncio.run(timeline())


def test_many_at_once_on_two_replicas_are_one_load():
    async def timeline() -> None:
        world = await World().open()
        reads = [replica.read(world.origin) for replica in (world.one, world.two) for _ in range(250)]
        assert set(await asyncio.gather(*reads)) == {b"1"}
        assert world.origin.calls == 1
        assert world.one.results() == {"miss": 1, "joined": 249}
        assert world.two.results() == {"hit_l2": 1, "joined": 249}

    asyncio.run(timeline())


def test_a_replica_that_dies_with_the_lease_delays_the_others_only_so_long():
    async def timeline() -> None:
        world = await World().open()
        key, tags = PRICES.key("7", scope="all"), ("tag-7",)
        assert isinstance(await world.one.remote.look_up(key, tags, PRICES.header), Lease)
        before = world.clock.now
        assert await world.two.read(world.origin) == b"1"
        assert WAIT_SECONDS <= world.clock.now - before < WAIT_SECONDS + 0.1
        assert world.memory.entries == {}, "without a lease nothing is filled"
        assert await world.one.remote.look_up(key, tags, PRICES.header) is Absent.HELD

    asyncio.run(timeline())


def test_a_load_that_began_before_a_write_is_kept_nowhere():
    async def timeline() -> None:
        world = await World().open()
        old = asyncio.create_task(world.two.read(world.origin))
        await world.origin.asked.wait()
        world.origin.value = b"2"  # the load has read 1 and is about to return it
        await world.one.cache.invalidate(tags=["tag-7"])
        world.two.news.deliver()
        await old
        for replica in (world.two, world.one):
            assert await replica.read(world.origin) == b"2"

    asyncio.run(timeline())


def test_who_asks_after_a_write_does_not_join_a_load_from_before():
    async def timeline() -> None:
        world = await World().open()
        old = asyncio.create_task(world.one.read(world.origin))
        await world.origin.asked.wait()
        world.origin.value = b"2"
        await world.one.cache.invalidate(tags=["tag-7"])
        assert await world.one.read(world.origin) == b"2"
        await old

    asyncio.run(timeline())


def test_without_news_the_process_believes_itself_for_four_seconds():
    async def timeline() -> None:
        world = await World().open()
        await world.two.read(world.origin)
        world.two.news.cut()
        world.origin.value = b"2"
        await world.one.cache.invalidate(tags=["tag-7"])
        world.clock.now += UNHEARD_SECONDS - 0.5
        assert await world.two.read(world.origin) == b"1"
        world.clock.now += 0.5
        assert await world.two.read(world.origin) == b"2"

    asyncio.run(timeline())


def test_when_the_news_comes_back_the_process_starts_empty():
    async def timeline() -> None:
        world = await World().open()
        await world.two.read(world.origin)
        world.two.news.cut()
        world.origin.value = b"2"
        await world.one.cache.invalidate(tags=["tag-7"])
        world.two.news.connect()
        assert await world.two.read(world.origin) == b"2"

    asyncio.run(timeline())


def test_without_redis_everything_is_served_and_said():
    async def timeline() -> None:
        world = await World().open()
        world.memory.fail()
        for _ in range(3):
            assert await world.one.read(world.origin) == b"1"
        assert world.one.results() == {"unavailable": 1, "hit_l1": 2}
        world.origin.value = b"2"
        await world.one.cache.invalidate(tags=["tag-7"])
        assert await world.one.read(world.origin) == b"2"

    asyncio.run(timeline())


def test_a_refresh_is_nobodys_request():
    """Neither its deadline nor its trace is that of whoever happened to find the entry stale."""
    request: ContextVar[str] = ContextVar("request", default="nobody's")
    seen: list[str] = []

    async def load() -> bytes:
        seen.append(request.get())
        return b"1"

    async def timeline() -> None:
        world = await World().open()
        request.set("somebody's")
        await world.one.cache.get_or_load(PRICES, "7", load, scope="all")
        await world.advance(10.1)
        await world.one.cache.get_or_load(PRICES, "7", load, scope="all")
        await world.let_the_background_run()
        assert seen == ["somebody's", "nobody's"]

    asyncio.run(timeline())
