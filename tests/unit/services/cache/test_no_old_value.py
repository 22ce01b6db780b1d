"""Replicas, writes, lost messages, a dying Redis and time, in any order: how old may a value be that a reader gets?

The model is a dict of version numbers with the times at which each was written. Only invalidation can repair an entry: its own life is
longer than any history.
"""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pydantic import BaseModel

from fakes.shared_memory_cache import Clock, FakeNews, FakeRemote, SharedMemory
from services.common.cache.cacheable import Cacheable
from services.common.cache.local import UNHEARD_SECONDS, LocalCache
from services.common.cache.tiered import TieredCache
from services.common.metrics import Metrics


class Price(BaseModel):
    cents: int


PRICES = Cacheable(name="prices", schema=Price, fresh_seconds=1000, stale_seconds=1000, negative_seconds=1000)
KEYS = st.sampled_from(["a", "b"])
REPLICAS = st.integers(0, 1)


class Replicas(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.memory = SharedMemory(self.clock)
        self.written: dict[str, list[float]] = {key: [0.0] for key in "ab"}
        self.last_writer: dict[str, int] = {}
        self.news = [FakeNews(self.memory) for _ in range(2)]
        self.caches = [
            TieredCache(
                FakeRemote(self.memory),
                news,
                metrics=Metrics(),
                local=LocalCache(most_entries=3),
                clock=self.clock,
                sleep=self.clock.sleep,
            )
            for news in self.news
        ]
        for cache in self.caches:
            self.runner.run(cache.open())
        for news in self.news:
            news.connect()

    async def load(self, key: str, pauses: int) -> bytes | None:
        """As slow as it likes between reading and answering. The first version is that there is nothing."""
        version = len(self.written[key]) - 1
        for _ in range(pauses):
            await asyncio.sleep(0)
        return str(version).encode() if version else None

    async def read(self, replica: int, key: str, pauses: int) -> int:
        found = await self.caches[replica].get_or_load(
            PRICES, key, lambda: self.load(key, pauses), scope="all", tags=("of " + key, "all prices")
        )
        return int(found or b"0")

    async def write(self, replica: int, key: str, by: str) -> None:
        self.written[key].append(self.clock.now)
        self.last_writer[key] = replica
        if by == "key":
            await self.caches[replica].invalidate(keys=[PRICES.key(key, scope="all")])
        else:
            await self.caches[replica].invalidate(tags=["of " + key if by == "tag" else "all prices"])

    def check_read(self, replica: int, key: str, pauses: int = 0) -> None:
        asked_at, newest = self.clock.now, len(self.written[key]) - 1
        is_current = self.news[replica].is_current or self.last_writer.get(key) == replica
        version = self.runner.run(self.read(replica, key, pauses))
        if version < newest:
            age = asked_at - self.written[key][version + 1]
            assert age < UNHEARD_SECONDS, f"{age} s old"
            assert not is_current, "an old value in spite of all news, or of an own write"

    @rule(replica=REPLICAS, key=KEYS, pauses=st.integers(0, 5))
    def one_reads(self, replica: int, key: str, pauses: int) -> None:
        self.check_read(replica, key, pauses)

    @rule(key=KEYS)
    def all_read(self, key: str) -> None:
        for replica in range(len(self.caches)):
            self.check_read(replica, key)

    # A load that read before the write and answers after its message is rare among all orders, hence here on purpose.
    @rule(
        reader=REPLICAS,
        writer=REPLICAS,
        key=KEYS,
        pauses=st.integers(0, 20),
        by=st.sampled_from(["key", "tag", "all"]),
        meanwhile=st.sampled_from(["nothing", "message", "reconnection"]),
    )
    def one_reads_while_another_writes(self, reader: int, writer: int, key: str, pauses: int, by: str, meanwhile: str) -> None:
        async def write_and_tell() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            await self.write(writer, key, by)
            if meanwhile == "message":
                self.news[reader].deliver()
            elif meanwhile == "reconnection":
                self.news[reader].cut()
                self.news[reader].connect()

        async def race() -> None:
            await asyncio.gather(self.read(reader, key, pauses), write_and_tell())

        self.runner.run(race())
        self.check_read(reader, key)

    @rule(replica=REPLICAS, key=KEYS, by=st.sampled_from(["key", "tag", "all"]))
    def one_writes(self, replica: int, key: str, by: str) -> None:
        self.runner.run(self.write(replica, key, by))

    @rule(seconds=st.sampled_from([0.5, 2.0, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(replica=REPLICAS)
    def messages_arrive(self, replica: int) -> None:
        self.news[replica].deliver()

    @rule(replica=REPLICAS)
    def messages_are_lost(self, replica: int) -> None:
        self.news[replica].cut()

    @rule(replica=REPLICAS)
    def one_listens_again(self, replica: int) -> None:
        self.news[replica].connect()

    @rule()
    def redis_dies(self) -> None:
        self.memory.fail()

    @rule()
    def redis_comes_back(self) -> None:
        self.memory.is_up = True

    @rule(key=KEYS)
    def redis_evicts_an_entry_and_a_version(self, key: str) -> None:
        self.memory.entries.pop(PRICES.key(key, scope="all"), None)
        self.memory.versions.pop("of " + key, None)

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        """What is left behind in the background ends by itself."""

        async def settle() -> None:
            for _ in range(30):
                await asyncio.sleep(0)
            assert all(not cache._flights._tasks for cache in self.caches)

        self.runner.run(settle())

    def teardown(self) -> None:
        for cache in self.caches:
            self.runner.run(cache.close())
        self.runner.close()


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
