"""From the outbox to the stream: at least once, whoever dies and whatever Redis forgets."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from event_world import Shop, Stream, running, until
from service_processes import DataServer

from services.common.events import relay as relay_module


def test_the_change_and_its_event_are_one(outbox_url: str, service: str):
    async def timeline() -> None:
        shop = Shop(outbox_url, None, service)
        async with running(shop):
            await shop.make(1, 2)
            assert await shop.rows() == 2
            with pytest.raises(psycopg.errors.UniqueViolation):
                await shop.make(3, 2)
            assert await shop.rows() == 2, "what failed has left no event"

    asyncio.run(timeline())


def test_what_waits_is_published_once_and_marked(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        first, second = Shop(outbox_url, events_redis.url, service), Shop(outbox_url, events_redis.url, service)
        stream = Stream(events_redis.url, service)
        async with running(first, second):
            await first.relay.relay()
            await first.make(*range(350))
            await asyncio.gather(first.relay.relay(), second.relay.relay())
            assert sorted(await stream.ids()) == list(range(350)), "two replicas, each event once"
            assert await first.rows("published_at IS NULL") == 0
            published = [shop.metric("events_published_total", type="thing_made") for shop in (first, second)]
            assert sum(published) == 350
            event = (await stream.events())[0]
            assert (event.version, event.type) == (1, "thing_made")

    asyncio.run(timeline())


def test_without_redis_rows_wait_and_a_redis_that_comes_back_empty_gets_the_days_events_again(
    outbox_url: str, events_redis: DataServer, service: str
):
    async def timeline() -> None:
        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        async with running(shop):
            await shop.make(1, 2)
            await shop.relay.open()
            await until(lambda: shop.metric("events_published_total", type="thing_made") == 2)
            await shop.run("UPDATE shop.outbox SET published_at = now() - interval '25 hours' WHERE data ->> 'id' = '1'")
            events_redis.kill()
            try:
                await shop.make(3)
                await until(lambda: shop.metric("outbox_oldest_waiting_seconds") > 1)
                assert await shop.rows("published_at IS NULL") == 1
            finally:
                events_redis.start()
            await until(lambda: shop.metric("events_published_total", type="thing_made") == 4)
            assert sorted(await stream.ids()) == [2, 3], "not what was published more than a day ago"
            await until(lambda: shop.metric("outbox_oldest_waiting_seconds") == 0)

    asyncio.run(timeline())


def test_who_marks_after_the_stream_is_gone_marks_nothing(outbox_url: str, events_redis: DataServer, service: str):
    """Published to the old stream, marked after another replica has made the new one."""

    async def timeline() -> None:
        slow, other = Shop(outbox_url, events_redis.url, service), Shop(outbox_url, events_redis.url, service)
        stream = Stream(events_redis.url, service)
        async with running(slow, other):
            await other.relay.relay()
            await slow.make(1)
            batch = await slow.outbox.take()
            await slow.relay._publish(await slow.relay._connected(), batch.events)
            assert await stream.ids() == [1]
            await stream.ask("DEL", stream.name)
            await other.relay.relay()
            await slow.outbox.mark(batch)
            await other.relay.relay()
            assert await stream.ids() == [1]

    asyncio.run(timeline())


def test_a_stream_that_goes_while_a_batch_is_published_is_not_made_by_the_way(
    outbox_url: str, events_redis: DataServer, service: str
):
    async def timeline() -> None:
        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        async with running(shop):
            await shop.make(1)
            await shop.relay.relay()
            await stream.ask("DEL", stream.name)
            await shop.make(2)
            batch = await shop.outbox.take()
            assert not await shop.relay._publish(await shop.relay._connected(), batch.events)
            assert await stream.ask("EXISTS", stream.name) == 0
            await shop.relay.relay()
            assert sorted(await stream.ids()) == [1, 2]

    asyncio.run(timeline())


def test_two_replicas_that_make_the_stream_at_once_cut_nothing_off(outbox_url: str, events_redis: DataServer, service: str):
    """Both find none; one makes it and publishes, and only then comes the other one to it."""

    async def timeline() -> None:
        quick, slow = Shop(outbox_url, events_redis.url, service), Shop(outbox_url, events_redis.url, service)
        stream = Stream(events_redis.url, service)
        async with running(quick, slow):
            await slow.make(1)
            connection = await slow.relay._connected()
            assert not await slow.relay._exists(connection)
            await slow.outbox.publish_again(10)
            await quick.relay.relay()
            await slow.relay._make(connection)
            assert await stream.ids() == [1]
            assert await stream.ask("XINFO", "GROUPS", stream.name) == []

    asyncio.run(timeline())


def test_the_stream_stays_short(outbox_url: str, events_redis: DataServer, service: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relay_module, "STREAM_LENGTH", 200)

    async def timeline() -> None:
        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        async with running(shop):
            await shop.make(*range(1000))
            await shop.relay.relay()
            assert 200 <= await stream.ask("XLEN", stream.name) <= 300
            assert max(await stream.ids()) == 999

    asyncio.run(timeline())


def test_what_is_a_day_old_is_cleared_away_and_nothing_else(outbox_url: str, service: str):
    async def timeline() -> None:
        shop = Shop(outbox_url, None, service)
        async with running(shop):
            await shop.make(1, 2, 3, 4)
            await shop.run("UPDATE shop.outbox SET published_at = now() - interval '25 hours' WHERE data ->> 'id' = '1'")
            await shop.run("UPDATE shop.outbox SET published_at = now() - interval '23 hours' WHERE data ->> 'id' = '2'")
            await shop.run("UPDATE shop.outbox SET at = now() - interval '25 hours' WHERE data ->> 'id' = '3'")
            assert await shop.outbox.clear(unpublished=False) == 1
            assert await shop.rows() == 3, "what waits is never cleared away where there is a Redis"
            assert await shop.relay._clear() > 0
            assert await shop.rows() == 2, "without one, after a day"

    asyncio.run(timeline())
