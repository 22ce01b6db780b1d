"""The client against a real server on loopback that fails by script."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from email.utils import formatdate

import pytest
from aiohttp import web
from service_processes import free_port

from services.common.errors.raised import ServiceError
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.exchange import Asked
from services.common.http_client.policy import BreakerPolicy, DependencyPolicy, RetryPolicy, TimeoutPolicy
from services.common.http_client.propagation import PropagationMiddleware
from services.common.http_client.transport import HttpTransport
from services.common.metrics import Metrics

Deed = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = DependencyPolicy(
    timeouts=TimeoutPolicy(connect_seconds=0.5, read_seconds=0.3, call_seconds=3.0),
    retry=RetryPolicy(base_seconds=0.001, longest_wait_seconds=0.01),
)
ONCE = replace(QUICK, retry=RetryPolicy(attempts=1))


def answers(status: int = 200, body: bytes = b"{}", **headers: str) -> Deed:
    async def deed(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return deed


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    """In the middle of its body."""
    response = web.StreamResponse(headers={"content-length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.close()
    return response


async def is_silent(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(10)
    return web.Response()


async def trickles(request: web.Request) -> web.StreamResponse:
    """A byte now and then: never silent, never done."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b"x")
        await asyncio.sleep(0.02)
    return response


class Dependency:
    """A server that does one deed a request, the last one for ever."""

    def __init__(self, deeds: Sequence[Deed]) -> None:
        self._deeds = list(deeds)
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        return await self._deeds[min(len(self.seen), len(self._deeds)) - 1](request)


@asynccontextmanager
async def talking(*deeds: Deed, policy: DependencyPolicy = QUICK) -> AsyncIterator[tuple[ServiceClient, Dependency, Metrics]]:
    dependency, metrics = Dependency(deeds), Metrics()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dependency.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    dependency.url = f"http://127.0.0.1:{port}"
    client = client_of(dependency.url, policy, metrics)
    await client.open()
    try:
        yield client, dependency, metrics
    finally:
        await client.close()
        await runner.cleanup()


def client_of(url: str, policy: DependencyPolicy, metrics: Metrics) -> ServiceClient:
    return ServiceClient(
        "orders", HttpTransport(url, policy), policy=policy, metrics=CallMetrics(metrics.registry).of("orders")
    )


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, {"callee": "orders", **labels}) or 0.0


@pytest.mark.parametrize(("deeds", "seen", "gloss"), [
    ([answers()], 1, "answered"),
    ([answers(503), answers(502), answers()], 3, "unavailable twice"),
    ([hangs_up, answers()], 2, "hung up"),
    ([breaks_off, answers()], 2, "broken off in the body"),
    ([answers(429, retry_after="0"), answers()], 2, "a limit that is over"),
    ([answers(503, retry_after=formatdate(0, usegmt=True)), answers()], 2, "a date that has passed"),
])  # fmt: skip
def test_what_passes_is_not_noticed(deeds: list[Deed], seen: int, gloss: str):
    async def tell() -> None:
        async with talking(*deeds) as (client, dependency, metrics):
            assert await client.read("/things", {"page": 2}) == b"{}", gloss
            assert [request.path_qs for request in dependency.seen] == ["/things?page=2"] * seen, gloss
            assert value(metrics, "http_client_requests_total", status="200") == 1
            assert value(metrics, "http_client_retries_total") == seen - 1
            assert value(metrics, "http_client_request_duration_seconds_count") == seen

    asyncio.run(tell())


@pytest.mark.parametrize("deed", [hangs_up, breaks_off])
def test_aiohttp_itself_repeats_nothing(deed: Deed):
    """It would, for the idempotent methods: neither the budget nor the deadline would know."""

    async def tell() -> None:
        async with talking(answers(), deed, answers(), policy=ONCE) as (client, dependency, metrics):
            await client.get("/warm-up")  # its connection is kept
            with pytest.raises(ServiceError) as caught:
                await client.get("/things")
            assert caught.value.code == "temporarily_unavailable"
            assert len(dependency.seen) == 2
            assert value(metrics, "http_client_requests_total", status="disconnected") == 1

    asyncio.run(tell())


def test_a_post_with_a_key_is_repeated_whole():
    async def tell() -> None:
        async with talking(hangs_up, answers(503), answers(201, b"made")) as (client, dependency, _metrics):
            reply = await client.post("/things", b'{"n": 1}', idempotency_key="k-1")
            assert (reply.status, reply.body) == (201, b"made")
            assert dependency.bodies == [b'{"n": 1}'] * 3
            assert {request.headers["idempotency-key"] for request in dependency.seen} == {"k-1"}
            assert {request.content_type for request in dependency.seen} == {"application/json"}

    asyncio.run(tell())


def test_a_post_without_a_key_is_not():
    async def tell() -> None:
        async with talking(hangs_up, answers(201)) as (client, dependency, _metrics):
            with pytest.raises(ServiceError):
                await client.post("/things", b"{}")
            assert len(dependency.seen) == 1

    asyncio.run(tell())


@pytest.mark.parametrize("deed", [is_silent, trickles])
def test_who_takes_too_long_is_not_waited_for_nor_asked_again(deed: Deed):
    policy = replace(QUICK, timeouts=TimeoutPolicy(connect_seconds=0.3, read_seconds=0.2, call_seconds=0.6))

    async def tell() -> None:
        async with talking(deed, policy=policy) as (client, dependency, metrics):
            started = time.monotonic()
            with pytest.raises(ServiceError) as caught:
                await client.get("/things")
            assert 0.15 < time.monotonic() - started < 3
            assert (caught.value.code, len(dependency.seen)) == ("temporarily_unavailable", 1)
            assert value(metrics, "http_client_requests_total", status="timeout") == 1

    asyncio.run(tell())


def test_nobody_listening_is_found_out_at_once():
    async def tell() -> None:
        metrics = Metrics()
        client = client_of(f"http://127.0.0.1:{free_port()}", QUICK, metrics)
        await client.open()
        with pytest.raises(ServiceError) as caught:
            await client.get("/things")
        await client.close()
        assert (caught.value.code, caught.value.retry_after_seconds) == ("temporarily_unavailable", 1)
        assert value(metrics, "http_client_requests_total", status="unconnected") == 3

    asyncio.run(tell())


def test_a_connection_that_nobody_accepts_is_given_up():
    """The queue of connections to be accepted is full, as in front of a process that stands still."""
    policy = replace(ONCE, timeouts=TimeoutPolicy(connect_seconds=0.2, read_seconds=5.0, call_seconds=10.0))

    async def tell(port: int) -> None:
        metrics = Metrics()
        client = client_of(f"http://127.0.0.1:{port}", policy, metrics)
        await client.open()
        started = time.monotonic()
        with pytest.raises(ServiceError):
            await client.get("/things")
        assert time.monotonic() - started < 3
        await client.close()
        assert value(metrics, "http_client_requests_total", status="unconnected") == 1

    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        asyncio.run(tell(listening.getsockname()[1]))


def test_redirects_are_not_followed():
    async def tell() -> None:
        async with talking(answers(307, location="/elsewhere"), answers()) as (client, dependency, _metrics):
            assert (await client.request(Asked("PUT", "/things", body=b"{}"))).status == 307
            assert len(dependency.seen) == 1

    asyncio.run(tell())


def test_time_and_trace_of_the_request_being_served_are_sent_along():
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def tell() -> None:
        async with talking(is_silent) as (client, dependency, _metrics):
            codes: list[str] = []

            async def serve(_scope, _receive, _send) -> None:
                with pytest.raises(ServiceError) as caught:
                    await client.get("/things")
                codes.append(caught.value.code)

            scope = {"type": "http", "headers": [(b"x-request-timeout-ms", b"150"), (b"traceparent", trace)]}
            started = time.monotonic()
            await PropagationMiddleware(serve)(scope, None, None)  # type: ignore[arg-type]  # no body, no answer
            assert time.monotonic() - started < 2
            assert codes == ["deadline_exceeded"]
            headers = dependency.seen[0].headers
            assert headers["traceparent"] == trace.decode()
            assert 0 < int(headers["x-request-timeout-ms"]) <= 150

    asyncio.run(tell())


def test_an_outage_ends_by_itself_once_it_is_over():
    policy = replace(QUICK, breaker=BreakerPolicy(window_attempts=10, least_attempts=4, open_seconds=0.2, probes=2))

    async def tell() -> None:
        async with talking(*[answers(503)] * 6, answers(), policy=policy) as (client, dependency, metrics):
            while value(metrics, "http_client_breaker_state") != 2:
                with pytest.raises(ServiceError):
                    await client.get("/things")
            sent = len(dependency.seen)
            with pytest.raises(ServiceError):
                await client.get("/things")
            assert len(dependency.seen) == sent, "left alone"
            async with asyncio.timeout(5):
                while value(metrics, "http_client_breaker_state") != 0:
                    await asyncio.sleep(0.05)
                    try:
                        await client.get("/things")
                    except ServiceError:
                        continue
            assert (await client.get("/things")).status == 200

    asyncio.run(tell())
