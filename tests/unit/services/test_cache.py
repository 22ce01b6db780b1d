"""The cache's adapter against a real Redis, and against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from service_processes import DataServer, free_port

from services.common import cache as cache_module
from services.common.cache import Cache
from services.common.metrics import Metrics
from services.common.redis_connection import RedisConnection

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def count(metrics: Metrics, result: str) -> bool:
    return f'cache_lookups_total{{cache="test",result="{result}"}} 1.0' in metrics.exposition().decode()


def test_what_was_put_is_got_until_it_expires(redis: DataServer):
    async def timeline() -> None:
        metrics = Metrics()
        cache = Cache(redis.url, metrics=metrics)
        await cache.open()
        value = bytes(range(256)) * 100
        assert await cache.get("test", "never put") is None
        await cache.put("key", value, live_seconds=0.05)
        assert await cache.get("test", "key") == value
        await asyncio.sleep(0.1)
        assert await cache.get("other", "key") is None
        assert count(metrics, "hit")
        assert count(metrics, "miss")
        await cache.close()

    asyncio.run(timeline())


def test_many_requests_share_one_connection_and_each_gets_its_own_answer(redis: DataServer):
    async def timeline() -> None:
        cache = Cache(redis.url, metrics=Metrics())
        await asyncio.gather(*(cache.put(f"many:{n}", str(n).encode(), live_seconds=10) for n in range(200)))
        answers = await asyncio.gather(*(cache.get("test", f"many:{n}") for n in range(200)))
        assert answers == [str(n).encode() for n in range(200)]
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


def test_no_redis_at_all_is_a_miss():
    async def timeline() -> None:
        metrics = Metrics()
        cache = Cache(None, metrics=metrics)
        await cache.put("key", b"value", live_seconds=1)
        assert await cache.get("test", "key") is None
        assert count(metrics, "unavailable")
        await cache.close()

    asyncio.run(timeline())


async def broken(url: str) -> tuple[bytes | None, float]:
    """One look-up, and how long it took."""
    cache = Cache(url, metrics=Metrics())
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await cache.get("test", "key")
    waited = loop.time() - started
    started = loop.time()
    assert await cache.get("test", "key") is None
    assert loop.time() - started < 0.05, "left alone for a while: the second look-up costs no time"
    await cache.close()
    return answer, waited


def test_a_wrong_password_is_a_miss(redis: DataServer):
    wrong = f"redis://:wrong@127.0.0.1:{redis.server.port}/0"
    assert asyncio.run(broken(wrong))[0] is None


def test_nobody_listening_is_a_miss():
    assert asyncio.run(broken(f"redis://127.0.0.1:{free_port()}"))[0] is None


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def talking_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"?nonsense\r\n")


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.close()


async def answering_unasked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"$-1\r\n+more\r\n")


@pytest.mark.parametrize("handler", [silent, talking_nonsense, hanging_up, answering_unasked])
def test_a_server_that_misbehaves_is_a_miss_within_the_time_limit(handler: Handler, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache_module, "ANSWER_SECONDS", 0.2)

    async def timeline() -> None:
        port = free_port()
        server = await asyncio.start_server(handler, "127.0.0.1", port)
        async with server:
            answer, waited = (
                await broken(f"redis://127.0.0.1:{port}/1")
                if handler is not answering_unasked
                else (await Cache(f"redis://127.0.0.1:{port}", metrics=Metrics()).get("test", "key"), 0.0)
            )
        assert answer is None
        assert waited < 2

    asyncio.run(timeline())
