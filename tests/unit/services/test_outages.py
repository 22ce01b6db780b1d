"""The data servers are killed and come back; the services neither die nor need a restart."""

from __future__ import annotations

import time

from service_processes import DataServer, Replica, wait_until

API = "/api/v1/orders"
MISSES = 'cache_lookups_total{cache="revenue",result="miss"}'
QUICK_SECONDS = 4.0
"""The pool gives up after 1.5 s; the rest is for a busy machine."""


def test_without_postgresql_503_quickly_and_not_ready_and_back_by_itself(own_orders: Replica, filled: DataServer):
    assert own_orders.client.get(API).status_code == 200
    filled.kill()
    try:
        started = time.monotonic()
        answer = own_orders.client.get(API)
        assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert time.monotonic() - started < QUICK_SECONDS
        assert own_orders.status_of("/readyz") == 503
        assert own_orders.status_of("/healthz") == 200
    finally:
        filled.start()
    wait_until(lambda: own_orders.status_of("/readyz") == 200, "ready again", limit_seconds=10)
    answer = own_orders.client.post(API, json={"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}]})
    assert answer.status_code == 201


def test_a_restart_between_two_requests_is_not_noticed(own_orders: Replica, filled: DataServer):
    """Connections that died while idle are found out before they are used: no request pays for them."""
    assert own_orders.client.get(API).status_code == 200
    filled.kill()
    filled.start()
    assert own_orders.client.get(API).status_code == 200


def test_without_redis_everything_is_served_and_the_cache_comes_back_by_itself(own_orders: Replica, redis: DataServer):
    path = f"{API}/revenue/daily?days=11"
    cached = own_orders.client.get(path).content
    redis.kill()
    try:
        for _ in range(3):
            started = time.monotonic()
            answer = own_orders.client.get(path)
            assert (answer.status_code, answer.content) == (200, cached)
            assert time.monotonic() - started < QUICK_SECONDS
        assert own_orders.status_of("/readyz") == 200
    finally:
        redis.start()

    # Of what nobody has asked for yet: a miss then says that Redis was asked, the other outcome is `unavailable`.
    days = iter(range(12, 91))

    def misses() -> float:
        own_orders.client.get(f"{API}/revenue/daily?days={next(days)}")
        lines = own_orders.client.get("/metrics").text.splitlines()
        return next((float(line.split()[-1]) for line in lines if MISSES in line), 0.0)

    before = misses()
    wait_until(lambda: misses() > before, "a look-up in the restarted cache", limit_seconds=15)


def test_a_service_that_starts_before_its_database_becomes_ready_with_it(
    environment: dict[str, str], filled: DataServer, tmp_path
):
    filled.kill()
    replica = Replica("orders", environment, tmp_path / "orders.log")
    try:
        wait_until(lambda: replica.status_of("/healthz") == 200, "alive")
        assert replica.status_of("/readyz") == 503
        filled.start()
        replica.wait_ready()
    finally:
        if filled.server.is_ready() is False:
            filled.start()
        replica.stop()
