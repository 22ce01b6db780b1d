"""Calls as timelines: what is sent, when, and what whoever called is told. No time passes for real."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.transport import OK, FakeTime, FakeTransport, Outcome, in_order
from services.common.errors.raised import ServiceError
from services.common.http_client import propagation
from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.exchange import Asked, AttemptError, Failure, Reply
from services.common.http_client.policy import BreakerPolicy, BulkheadPolicy, DependencyPolicy, RetryPolicy
from services.common.http_client.propagation import Incoming
from services.common.metrics import Metrics

UNAVAILABLE = Reply(503, b"", {})
NOBODY = AttemptError(Failure.UNCONNECTED)
BROKEN = AttemptError(Failure.DISCONNECTED)
SLOW = AttemptError(Failure.TIMEOUT)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Talk:
    """A client, its dependency and their time."""

    def __init__(
        self, *outcomes: Outcome, policy: DependencyPolicy | None = None, draw: Callable[[], float] = lambda: 0.5
    ) -> None:
        self.time = FakeTime()
        self.transport = FakeTransport(self.time, in_order(*(outcomes or (OK,))))
        self.metrics = Metrics()
        self.client = ServiceClient(
            "orders",
            self.transport,
            policy=policy or DependencyPolicy(),
            metrics=CallMetrics(self.metrics.registry).of("orders"),
            clock=self.time.clock,
            draw=draw,
        )

    def get(self) -> Coroutine[Any, Any, Reply]:
        return self.client.get("/things")

    @property
    def sent(self) -> int:
        return len(self.transport.sent)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"callee": "orders", **labels}) or 0.0


@contextmanager
def request_served(deadline: float, *trace: tuple[str, str]) -> Iterator[None]:
    token = propagation._serving.set(Incoming(deadline, trace))
    try:
        yield
    finally:
        propagation._serving.reset(token)


def error_of(call: Coroutine[Any, Any, object]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        asyncio.run(call)
    return caught.value


@pytest.mark.parametrize(("outcomes", "status", "sent", "gloss"), [
    ((OK,), 200, 1, "answered"),
    ((UNAVAILABLE, OK), 200, 2, "unavailable, then answered"),
    ((Reply(502, b"", {}), Reply(504, b"", {}), OK), 200, 3, "three attempts are allowed"),
    ((NOBODY, BROKEN, OK), 200, 3, "nobody there, broken off, answered"),
    ((Reply(429, b"", {"retry-after": "1"}), OK), 200, 2, "too many requests, for a second"),
    ((Reply(404, b"", {}), OK), 404, 1, "not found is an answer"),
    ((Reply(500, b"", {}), OK), 500, 1, "so is an internal error: it would be one again"),
])  # fmt: skip
def test_answers(outcomes: tuple[Outcome, ...], status: int, sent: int, gloss: str):
    talk = Talk(*outcomes)
    assert asyncio.run(talk.get()).status == status, gloss
    assert talk.sent == sent, gloss
    assert talk.value("http_client_calls_total", result="answered") == 1
    assert talk.value("http_client_retries_total") == sent - 1


@pytest.mark.parametrize(("outcome", "sent", "retry_after", "gloss"), [
    (UNAVAILABLE, 3, 1, "three attempts, then it is enough"),
    (NOBODY, 3, 1, "nobody there all the time"),
    (SLOW, 1, 1, "after a timeout never again"),
    (Reply(429, b"", {}), 1, 1, "too many requests, nobody knows for how long"),
    (Reply(503, b"", {"retry-after": "30"}), 1, 30, "longer than anybody waits here: the user is told"),
    (Reply(503, b"", {"retry-after": "86400"}), 1, 60, "a day is not passed on"),
    (Reply(503, b"", {"x-envoy-attempt-count": "2"}), 1, 1, "the gateway has retried: one layer is enough"),
])  # fmt: skip
def test_errors(outcome: Outcome, sent: int, retry_after: int, gloss: str):
    talk = Talk(outcome)
    error = error_of(talk.get())
    assert (error.code, error.retry_after_seconds) == ("temporarily_unavailable", retry_after), gloss
    assert talk.sent == sent, gloss
    assert talk.value("http_client_calls_total", result="failed") == 1


def test_read_wants_200_and_nothing_else():
    assert asyncio.run(Talk(Reply(200, b"[1]", {})).client.read("/things")) == b"[1]"
    for status in (204, 302, 404, 500):
        assert error_of(Talk(Reply(status, b"", {})).client.read("/things")).code == "dependency_failed"


def test_waits_grow_and_retry_after_is_kept():
    talk = Talk(UNAVAILABLE, Reply(503, b"", {"retry-after": "1"}), OK)
    asyncio.run(talk.get())
    first, second, third = (when for when, *_ in talk.transport.sent)
    assert second - first == pytest.approx(0.01 + 0.025), "half of the base"
    assert third - second == pytest.approx(0.01 + 1 + 0.05), "a second, and half of twice the base"


def test_a_post_is_sent_once_unless_it_has_a_key():
    talk = Talk(UNAVAILABLE, OK)
    assert error_of(talk.client.post("/things", b"{}")).code == "temporarily_unavailable"
    assert talk.sent == 1
    talk = Talk(UNAVAILABLE, OK)
    assert asyncio.run(talk.client.post("/things", b"{}", idempotency_key="k-1")).status == 200
    assert [headers["idempotency-key"] for _, _, headers, _ in talk.transport.sent] == ["k-1", "k-1"]
    assert {headers["content-type"] for _, _, headers, _ in talk.transport.sent} == {"application/json"}


def test_the_time_left_shrinks_from_attempt_to_attempt_and_the_trace_stays():
    talk = Talk(UNAVAILABLE, OK)
    with request_served(talk.time.now + 2.0, ("traceparent", TRACE)):
        asyncio.run(talk.get())
    assert [headers["x-request-timeout-ms"] for _, _, headers, _ in talk.transport.sent] == ["2000", "1965"]
    assert [left for *_, left in talk.transport.sent] == pytest.approx([2.0, 1.965])
    assert {headers["traceparent"] for _, _, headers, _ in talk.transport.sent} == {TRACE}


def test_without_time_left_nothing_is_sent():
    talk = Talk(OK)
    with request_served(talk.time.now - 0.1):
        assert error_of(talk.get()).code == "deadline_exceeded"
    assert talk.sent == 0
    assert talk.value("http_client_refusals_total", reason="deadline") == 1


def test_no_attempt_begins_after_the_deadline():
    talk = Talk(UNAVAILABLE, OK)
    with request_served(talk.time.now + 0.03):
        assert error_of(talk.get()).code == "temporarily_unavailable", "0.01 s for the attempt and 0.025 s to wait are too much"
    assert talk.sent == 1


def test_what_outlasts_the_deadline_is_a_504():
    talk = Talk(SLOW)
    talk.transport.seconds = 1.0
    with request_served(talk.time.now + 1.0):
        assert error_of(talk.get()).code == "deadline_exceeded"


def test_a_call_ends_with_its_own_limit_where_the_request_has_more_time():
    talk = Talk(Reply(503, b"", {"retry-after": "2"}))
    talk.transport.seconds = 1.5
    with request_served(talk.time.now + 60.0):
        assert error_of(talk.get()).code == "temporarily_unavailable"
    assert talk.sent == 2, "1.5 s, 2 s of waiting, and the 4 s of the call are over before a third attempt"


def test_when_everything_fails_the_budget_refuses_most_retries():
    talk = Talk(
        UNAVAILABLE,
        policy=DependencyPolicy(breaker=BreakerPolicy(failure_share=1.0, window_attempts=10_000, least_attempts=10_000)),
    )

    async def tell() -> None:
        for _ in range(1000):
            talk.time.now += 0.01
            with pytest.raises(ServiceError):
                await talk.get()

    asyncio.run(tell())
    assert talk.sent <= 1100
    assert talk.value("http_client_refusals_total", reason="budget") > 900


QUICK = BreakerPolicy(window_attempts=10, least_attempts=4, open_seconds=2.0, probes=1)
ONCE = RetryPolicy(attempts=1)


def test_a_dependency_that_fails_is_left_alone_and_then_probed():
    talk = Talk(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, OK, policy=DependencyPolicy(breaker=QUICK, retry=ONCE))

    async def tell() -> None:
        for _ in range(4):
            with pytest.raises(ServiceError):
                await talk.get()
        assert talk.value("http_client_breaker_state") == 2
        with pytest.raises(ServiceError) as refused:
            await talk.get()
        assert (refused.value.code, refused.value.retry_after_seconds) == ("temporarily_unavailable", 2)
        assert talk.sent == 4, "refused without being sent"
        talk.time.now += 2.001
        assert (await talk.get()).status == 200
        assert talk.value("http_client_breaker_state") == 0

    asyncio.run(tell())


def test_a_caller_that_always_asks_two_things_at_once_gets_through_again():
    """Of two calls the second is refused while the first one probes, and with it the first is called off."""
    policy = DependencyPolicy(breaker=replace(QUICK, probes=2), retry=ONCE)

    async def tell() -> None:
        talk = Talk(*[UNAVAILABLE] * 4, OK, policy=policy)
        answer = talk.transport.send

        async def take_a_moment(asked: Asked, headers: Mapping[str, str], *, seconds_left: float) -> Reply:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await answer(asked, headers, seconds_left=seconds_left)

        talk.transport.send = take_a_moment  # type: ignore[method-assign]

        async def both() -> int:
            try:
                async with asyncio.TaskGroup() as calls:
                    calls.create_task(talk.get())
                    calls.create_task(talk.get())
            except ExceptionGroup:
                return 503
            return 200

        statuses = [await both() for _ in range(3)]
        talk.time.now += 2.001
        for _ in range(3):
            statuses.append(await both())
            for _ in range(5):
                await asyncio.sleep(0)
        assert statuses == [503, 503, 503, 503, 503, 200], "two probes, and then both are answered"

    asyncio.run(tell())


@pytest.mark.parametrize(("outcome", "seconds", "state", "gloss"), [
    (SLOW, 2.5, 2, "a timeout after a fair time"),
    (SLOW, 0.2, 0, "who is given next to no time and takes longer has not failed"),
    (Reply(500, b"", {}), 2.5, 2, "internal errors"),
    (Reply(429, b"", {}), 2.5, 0, "limits are the answer of somebody well"),
    (Reply(404, b"", {}), 2.5, 0, "and so is not found"),
])  # fmt: skip
def test_what_opens_the_breaker(outcome: Outcome, seconds: float, state: int, gloss: str):
    talk = Talk(outcome, policy=DependencyPolicy(breaker=QUICK))

    async def tell() -> None:
        for _ in range(4):
            with request_served(talk.time.now + seconds), suppress(ServiceError):
                await talk.get()

    asyncio.run(tell())
    assert talk.value("http_client_breaker_state") == state, gloss


def test_what_is_called_off_neither_opens_the_breaker_nor_keeps_its_place():
    policy = DependencyPolicy(breaker=QUICK, bulkhead=BulkheadPolicy(most_attempts=1, most_waiting=1, wait_seconds=0.001))

    async def tell() -> None:
        talk = Talk(policy=policy)
        never = asyncio.Event()
        answer = talk.transport.send

        async def hang(*_args: object, **_named: object) -> Reply:
            await never.wait()
            raise AssertionError

        talk.transport.send = hang  # type: ignore[method-assign, assignment]
        for _ in range(5):
            call = asyncio.create_task(talk.get())
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        assert talk.value("http_client_requests_total", status="cancelled") == 5
        assert talk.value("http_client_calls_total", result="cancelled") == 5
        talk.transport.send = answer  # type: ignore[method-assign]
        assert (await talk.get()).status == 200

    asyncio.run(tell())


def test_beyond_the_bulkhead_calls_are_refused_while_others_hang():
    policy = DependencyPolicy(bulkhead=BulkheadPolicy(most_attempts=2, most_waiting=1, wait_seconds=0.001))

    async def tell() -> None:
        talk = Talk(policy=policy)
        go = asyncio.Event()

        async def hang(*_args: object, **_named: object) -> Reply:
            await go.wait()
            return OK

        talk.transport.send = hang  # type: ignore[method-assign, assignment]
        calls = [asyncio.create_task(talk.get()) for _ in range(5)]
        await asyncio.wait(calls[2:])
        assert {type(call.exception()) for call in calls[2:]} == {ServiceError}
        assert talk.value("http_client_refusals_total", reason="bulkhead") == 3
        go.set()
        assert [reply.status for reply in await asyncio.gather(*calls[:2])] == [200, 200]

    asyncio.run(tell())


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    failing=st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]),
    pause=st.floats(0.001, 0.2),
    patience=st.floats(0.001, 3.0),
)
def test_whatever_fails_however_often_load_and_time_stay_within_their_bounds(
    seed: int, failing: float, pause: float, patience: float
):
    chance = random.Random(seed)
    unwell: list[Outcome] = [UNAVAILABLE, NOBODY, BROKEN, SLOW, Reply(429, b"", {"retry-after": "1"}), Reply(500, b"", {})]
    talk = Talk(draw=chance.random)
    talk.transport.outcome = lambda _number: chance.choice(unwell) if chance.random() < failing else OK
    keyed = replace(Asked("POST", "/things", body=b"{}"), idempotency_key="k")
    kinds = [Asked("GET", "/things"), Asked("POST", "/things", body=b"{}"), keyed]
    calls = 300

    async def tell() -> None:
        for _ in range(calls):
            talk.time.now += pause
            asked = chance.choice(kinds)
            before, deadline = talk.sent, talk.time.now + patience
            with request_served(deadline), suppress(ServiceError):
                await talk.client.request(asked)
            attempts = talk.transport.sent[before:]
            assert len(attempts) <= (1 if asked.method == "POST" and asked.idempotency_key is None else 3)
            assert all(when < deadline for when, *_ in attempts)
            assert all(each is asked for _, each, *_ in attempts)

    started = talk.time.now
    asyncio.run(tell())
    windows = math.ceil((talk.time.now - started) / 10) + 1
    retries = talk.value("http_client_retries_total")
    assert retries <= 0.08 * calls + 5 * windows
    assert talk.sent <= calls + retries
