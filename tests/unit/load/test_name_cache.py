from __future__ import annotations

import subprocess
import sys

import gevent
import pytest

from scaleproof.load.name_cache import TTL_SECONDS, NameCache


class Server:
    """A name server that counts questions."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        self.seconds = 0.0
        self.other = "its own"

    def getaddrinfo(self, *question: object, **more: object) -> list[tuple[object, ...]]:
        self.asked += 1
        gevent.sleep(0)
        if not self.addresses:
            raise OSError("no such name")
        return [(2, 1, 6, "", (address, question[1])) for address in self.addresses]

    def clock(self) -> float:
        return self.seconds


def firsts(cache: NameCache, count: int) -> list[str]:
    return [cache.getaddrinfo("gateway", 80)[0][4][0] for _ in range(count)]


def test_a_name_is_asked_for_once_until_its_time_is_over() -> None:
    server = Server("198.18.0.1")
    cache = NameCache(server, clock=server.clock)
    firsts(cache, 1000)
    assert server.asked == 1
    server.seconds = TTL_SECONDS
    firsts(cache, 1000)
    assert server.asked == 2


def test_another_port_is_another_question() -> None:
    server = Server("198.18.0.1")
    cache = NameCache(server, clock=server.clock)
    assert [cache.getaddrinfo("gateway", port)[0][4][1] for port in (80, 81, 80)] == [80, 81, 80]
    assert server.asked == 2


def test_addresses_are_used_in_turn() -> None:
    server = Server("198.18.0.1", "198.18.0.2", "198.18.0.3")
    cache = NameCache(server, clock=server.clock)
    found = firsts(cache, 6)
    assert found == [*server.addresses, *server.addresses]
    assert len(cache.getaddrinfo("gateway", 80)) == 3


def test_many_at_once_ask_once() -> None:
    server = Server("198.18.0.1")
    cache = NameCache(server, clock=server.clock)
    gevent.joinall([gevent.spawn(firsts, cache, 1) for _ in range(50)], raise_error=True)
    assert server.asked == 1


def test_an_error_is_not_remembered_and_everything_else_is_passed_on() -> None:
    server = Server()
    cache = NameCache(server, clock=server.clock)
    for _ in range(2):
        with pytest.raises(OSError, match="no such name"):
            cache.getaddrinfo("gateway", 80)
    assert server.asked == 2
    assert cache.other == "its own"


def test_gevents_sockets_use_it() -> None:
    program = """
import gevent, gevent.socket
from scaleproof.load.name_cache import NameCache, remember_names
remember_names(); remember_names()
hub = gevent.get_hub()
assert isinstance(hub.resolver, NameCache) and not isinstance(hub.resolver._resolver, NameCache)
assert gevent.socket.getaddrinfo("localhost", 80)
hub.resolver._resolver = None  # nobody is left to ask
assert gevent.socket.getaddrinfo("localhost", 80)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
