"""The news against a real Redis: what is heard, what may be lost, and until when nothing was."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import pytest
from service_processes import DataServer

from fakes.mute_proxy import MuteProxy
from services.common import redis_channel as channel_module
from services.common.cache.invalidation import EVERYTHING, Invalidations, message_of, names_in, names_of
from services.common.redis_channel import RedisChannel
from services.common.redis_connection import RedisConnection


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"ANSWER_SECONDS": 0.4, "HEARTBEAT_SECONDS": 0.05, "RETRY_SECONDS": 0.05}.items():
        monkeypatch.setattr(channel_module, name, seconds)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  nothing tells when
            await asyncio.sleep(0.005)


class Listener:
    def __init__(self, url: str, name: str) -> None:
        self.messages: list[bytes] = []
        self.beginnings = 0
        self.channel = RedisChannel(url, name, heard=self.messages.append, subscribed=self.begin)

    def begin(self) -> None:
        self.beginnings += 1


def test_messages_arrive_and_heartbeats_confirm_it(redis: DataServer):
    async def timeline() -> None:
        listener = Listener(redis.url, "news")
        assert listener.channel.heard_until == -math.inf
        listener.channel.start()
        await until(lambda: listener.beginnings == 1)
        connection = await RedisConnection.open(redis.url)
        for message in (b"one", b"two"):
            assert await connection.ask("PUBLISH", "news", message) == 1
        published_at = time.monotonic()
        await until(lambda: listener.channel.heard_until > published_at)
        assert listener.messages == [b"one", b"two"], "a heartbeat never overtakes a message"
        await listener.channel.close()
        connection.close()

    asyncio.run(timeline())


def test_after_a_lost_connection_it_begins_again_and_says_so(redis: DataServer):
    async def timeline() -> None:
        listener = Listener(redis.url, "killed")
        listener.channel.start()
        await until(lambda: listener.beginnings == 1)
        connection = await RedisConnection.open(redis.url)
        killed_at = time.monotonic()
        await connection.ask("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: listener.beginnings == 2)
        assert time.monotonic() - killed_at < 1
        await connection.ask("PUBLISH", "killed", b"after")
        await until(lambda: listener.messages == [b"after"])
        await listener.channel.close()
        connection.close()

    asyncio.run(timeline())


def test_a_connection_that_is_silently_dead_is_noticed_and_left(redis: DataServer):
    async def timeline() -> None:
        async with MuteProxy(redis.server.port) as proxy:
            listener = Listener(proxy.url_like(redis.url), "mute")
            listener.channel.start()
            await until(lambda: listener.beginnings == 1)
            proxy.mute()
            await asyncio.sleep(0.1)
            stuck_at = listener.channel.heard_until
            await asyncio.sleep(0.2)
            assert listener.channel.heard_until == stuck_at, "nothing confirms anything any more"
            proxy.unmute()
            await until(lambda: listener.beginnings == 2)
            assert listener.channel.heard_until > stuck_at
            await listener.channel.close()

    asyncio.run(timeline())


def test_it_waits_for_a_redis_that_is_not_there_yet(redis: DataServer):
    redis.kill()
    try:

        async def timeline() -> None:
            listener = Listener(redis.url, "early")
            listener.channel.start()
            await asyncio.sleep(0.1)
            assert listener.beginnings == 0
            await asyncio.to_thread(redis.start)
            await until(lambda: listener.beginnings == 1)
            await listener.channel.close()

        asyncio.run(timeline())
    finally:
        if not redis.server.is_ready():
            redis.start()


def test_names_go_as_a_message_and_come_back():
    names = names_of(["prices/all/a\nb"], ["of ü", ""])
    assert names_in(message_of(names)) == [*names]


@pytest.mark.parametrize("message", [b"", b"\xff", b"null", b"{}", b"[1]", b'["key"]', b'["k:a"', b'"k:a"'])
def test_a_message_that_cannot_be_read_means_everything(message: bytes):
    assert names_in(message) == [EVERYTHING]


def test_without_a_url_there_is_no_news():
    async def timeline() -> None:
        news = Invalidations(None, "channel")
        news.start(drop=lambda _names: None, clear=lambda: None)
        assert news.heard_until == -math.inf
        await news.close()

    asyncio.run(timeline())
