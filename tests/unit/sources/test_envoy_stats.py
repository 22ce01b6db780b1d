"""An Envoy's statistics as rows."""

from scaleproof.sources.envoy_stats import gateway_rows, parse_clusters
from scaleproof.telemetry.tables import GATEWAY

STATS = """# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httproute/shop/orders/rule/0",le="100"} 3
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httproute/shop/orders/rule/0",le="+Inf"} 4
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="httproute/shop/orders/rule/0"} 500
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="httproute/shop/orders/rule/0"} 4
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httproute/shop/orders/rule/1",le="100"} 10
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httproute/shop/orders/rule/1",le="+Inf"} 10
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httproute/shop/orders-old/rule/0",le="100"} 99
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="httproute/shop/orders/rule/0"} 4
"""


def test_the_clusters_of_a_service_are_added_up_and_no_others():
    found = parse_clusters(STATS, {"orders": "httproute/shop/orders/rule/.*", "web": "httproute/shop/web/.*"})
    assert found == {"orders": [(0.1, 13), (float("inf"), 14)]}


def test_a_scrape_becomes_rows_of_the_gateway_table():
    rows = gateway_rows(12.5, {"orders": [(0.1, 13), (float("inf"), 14)], "web": [(0.1, 0)]})
    assert list(rows.columns) == GATEWAY.names
    assert rows.to_numpy().tolist() == [
        [12.5, "orders", 0.1, 13],
        [12.5, "orders", float("inf"), 14],
        [12.5, "web", 0.1, 0],
    ]


def test_a_scrape_without_requests_is_an_empty_gateway_table():
    assert list(gateway_rows(0.0, {}).columns) == GATEWAY.names
