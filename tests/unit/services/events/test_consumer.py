"""From the stream to the handlers: shared between replicas, and finished by another one where one dies."""

from __future__ import annotations

import asyncio

from event_world import Reader, Shop, Stream, Thing, running, until
from service_processes import DataServer


def test_two_replicas_share_the_work(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        shop = Shop(outbox_url, events_redis.url, service)
        first, second = Reader(events_redis.url, service), Reader(events_redis.url, service)
        async with running(shop, first, second):
            await shop.make(*range(200))
            await shop.relay.relay()
            await until(lambda: len(first.handled) + len(second.handled) == 200)
            assert sorted(first.handled + second.handled) == list(range(200)), "each once"
            assert min(len(first.handled), len(second.handled)) > 20

    asyncio.run(timeline())


def test_what_a_replica_took_and_did_not_finish_another_one_does(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        began = asyncio.Event()

        async def hang(_thing: Thing) -> None:
            began.set()
            await asyncio.Event().wait()

        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        dying, other = Reader(events_redis.url, service, hang), Reader(events_redis.url, service)
        async with running(shop):
            await shop.make(1, 2, 3)
            await shop.relay.relay()
            async with running(dying):
                await began.wait()
            assert await stream.pending() == 3
            async with running(other):
                await until(lambda: sorted(other.handled) == [1, 2, 3])
                await stream.all_acknowledged()

    asyncio.run(timeline())


def test_a_handler_that_fails_is_called_again(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        tried: list[int] = []

        async def fail_twice(thing: Thing) -> None:
            tried.append(thing.id)
            if thing.id == 1 and tried.count(1) < 3:
                raise RuntimeError

        shop = Shop(outbox_url, events_redis.url, service)
        reader = Reader(events_redis.url, service, fail_twice)
        async with running(shop, reader):
            await shop.make(1, 2)
            await shop.relay.relay()
            await until(lambda: sorted(reader.handled) == [1, 2])
            assert tried == [1, 2, 1, 1], "the others do not wait for it"
            assert reader.failed("thing_made", "failed") == 2

    asyncio.run(timeline())


def test_what_cannot_be_read_is_counted_and_given_up(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        shop, stream = Shop(outbox_url, events_redis.url, service), Stream(events_redis.url, service)
        reader = Reader(events_redis.url, service)
        known = '{"version":1,"id":"00000000-0000-0000-0000-000000000001","type":"thing_made","at":"2026-01-01T00:00:00Z","data":%s}'
        async with running(shop, reader):
            await shop.relay.relay()
            await stream.add(event="no JSON")
            await stream.add(another="field")
            await stream.add(event=known % '{"id":"no number"}')
            await stream.add(event=(known % '{"id":1}').replace(":1,", ":2,", 1))
            await stream.add(event=(known % '{"id":1}').replace("thing_made", "of_no_interest"))
            await stream.add(event=known.replace('"data"', '"more":1,"data"') % '{"id":7,"more":1}')
            await until(lambda: reader.handled == [7])
            assert reader.failed("unknown", "unreadable") == 3
            assert reader.failed("thing_made", "unreadable") == 1
            await stream.all_acknowledged()

    asyncio.run(timeline())


def test_redis_comes_back_empty_and_the_consumer_goes_on(outbox_url: str, events_redis: DataServer, service: str):
    async def timeline() -> None:
        shop, reader = Shop(outbox_url, events_redis.url, service), Reader(events_redis.url, service)
        async with running(shop, reader):
            await shop.relay.open()
            await shop.make(1)
            await until(lambda: 1 in reader.handled)
            events_redis.kill()
            try:
                await shop.make(2)
            finally:
                events_redis.start()
            await until(lambda: 2 in reader.handled)
            await until(lambda: reader.handled.count(1) == 2)

    asyncio.run(timeline())
