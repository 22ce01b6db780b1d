"""Which outcomes are repeated, which count against the dependency."""

from __future__ import annotations

import pytest

from services.common.http_client.exchange import Asked, AttemptError, Failure, Reply
from services.common.http_client.repetition import is_failure, is_repeatable, is_unwell, is_worth_repeating


@pytest.mark.parametrize(("method", "key", "repeatable"), [
    ("GET", None, True), ("HEAD", None, True), ("PUT", None, True), ("DELETE", None, True),
    ("POST", None, False), ("PATCH", None, False), ("POST", "k", True), ("PATCH", "k", True),
])  # fmt: skip
def test_what_may_be_sent_twice(method: str, key: str | None, repeatable: bool):
    assert is_repeatable(Asked(method, "/", idempotency_key=key)) is repeatable


def reply(status: int, **headers: str) -> Reply:
    return Reply(status, b"", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(("outcome", "unwell", "worth_repeating", "failure", "gloss"), [
    (reply(200), False, None, False, "an answer"),
    (reply(404), False, None, False, "so is this one"),
    (reply(500), False, None, True, "broken, and broken the next time"),
    (reply(502), True, True, True, "bad gateway"),
    (reply(503), True, True, True, "unavailable"),
    (reply(504), True, True, True, "gateway timeout"),
    (reply(503, retry_after="1"), True, True, False, "full, and says for how long"),
    (reply(429), True, False, False, "too many requests, nobody knows for how long"),
    (reply(429, retry_after="1"), True, True, False, "too many requests, for a while"),
    (reply(503, x_envoy_attempt_count="1"), True, True, True, "the gateway tried once: it did not retry"),
    (reply(503, x_envoy_attempt_count="3"), True, False, True, "the gateway has retried already"),
    (AttemptError(Failure.UNCONNECTED), True, True, True, "nobody listens"),
    (AttemptError(Failure.DISCONNECTED), True, True, True, "broken off"),
    (AttemptError(Failure.TIMEOUT), True, False, True, "who is slow needs less work"),
])  # fmt: skip
def test_outcome(outcome: Reply | AttemptError, unwell: bool, worth_repeating: bool | None, failure: bool, gloss: str):
    assert is_unwell(outcome) is unwell, gloss
    assert is_failure(outcome) is failure, gloss
    if worth_repeating is not None:
        assert is_worth_repeating(outcome) is worth_repeating, gloss
