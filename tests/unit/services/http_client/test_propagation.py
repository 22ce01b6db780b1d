"""What a request brings is handed on: its time and its trace."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.http_client.deadline import SENT_HEADER, read_seconds_left, write_seconds_left
from services.common.http_client.propagation import Incoming, PropagationMiddleware, headers_for, serving

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def served(*headers: tuple[bytes, bytes], kind: str = "http") -> Incoming | None:
    """What is handed on while a request with these headers is served, that arrived at second 100."""
    seen: list[Incoming | None] = []

    async def application(_scope, _receive, _send) -> None:
        await asyncio.sleep(0)
        seen.append(serving())

    middleware = PropagationMiddleware(application, longest_seconds=15.0, now=lambda: 100.0)
    await middleware({"type": kind, "headers": list(headers)}, None, None)  # type: ignore[arg-type]  # not used
    assert serving() is None, "it ends with the request"
    return seen[0]


@pytest.mark.parametrize(("headers", "deadline", "gloss"), [
    ((), 115.0, "says nothing: the service's own limit"),
    (((b"x-request-timeout-ms", b"2500"),), 102.5, "says 2.5 s"),
    (((b"x-envoy-expected-rq-timeout-ms", b"2500"),), 102.5, "Envoy says it"),
    (((b"x-envoy-expected-rq-timeout-ms", b"2500"), (b"x-request-timeout-ms", b"900")), 100.9, "the shorter counts"),
    (((b"x-request-timeout-ms", b"900"), (b"x-envoy-expected-rq-timeout-ms", b"2500")), 100.9, "in either order"),
    (((b"x-request-timeout-ms", b"60000"),), 115.0, "nobody gets more than the service's own limit"),
    (((b"x-request-timeout-ms", b"0"),), 100.0, "no time at all"),
    (((b"x-request-timeout-ms", b"soon"),), 115.0, "unreadable counts as nothing"),
    (((b"x-request-timeout-ms", b"-5"),), 115.0, "so does a negative time"),
    (((b"x-request-timeout-ms", b"9" * 500),), 115.0, "and one beyond all bounds"),
])  # fmt: skip
def test_deadline(headers: tuple[tuple[bytes, bytes], ...], deadline: float, gloss: str):
    incoming = asyncio.run(served(*headers))
    assert incoming is not None
    assert incoming.deadline == pytest.approx(deadline), gloss


def test_the_trace_is_handed_on_as_it_came():
    incoming = asyncio.run(served((b"traceparent", TRACE), (b"tracestate", b"a=1"), (b"cookie", b"secret")))
    assert headers_for(incoming, 1.2345) == {SENT_HEADER: "1234", "traceparent": TRACE.decode(), "tracestate": "a=1"}
    overlong = asyncio.run(served((b"traceparent", b"0" * 1000)))
    assert headers_for(overlong, 1.0) == {SENT_HEADER: "1000"}


def test_a_call_is_made_in_the_callers_name():
    incoming = asyncio.run(served((b"authorization", b"Bearer secret")))
    assert headers_for(incoming, 1.0) == {SENT_HEADER: "1000", "authorization": "Bearer secret"}
    assert "secret" not in repr(incoming)
    both = asyncio.run(served((b"authorization", b"Bearer one"), (b"authorization", b"Bearer other")))
    assert headers_for(both, 1.0) == {SENT_HEADER: "1000"}, "whose name would it be?"


def test_outside_of_a_request_only_the_time_left_is_sent():
    assert serving() is None
    assert headers_for(serving(), 0.5) == {SENT_HEADER: "500"}


def test_requests_served_at_once_do_not_see_each_other():
    async def tell() -> None:
        both = await asyncio.gather(served((b"x-request-timeout-ms", b"1000")), served((b"x-request-timeout-ms", b"2000")))
        assert [incoming.deadline for incoming in both if incoming] == [101.0, 102.0]

    asyncio.run(tell())


def test_the_lifespan_is_no_request():
    assert asyncio.run(served(kind="lifespan")) is None


@given(st.floats(-10, 1000))
def test_nobody_is_told_more_time_than_there_is(seconds: float):
    read = read_seconds_left(write_seconds_left(seconds).encode())
    assert read is not None
    assert max(0.0, seconds) - 0.001001 <= read <= max(0.0, seconds) + 1e-9, "but for rounding of the float itself"
