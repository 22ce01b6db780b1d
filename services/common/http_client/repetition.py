"""Which attempts may be repeated. Pure."""

from __future__ import annotations

from services.common.http_client.exchange import Asked, AttemptError, Failure, Reply

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Sent twice they do what they do once (RFC 9110, 9.2.2)."""
TOO_MANY_REQUESTS = 429
UNWELL_STATUSES = frozenset({502, 503, 504})
"""The dependency, or what is in front of it, cannot answer now. 500 is not among them: what is broken stays broken."""
SERVER_ERROR = 500
UNAVAILABLE = 503
ATTEMPTS_HEADER = "x-envoy-attempt-count"
"""In an answer: how often the gateway in between has tried. Only one layer retries a call."""


def is_repeatable(asked: Asked) -> bool:
    """Whether it may be sent twice at all."""
    return asked.method in IDEMPOTENT_METHODS or asked.idempotency_key is not None


def is_unwell(outcome: Reply | AttemptError) -> bool:
    """Whether the outcome says nothing but that the dependency cannot answer now."""
    if isinstance(outcome, AttemptError):
        return True
    return outcome.status in UNWELL_STATUSES or outcome.status == TOO_MANY_REQUESTS


def is_worth_repeating(outcome: Reply | AttemptError) -> bool:
    """Whether an unwell outcome may well be another one soon.

    Not after a timeout: who is slow needs less work, and the caller has already waited. Not after 429 without Retry-After: nobody
    knows when the limit lets anything through.
    """
    if isinstance(outcome, AttemptError):
        return outcome.failure is not Failure.TIMEOUT
    if outcome.status == TOO_MANY_REQUESTS and "retry-after" not in outcome.headers:
        return False
    return outcome.headers.get(ATTEMPTS_HEADER, "1") == "1"


def is_failure(outcome: Reply | AttemptError) -> bool:
    """For the circuit breaker. 429, and 503 with Retry-After, are answers of somebody who is well but full.

    An overloaded service refuses some and serves the others: not to ask it at all would refuse those, too.
    """
    if isinstance(outcome, AttemptError):
        return True
    full = outcome.status == UNAVAILABLE and "retry-after" in outcome.headers
    return outcome.status >= SERVER_ERROR and not full
