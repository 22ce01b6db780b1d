"""What the overview does with orders' answers and errors; orders is a fake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from services.common.errors.raised import ServiceError
from services.dashboard.service import DashboardService

REVENUE = "/api/v1/orders/revenue/daily"
NEWEST = "/api/v1/orders"
BODIES = {
    REVENUE: b'{"days": [{"day": "2026-01-01", "orders": 2, "revenue_cents": 700}], "total_cents": 700}',
    NEWEST: b'{"orders": []}',
}


class FakeOrders:
    """Answers from a table, raises what is an error in it, and never comes back from what is missing in it."""

    def __init__(self, answers: Mapping[str, bytes | Exception]) -> None:
        self.answers = answers
        self.called_off: list[str] = []

    async def read(self, path: str, query: Mapping[str, str | int]) -> bytes:
        try:
            if path not in self.answers:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.called_off.append(path)
            raise
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


def overview(orders: FakeOrders):
    return asyncio.run(DashboardService(None, orders).overview(7))  # type: ignore[arg-type]  # no settings are read here


def test_both_answers_make_an_overview():
    found = overview(FakeOrders(BODIES))
    assert (found.revenue_cents, found.orders, found.mean_order_cents, found.newest) == (700, 2, 350, [])


@pytest.mark.parametrize("path", [REVENUE, NEWEST])
def test_where_one_is_not_answered_the_other_is_called_off(path: str):
    orders = FakeOrders({path: ServiceError("temporarily_unavailable", retry_after_seconds=3)})
    with pytest.raises(ServiceError) as caught:
        overview(orders)
    assert (caught.value.code, caught.value.retry_after_seconds) == ("temporarily_unavailable", 3)
    assert orders.called_off == [NEWEST if path == REVENUE else REVENUE]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"orders": [{"id": "x"}]}'])
def test_an_answer_that_makes_no_sense_is_the_dependencys_failure(body: bytes):
    with pytest.raises(ServiceError) as caught:
        overview(FakeOrders({**BODIES, NEWEST: body}))
    assert caught.value.code == "dependency_failed"
