"""The port as its readers meet it: over HTTP, on loopback."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from scaleproof.runtime.metrics_history import Counted, MetricsHistory, Seen
from scaleproof.runtime.metrics_port import MetricsPort

NOW = 1_000_020.0


def asked(*requests: tuple[str, str]) -> list[tuple[int, dict]]:
    """Statuses and bodies."""

    async def ask() -> list[tuple[int, dict]]:
        history = MetricsHistory(NOW - 15)
        history.record(NOW, {"orders": Seen(2, 3, Counted(30, 3, ((0.1, 30),)))})
        port = MetricsPort(history, clock=lambda: NOW)
        await port.start()
        try:
            assert port.url.startswith("http://127.0.0.1:")
            found = []
            async with aiohttp.ClientSession() as session:
                for method, path in requests:
                    async with session.request(method, port.url + path) as answer:
                        is_json = answer.content_type == "application/json"
                        found.append((answer.status, await answer.json() if is_json else {}))
            return found
        finally:
            await port.stop()

    return asyncio.run(ask())


def test_it_answers_with_the_history():
    [(status, document)] = asked(("GET", "/v1/history?minutes=1"))
    assert status == 200
    assert document == {
        "version": 1,
        "step_seconds": 15,
        "times": [999_975, 999_990, 1_000_005, 1_000_020],
        "services": {
            "orders": {
                "replicas": [None, None, None, 2],
                "desired": [None, None, None, 3],
                "requests_per_second": [None, None, None, 2.0],
                "error_share": [None, None, None, 0.1],
                "p95_ms": [None, None, None, 95.0],
            }
        },
    }


def test_without_minutes_it_is_an_hour():
    [(_, document)] = asked(("GET", "/v1/history"))
    assert len(document["times"]) * document["step_seconds"] == 3600


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "x", "1.5", "", "%C2%B2", "9" * 5000])
def test_a_wrong_period_is_refused(minutes: str):
    [(status, document)] = asked(("GET", f"/v1/history?minutes={minutes}"))
    assert (status, document) == (400, {"error": "minutes: expected a whole number from 1 to 1440"})


def test_nothing_can_be_changed():
    methods = ("POST", "PUT", "PATCH", "DELETE")
    assert [status for status, _ in asked(*((method, "/v1/history") for method in methods))] == [405] * 4
    assert asked(("GET", "/"), ("GET", "/status")) == [(404, {}), (404, {})]
