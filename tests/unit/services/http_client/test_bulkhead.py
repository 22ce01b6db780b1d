"""Places, a short queue, and a limit to waiting."""

from __future__ import annotations

import asyncio

from services.common.http_client.bulkhead import Bulkhead
from services.common.http_client.policy import BulkheadPolicy

HOUR = 3600.0


def test_two_fit_one_waits_and_the_next_is_refused_at_once():
    async def tell() -> None:
        bulkhead = Bulkhead(BulkheadPolicy(most_attempts=2, most_waiting=1, wait_seconds=HOUR))
        assert await bulkhead.enter(longest_seconds=HOUR)
        assert await bulkhead.enter(longest_seconds=HOUR)
        third = asyncio.create_task(bulkhead.enter(longest_seconds=HOUR))
        await asyncio.sleep(0)
        assert not await bulkhead.enter(longest_seconds=HOUR), "the queue is full"
        assert not third.done()
        bulkhead.leave()
        assert await third, "who waits gets the place that becomes free"
        fourth = asyncio.create_task(bulkhead.enter(longest_seconds=HOUR))
        await asyncio.sleep(0)
        assert not fourth.done(), "and the queue has room again"
        fourth.cancel()

    asyncio.run(tell())


def test_waiting_ends_with_the_policy_or_with_the_callers_time():
    async def tell() -> None:
        for policy_seconds, callers_seconds in ((0.01, HOUR), (HOUR, 0.01), (HOUR, 0.0)):
            bulkhead = Bulkhead(BulkheadPolicy(most_attempts=1, most_waiting=1, wait_seconds=policy_seconds))
            assert await bulkhead.enter(longest_seconds=HOUR)
            async with asyncio.timeout(5):
                assert not await bulkhead.enter(longest_seconds=callers_seconds)
            bulkhead.leave()
            assert await bulkhead.enter(longest_seconds=HOUR), "nothing was lost by waiting in vain"

    asyncio.run(tell())


def test_a_caller_that_gives_up_takes_no_place():
    async def tell() -> None:
        bulkhead = Bulkhead(BulkheadPolicy(most_attempts=1, most_waiting=1, wait_seconds=HOUR))
        assert await bulkhead.enter(longest_seconds=HOUR)
        waiting = asyncio.create_task(bulkhead.enter(longest_seconds=HOUR))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        bulkhead.leave()
        assert await bulkhead.enter(longest_seconds=HOUR)

    asyncio.run(tell())
