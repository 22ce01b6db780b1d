"""SIGTERM: not ready at once, yet nothing that still arrives is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter

import httpx
from service_processes import Replica

API = "/api/v1/orders"


def test_what_arrives_during_the_drain_is_served_and_told_to_close(own_orders: Replica):
    kept = httpx.Client(base_url=own_orders.url, trust_env=False)
    kept_idle = httpx.Client(base_url=own_orders.url, trust_env=False)
    assert kept.get(API).headers.get("connection") is None
    kept_idle.get(API)

    own_orders.process.send_signal(signal.SIGTERM)
    time.sleep(0.15)
    draining = httpx.get(f"{own_orders.url}/readyz", trust_env=False)
    assert (draining.status_code, draining.text) == (503, "draining\n")
    assert httpx.get(f"{own_orders.url}/healthz", trust_env=False).status_code == 200
    for gloss, answer in [
        ("on a connection that was open before", kept.get(API)),
        ("on a new connection", httpx.get(own_orders.url + API, trust_env=False)),
        ("on a connection that had been idle", kept_idle.get(API)),
    ]:
        assert (answer.status_code, answer.headers["connection"]) == (200, "close"), gloss

    assert own_orders.process.wait(timeout=10) == 0


def test_no_request_of_a_steady_stream_fails_before_the_stream_turns_away(own_orders: Replica):
    """As behind a gateway: it goes on sending until it sees that the replica is not ready."""
    outcomes: Counter[object] = Counter()
    turned_away = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=own_orders.url, timeout=10, trust_env=False) as client:
            while not turned_away.is_set():
                try:
                    outcomes[client.get(f"{API}/{1 + outcomes.total()}").status_code] += 1
                except httpx.TransportError as error:
                    outcomes[repr(error)] += 1

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    time.sleep(0.3)
    own_orders.process.send_signal(signal.SIGTERM)
    while own_orders.status_of("/readyz") == 200:
        time.sleep(0.02)
    time.sleep(0.4)  # the gateway needs a moment too
    turned_away.set()
    for sender in senders:
        sender.join()

    assert set(outcomes) == {200}
    assert outcomes[200] > 20
    own_orders.process.wait(timeout=10)


def test_probes_do_not_keep_a_draining_replica_alive(own_orders: Replica):
    own_orders.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    while own_orders.process.poll() is None:
        own_orders.status_of("/readyz")
        time.sleep(0.1)
        assert time.monotonic() - started < 5


def test_a_second_sigterm_ends_it_at_once(own_orders: Replica):
    own_orders.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    own_orders.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    own_orders.process.wait(timeout=10)
    assert time.monotonic() - started < 3
