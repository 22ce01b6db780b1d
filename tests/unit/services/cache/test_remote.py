"""L2 against a real Redis, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from pydantic import BaseModel
from service_processes import DataServer, free_port

from services.common.cache import link as link_module
from services.common.cache import remote as remote_module
from services.common.cache.entry import Entry, header_of
from services.common.cache.invalidation import EVERYTHING, names_of
from services.common.cache.link import RedisLink
from services.common.cache.ports import Absent, Lease
from services.common.cache.remote import RemoteCache
from services.common.redis_connection import RedisConnection

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Price(BaseModel):
    cents: int


class Other(BaseModel):
    euros: float


HEADER = header_of(Price)
numbers = itertools.count()


def remote(url: str | None, service: str | None = None) -> RemoteCache:
    """Each test has a service of its own: they share one Redis."""
    return RemoteCache(RedisLink(url), service=service or f"test{next(numbers)}")


async def fill(
    cache: RemoteCache, key: str, body: bytes | None, *, tags: tuple[str, ...] = (), fresh: float = 10, stale: float = 0
):
    lease = await cache.look_up(key, tags, HEADER)
    assert isinstance(lease, Lease)
    await cache.fill(lease, body, fresh_seconds=fresh, stale_seconds=stale)


def test_what_was_filled_is_found_by_another_replica_fresh_then_stale(redis: DataServer):
    async def timeline() -> None:
        one, two = remote(redis.url, "twice"), remote(redis.url, "twice")
        body = bytes(range(256)) * 100
        await fill(one, "key", body, tags=("tag",), fresh=100, stale=200)
        found = await two.look_up("key", ("tag",), HEADER)
        assert isinstance(found, Entry)
        assert found.body == body
        assert 90 < found.fresh_seconds <= 100
        assert found.left_seconds == pytest.approx(found.fresh_seconds + 200)
        connection = await RedisConnection.open(redis.url)
        await connection.ask("PEXPIRE", "twice:k:key", 150_000)  # as if 150 s had passed
        found = await two.look_up("key", ("tag",), HEADER)
        assert isinstance(found, Entry)
        assert found.fresh_seconds == pytest.approx(-50, abs=10)
        assert isinstance(await two.look_up("key", ("tag",), HEADER, least_left_ms=200_000), Lease), "too stale for a refresh"
        assert await one.look_up("key", ("tag",), HEADER, least_left_ms=200_000) is Absent.HELD
        assert isinstance(await one.look_up("key", ("tag",), HEADER), Entry), "served meanwhile"
        connection.close()
        for cache in (one, two):
            await cache.close()

    asyncio.run(timeline())


def test_nothing_there_is_an_answer_too(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url)
        await fill(cache, "key", None)
        found = await cache.look_up("key", (), HEADER)
        assert isinstance(found, Entry)
        assert found.body is None
        await cache.close()

    asyncio.run(timeline())


def test_one_of_many_gets_the_lease_and_gives_it_back(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url)
        found = await asyncio.gather(*(cache.look_up("key", ("tag",), HEADER) for _ in range(100)))
        leases = [each for each in found if isinstance(each, Lease)]
        assert len(leases) == 1
        assert found.count(Absent.HELD) == 99
        await cache.release(leases[0])
        assert isinstance(await cache.look_up("key", ("tag",), HEADER), Lease)
        await cache.close()

    asyncio.run(timeline())


@pytest.mark.parametrize("names", [names_of(["key"], []), names_of([], ["tag"]), (EVERYTHING,)])
def test_a_load_that_began_before_an_invalidation_fills_nothing(redis: DataServer, names: tuple[str, ...]):
    async def timeline() -> None:
        cache = remote(redis.url)
        lease = await cache.look_up("key", ("tag", "other"), HEADER)
        assert isinstance(lease, Lease)
        assert await cache.invalidate(names)
        await cache.fill(lease, b"old", fresh_seconds=10, stale_seconds=0)
        newer = await cache.look_up("key", ("tag", "other"), HEADER)
        assert isinstance(newer, Lease), "neither the old value nor a wait for the old load"
        await cache.fill(lease, b"old", fresh_seconds=10, stale_seconds=0)
        await cache.release(lease)
        await cache.fill(newer, b"new", fresh_seconds=10, stale_seconds=0)
        found = await cache.look_up("key", ("tag", "other"), HEADER)
        assert isinstance(found, Entry)
        assert found.body == b"new"
        await cache.close()

    asyncio.run(timeline())


def test_invalidation_reaches_what_it_names_and_nothing_else(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url)
        for key in ("red", "green", "blue"):
            await fill(cache, key, b"x", tags=("of " + key,))
        await cache.invalidate(names_of(["red"], ["of green", "of nobody"]))
        found = {key: type(await cache.look_up(key, ("of " + key,), HEADER)) for key in ("red", "green", "blue")}
        assert found == {"red": Lease, "green": Lease, "blue": Entry}
        await cache.close()

    asyncio.run(timeline())


def test_a_tag_whose_version_was_evicted_voids_its_entries(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url, "evicted")
        await fill(cache, "key", b"x", tags=("tag",))
        connection = await RedisConnection.open(redis.url)
        assert await connection.ask("DEL", "evicted:t:tag") == 1
        assert isinstance(await cache.look_up("key", ("tag",), HEADER), Lease)
        connection.close()
        await cache.close()

    asyncio.run(timeline())


def test_an_entry_of_another_schema_or_broken_is_a_miss(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url, "schema")
        await fill(cache, "key", b"x")
        assert isinstance(await cache.look_up("key", (), header_of(Other)), Lease)
        connection = await RedisConnection.open(redis.url)
        stamp = await connection.ask("GET", "schema:t:")
        assert isinstance(stamp, bytes)
        await connection.ask("SET", "schema:k:key", stamp + HEADER + b"\x07", "PX", 10_000)
        assert await cache.look_up("key", (), HEADER) is Absent.UNKNOWN
        connection.close()
        await cache.close()

    asyncio.run(timeline())


def test_everything_it_writes_ends_by_itself(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url, "ending")
        await fill(cache, "filled", b"x", tags=("tag",))
        await cache.look_up("leased", ("tag",), HEADER)
        connection = await RedisConnection.open(redis.url)
        names = await connection.ask("KEYS", "ending:*")
        assert isinstance(names, list)
        assert sorted(names) == [b"ending:k:filled", b"ending:l:leased", b"ending:t:", b"ending:t:tag"]
        for name in names:
            left = await connection.ask("PTTL", name)
            assert isinstance(left, int)
            assert 0 < left <= 3_600_000
        connection.close()
        await cache.close()

    asyncio.run(timeline())


def test_a_redis_that_forgot_the_scripts_is_told_again(redis: DataServer):
    async def timeline() -> None:
        cache = remote(redis.url)
        await fill(cache, "key", b"x")
        connection = await RedisConnection.open(redis.url)
        await connection.ask("SCRIPT", "FLUSH")
        assert isinstance(await cache.look_up("key", (), HEADER), Entry)
        connection.close()
        await cache.close()

    asyncio.run(timeline())


def test_what_could_not_be_invalidated_is_not_looked_up_and_sent_as_soon_as_possible(
    redis: DataServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote_module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(link_module, "RETRY_SECONDS", 0.3)

    async def timeline() -> None:
        link = RedisLink(redis.url)
        cut_off, other = RemoteCache(link, service="cut"), remote(redis.url, "cut")
        await fill(cut_off, "key", b"old", tags=("tag",))
        link.url, url = f"redis://127.0.0.1:{free_port()}", link.url
        link.close()
        assert not await cut_off.invalidate(names_of([], ["tag"]))
        link.url = url
        assert await cut_off.look_up("key", ("tag",), HEADER) is Absent.UNKNOWN, "left alone for a while"
        for _ in range(500):
            await asyncio.sleep(0.01)
            if isinstance(await other.look_up("key", ("tag",), HEADER), Lease):
                break
        else:
            pytest.fail("never sent")
        for cache in (cut_off, other):
            await cache.close()

    asyncio.run(timeline())


def test_too_much_that_waits_becomes_everything(redis: DataServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote_module, "MOST_PENDING", 10)
    monkeypatch.setattr(link_module, "RETRY_SECONDS", 0.0)

    async def timeline() -> None:
        link = RedisLink(redis.url)
        cache = RemoteCache(link, service="much")
        await fill(cache, "key", b"old")
        link.url, url = f"redis://127.0.0.1:{free_port()}", link.url
        link.close()
        for number in range(11):
            assert not await cache.invalidate(names_of([], [f"tag{number}"]))
        link.url = url
        assert isinstance(await cache.look_up("key", (), HEADER), Lease)
        await cache.close()

    asyncio.run(timeline())


def test_many_invalidations_go_in_several_steps(redis: DataServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote_module, "AT_ONCE", 7)

    async def timeline() -> None:
        cache = remote(redis.url)
        keys = [f"key{number}" for number in range(30)]
        for key in keys:
            await fill(cache, key, b"old")
        assert await cache.invalidate(names_of(keys, []))
        assert {type(await cache.look_up(key, (), HEADER)) for key in keys} == {Lease}
        await cache.close()

    asyncio.run(timeline())


def test_no_redis_at_all_knows_nothing_and_keeps_nothing():
    async def timeline() -> None:
        cache = remote(None)
        assert await cache.look_up("key", (), HEADER) is Absent.UNKNOWN
        assert await cache.invalidate(names_of(["key"], []))
        assert cache._pending == {}
        await cache.close()

    asyncio.run(timeline())


async def asked_in_vain(url: str) -> float:
    """How long one look-up takes; the second one costs no time."""
    cache = remote(url)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await cache.look_up("key", ("tag",), HEADER) is Absent.UNKNOWN
    waited = loop.time() - started
    started = loop.time()
    assert await cache.look_up("key", ("tag",), HEADER) is Absent.UNKNOWN
    assert loop.time() - started < 0.05, "left alone for a while"
    await cache.close()
    return waited


def test_a_wrong_password_is_a_miss(redis: DataServer):
    asyncio.run(asked_in_vain(f"redis://:wrong@127.0.0.1:{redis.server.port}/0"))


def test_nobody_listening_is_a_miss():
    asyncio.run(asked_in_vain(f"redis://127.0.0.1:{free_port()}"))


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def talking_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"?nonsense\r\n")


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.close()


@pytest.mark.parametrize("handler", [silent, talking_nonsense, hanging_up])
@pytest.mark.parametrize("path", ["", "/1"])
def test_a_server_that_misbehaves_is_a_miss_within_the_time_limit(handler: Handler, path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(link_module, "ANSWER_SECONDS", 0.2)

    async def timeline() -> None:
        port = free_port()
        server = await asyncio.start_server(handler, "127.0.0.1", port)
        async with server:
            assert await asked_in_vain(f"redis://127.0.0.1:{port}{path}") < 2

    asyncio.run(timeline())


@pytest.mark.parametrize("answer", [b"+OK\r\n", b"*1\r\n:7\r\n", b"*3\r\n:1\r\n:2\r\n:3\r\n", b"$-1\r\n"])
def test_an_answer_nobody_expects_is_a_miss(answer: bytes):
    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(answer)

    async def timeline() -> None:
        port = free_port()
        server = await asyncio.start_server(strange, "127.0.0.1", port)
        async with server:
            cache = remote(f"redis://127.0.0.1:{port}")
            assert await cache.look_up("key", (), HEADER) is Absent.UNKNOWN
            await cache.close()

    asyncio.run(timeline())


def test_a_request_that_gives_up_does_not_shift_the_answers_of_others(redis: DataServer):
    async def timeline() -> None:
        connection = await RedisConnection.open(redis.url)
        await connection.ask("SET", "shift:a", "a")
        given_up = asyncio.ensure_future(connection.ask("GET", "shift:a"))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await connection.ask("ECHO", "mine") == b"mine"
        connection.close()
        with pytest.raises(ConnectionResetError):
            await connection.ask("PING")

    asyncio.run(timeline())
