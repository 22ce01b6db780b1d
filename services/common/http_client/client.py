"""Calls to one dependency: who may call, how long, how often."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus

from services.common.errors.raised import ServiceError
from services.common.http_client.backoff import wait_before
from services.common.http_client.bulkhead import Bulkhead
from services.common.http_client.call_metrics import DependencyMetrics
from services.common.http_client.circuit_breaker import BreakerState, CircuitBreaker
from services.common.http_client.clock import REAL, Clock
from services.common.http_client.exchange import Asked, AttemptError, Failure, Reply
from services.common.http_client.policy import DependencyPolicy
from services.common.http_client.propagation import headers_for, serving
from services.common.http_client.repetition import is_failure, is_repeatable, is_unwell, is_worth_repeating
from services.common.http_client.retry_after import read_retry_after
from services.common.http_client.retry_budget import RetryBudget
from services.common.http_client.transport import Transport
from services.common.tracing.client_span import end_attempt, start_attempt, trace_headers

MOST_RETRY_AFTER_SECONDS = 60.0
"""What users are told at most."""

log = logging.getLogger(__name__)


class ServiceClient:
    """One dependency.

    An attempt passes the circuit breaker and the bulkhead; a call repeats it as far as the retry policy, the budget of all calls
    and its own time allow. Every error is a ServiceError: `temporarily_unavailable` with Retry-After, `deadline_exceeded` where
    the request being served has no time left, `dependency_failed` for an answer that nobody expects.

    `propagates`: whether deadline and trace are handed on. Strangers outside the platform are told neither.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        policy: DependencyPolicy,
        metrics: DependencyMetrics,
        clock: Clock = REAL,
        draw: Callable[[], float] = random.random,
        propagates: bool = True,
    ) -> None:
        self._name = name
        self._transport = transport
        self._policy = policy
        self._metrics = metrics
        self._clock = clock
        self._draw = draw
        self._propagates = propagates
        self._budget = RetryBudget(policy.retry)
        self._breaker = CircuitBreaker(name, policy.breaker)
        self._bulkhead = Bulkhead(policy.bulkhead)
        self._probe: asyncio.Future[Reply | AttemptError] | None = None
        metrics.watch(breaker_state=lambda: float(self._breaker.state))

    async def open(self) -> None:
        """Called in the running loop, before the first call."""
        await self._transport.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def read(self, path: str, query: Mapping[str, str | int] | None = None) -> bytes:
        """The body of a GET that must be answered 200; another answer is `dependency_failed`."""
        reply = await self.get(path, query)
        if reply.status != HTTPStatus.OK:
            log.warning("%s answered %d to GET %s", self._name, reply.status, path)
            raise ServiceError("dependency_failed")
        return reply.body

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Reply:
        """The answer to a GET."""
        return await self.request(Asked("GET", path, query))

    async def post(self, path: str, body: bytes, *, idempotency_key: str | None = None) -> Reply:
        """The answer to a POST of JSON. Only with a key is it repeated: the dependency then knows that it is the same one."""
        return await self.request(Asked("POST", path, body=body, idempotency_key=idempotency_key))

    async def request(self, asked: Asked) -> Reply:
        """The answer, whatever its status but for those that say no more than "not now": 429, 502, 503 and 504 are errors here."""
        result = "cancelled"
        try:
            reply = await self._answer(asked)
            result = "answered"
        except ServiceError:
            result = "failed"
            raise
        finally:
            self._metrics.called(result)
        return reply

    async def _answer(self, asked: Asked) -> Reply:
        incoming = serving()
        ends = self._clock.now() + self._policy.timeouts.call_seconds
        if incoming is not None:
            ends = min(ends, incoming.deadline)
        for number in itertools.count(1):
            outcome = await self._attempt(asked, ends, number=number)
            if isinstance(outcome, Reply) and not is_unwell(outcome):
                return outcome
            wait = self._wait_after(outcome, asked, ends, number=number)
            if wait is None:
                raise self._error(self._retry_after(outcome) or 0.0)
            self._metrics.retried()
            await self._clock.sleep(wait)
        raise AssertionError("unreachable")

    async def _attempt(self, asked: Asked, ends: float, *, number: int) -> Reply | AttemptError:
        now = self._clock.now()
        permit = self._breaker.admit(now)
        if permit is None:
            raise self._refusal("breaker", self._breaker.seconds_left(now))
        attempt = self._permitted(permit, asked, ends, number=number)
        if self._breaker.state is BreakerState.CLOSED:
            return await attempt
        # A probe is seen to its end even where its caller is called off. A caller that asks two things at once calls the probe off
        # as soon as the other is refused for it: the breaker would never close.
        self._probe = asyncio.ensure_future(attempt)
        return await asyncio.shield(self._probe)

    async def _permitted(self, permit: int, asked: Asked, ends: float, *, number: int) -> Reply | AttemptError:
        told = False
        try:
            if not await self._bulkhead.enter(longest_seconds=max(0.0, ends - self._clock.now())):
                raise self._refusal("bulkhead")
            try:
                left = ends - self._clock.now()
                if left <= 0:
                    raise self._refusal("deadline")
                outcome = await self._send(asked, left, number=number)
            finally:
                self._bulkhead.leave()
            # Who is given next to no time and takes longer has not failed.
            told = left >= self._policy.timeouts.read_seconds or not has_timed_out(outcome)
        finally:
            if not told:
                self._breaker.give_back(permit)
        if told:
            self._breaker.record(permit, self._clock.now(), failed=is_failure(outcome))
        return outcome

    async def _send(self, asked: Asked, left: float, *, number: int) -> Reply | AttemptError:
        started = self._clock.now()
        if number == 1:
            self._budget.asked(started)
        span = start_attempt(self._name, asked.method, number=number)
        headers = {**headers_for(serving(), left), **trace_headers(span)} if self._propagates else {}
        if asked.body is not None:
            headers["content-type"] = "application/json"
        if asked.idempotency_key is not None:
            headers["idempotency-key"] = asked.idempotency_key
        headers.update(asked.headers or {})
        status = "cancelled"
        outcome: Reply | AttemptError
        try:
            outcome = await self._transport.send(asked, headers, seconds_left=left)
            status = str(outcome.status)
        except AttemptError as error:
            outcome = error
            status = error.failure.value
        finally:
            self._metrics.attempted(status, self._clock.now() - started)
            end_attempt(span, status)
        return outcome

    def _wait_after(self, outcome: Reply | AttemptError, asked: Asked, ends: float, *, number: int) -> float | None:
        """Seconds until the attempt is repeated; None where it is not."""
        retry = self._policy.retry
        if number >= retry.attempts or not is_repeatable(asked) or not is_worth_repeating(outcome):
            return None
        wait = wait_before(number, retry, self._draw, retry_after=self._retry_after(outcome))
        now = self._clock.now()
        if wait is None or now + wait >= ends:
            return None
        if not self._budget.take(now):
            self._metrics.refused("budget")
            return None
        return wait

    def _retry_after(self, outcome: Reply | AttemptError) -> float | None:
        text = outcome.headers.get("retry-after") if isinstance(outcome, Reply) else None
        return None if text is None else read_retry_after(text, unix_now=self._clock.unix())

    def _refusal(self, reason: str, retry_after: float = 0.0) -> ServiceError:
        self._metrics.refused(reason)
        return self._error(retry_after)

    def _error(self, retry_after: float) -> ServiceError:
        """503 with Retry-After in whole seconds; 504 where the request being served has come to its end."""
        incoming = serving()
        if incoming is not None and self._clock.now() >= incoming.deadline:
            return ServiceError("deadline_exceeded")
        seconds = min(max(retry_after, 1.0), MOST_RETRY_AFTER_SECONDS)
        return ServiceError("temporarily_unavailable", retry_after_seconds=math.ceil(seconds))


def has_timed_out(outcome: Reply | AttemptError) -> bool:
    """Whether nothing came in time."""
    return isinstance(outcome, AttemptError) and outcome.failure is Failure.TIMEOUT
