"""/healthz, /readyz, /metrics, and what a replica costs while it does nothing."""

from __future__ import annotations

import psutil
from service_processes import Replica


def test_ready_and_alive(orders: Replica, dashboard: Replica):
    for replica in (orders, dashboard):
        assert replica.client.get("/healthz").text == "alive\n"
        assert replica.client.get("/readyz").text == "ready\n"


def test_requests_are_counted_by_route_template_and_status(orders: Replica):
    def counted(line: str) -> float:
        values = [row.split()[-1] for row in orders.client.get("/metrics").text.splitlines() if row.startswith(line)]
        return float(values[0]) if values else 0.0

    found = 'http_requests_total{method="GET",route="/api/v1/orders/{order_id}",status="200"}'
    missing = 'http_requests_total{method="GET",route="/api/v1/orders/{order_id}",status="404"}'
    stray = 'http_requests_total{method="GET",route="unmatched",status="404"}'
    latency = 'http_request_duration_seconds_count{method="GET",route="/api/v1/orders/{order_id}"}'
    before = [counted(line) for line in (found, missing, stray, latency)]
    for path in ("/api/v1/orders/1", "/api/v1/orders/2", "/api/v1/orders/987654321", "/wp-login.php"):
        orders.client.get(path)
    after = [counted(line) for line in (found, missing, stray, latency)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 1, 3]


def test_strangers_make_no_new_label_values(orders: Replica):
    orders.client.request("BREW", "/api/v1/orders")
    orders.client.get("/api/v1/orders/search", params={"q": "secret name"})
    metrics = orders.client.get("/metrics").text
    assert "BREW" not in metrics
    assert "secret" not in metrics
    assert "/readyz" not in metrics


def test_metrics_are_what_prometheus_reads(orders: Replica):
    answer = orders.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in ("http_requests_in_flight 0.0", "draining 0.0", "process_cpu_seconds_total", "process_resident_memory_bytes"):
        assert name in answer.text


def test_a_replica_needs_little_memory(orders: Replica, dashboard: Replica):
    for replica in (orders, dashboard):
        assert psutil.Process(replica.process.pid).memory_info().rss < 110e6


def test_the_schema_lists_the_api_and_no_probe(orders: Replica):
    schema = orders.client.get("/openapi.json").json()
    paths = set(schema["paths"])
    answer = schema["paths"]["/api/v1/orders/{order_id}"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/OrderDetail"}
    apis = ("/api/v1/orders", "/api/v2/orders")
    assert paths == {api + path for api in apis for path in ("", "/search", "/revenue/daily", "/products/top", "/{order_id}")}
