"""How long to wait before a call is repeated. Pure; the draw is an argument."""

from __future__ import annotations

from collections.abc import Callable

from services.common.http_client.policy import RetryPolicy

_MOST_DOUBLINGS = 30


def full_jitter(retry: int, policy: RetryPolicy, draw: Callable[[], float]) -> float:
    """Seconds before the retry of that number (from 1), drawn evenly from 0 to a range that doubles up to its limit.

    `draw` gives numbers from 0 to 1. The whole range is drawn from, as callers that failed together must not come back together.
    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    reach = policy.base_seconds * 2.0 ** min(retry - 1, _MOST_DOUBLINGS)
    return draw() * min(policy.longest_wait_seconds, reach)


def wait_before(retry: int, policy: RetryPolicy, draw: Callable[[], float], *, retry_after: float | None) -> float | None:
    """The same after an answer that may have said Retry-After (seconds): never sooner than it says; None where it says too long."""
    wait = full_jitter(retry, policy, draw)
    if retry_after is None:
        return wait
    return retry_after + wait if retry_after <= policy.longest_retry_after_seconds else None
