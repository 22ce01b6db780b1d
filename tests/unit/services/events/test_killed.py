"""A relay and a consumer that are killed with SIGKILL between two steps: another one goes on, and the effect is the same."""

from __future__ import annotations

import asyncio
import signal

import psycopg
import pytest
from event_victim import end_of
from event_world import Reader, Shop, Stream, Thing, running, until
from service_processes import DataServer


@pytest.fixture
def handled_url(outbox_url: str) -> str:
    """With a table in which handlers leave their effect."""
    with psycopg.connect(outbox_url) as connection:
        connection.execute("CREATE TABLE shop.handled (id int PRIMARY KEY, times int NOT NULL DEFAULT 1)")
    return outbox_url


def test_a_relay_between_adding_and_marking(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        reader = Reader(events_redis.url, service)
        async with running(shop, reader):
            await shop.make(1, 2)
            assert await asyncio.to_thread(end_of, "relay", outbox_url, events_redis.url, service) == -signal.SIGKILL
            await shop.relay.relay()
            assert await stream.ids() == [1, 2], "the lease of the dead holds"
            assert await shop.rows("published_at IS NULL AND leased_until > now()") == 2
            await shop.run("UPDATE shop.outbox SET leased_until = now() - interval '1 second'")
            await shop.relay.relay()
            assert await stream.ids() == [1, 2, 1, 2]
            assert len({event.id for event in await stream.events()}) == 2, "the same events"
            await until(lambda: len(reader.handled) == 4)
            assert set(reader.handled) == {1, 2}
            assert await shop.rows("published_at IS NULL") == 0

    asyncio.run(timeline())


def test_a_consumer_between_handling_and_acknowledging(handled_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        shop, stream = Shop(handled_url, events_redis.url, service), Stream(events_redis.url, service)

        async def handle(thing: Thing) -> None:
            await shop.run(
                f"INSERT INTO shop.handled VALUES ({thing.id}) ON CONFLICT (id) DO UPDATE SET times = handled.times + 1"
            )

        other = Reader(events_redis.url, service, handle)
        async with running(shop):
            await shop.make(1, 2, 3)
            await shop.relay.relay()
            assert await asyncio.to_thread(end_of, "consumer", handled_url, events_redis.url, service) == -signal.SIGKILL
            assert await stream.pending() == 3
            async with running(other):
                await until(lambda: sorted(other.handled) == [1, 2, 3])
                await stream.all_acknowledged()
            with psycopg.connect(handled_url) as connection:
                assert connection.execute("SELECT id, times FROM shop.handled ORDER BY id").fetchall() == [
                    (1, 2),
                    (2, 1),
                    (3, 1),
                ]

    asyncio.run(timeline())
