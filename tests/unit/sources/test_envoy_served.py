"""What an Envoy counted of its answers, for whoever watches."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from scaleproof.sources.envoy_stats import CLUSTERS, ROUTE_FILTER, ROUTES, added, fetch_served, parse_served
from scaleproof.telemetry.live import Served

ROUTE_STATS = """# TYPE envoy_vhost_route_upstream_rq_time histogram
envoy_vhost_route_upstream_rq_time_bucket{envoy_virtual_host="gateway",envoy_route="orders",le="100"} 7
envoy_vhost_route_upstream_rq_time_bucket{envoy_virtual_host="gateway",envoy_route="orders",le="+Inf"} 9
# TYPE envoy_vhost_route_upstream_rq_timeout counter
envoy_vhost_route_upstream_rq_timeout{envoy_virtual_host="gateway",envoy_route="orders"} 2
# TYPE envoy_vhost_route_upstream_rq_xx counter
envoy_vhost_route_upstream_rq_xx{envoy_response_code_class="2",envoy_virtual_host="gateway",envoy_route="orders"} 8
envoy_vhost_route_upstream_rq_xx{envoy_response_code_class="5",envoy_virtual_host="gateway",envoy_route="orders"} 3
envoy_vhost_route_upstream_rq_xx{envoy_response_code_class="2",envoy_virtual_host="gateway",envoy_route="unknown"} 5
"""
CLUSTER_STATS = """# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="orders",le="100"} 3
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="orders",le="+Inf"} 4
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="orders"} 4
"""
OF_ROUTES = Served([(0.1, 7), (float("inf"), 11)], answers=11, failures=3, timeouts=2)
OF_CLUSTERS = Served([(0.1, 3), (float("inf"), 4)], answers=4, failures=0)


def test_routes_of_the_embedded_gateway():
    assert parse_served(ROUTE_STATS, ROUTES, {"orders": "orders"}) == {"orders": OF_ROUTES}


def test_clusters_of_another_one():
    assert parse_served(CLUSTER_STATS, CLUSTERS, {"orders": "orders", "web": "web"}) == {"orders": OF_CLUSTERS}


def test_proxies_are_added_up():
    assert added([{"orders": OF_ROUTES}, {"orders": OF_CLUSTERS, "web": OF_CLUSTERS}]) == {
        "orders": Served([(0.1, 10), (float("inf"), 15)], answers=15, failures=3, timeouts=2),
        "web": OF_CLUSTERS,
    }
    assert added([]) == {}


def test_it_is_asked_for_what_matters_alone(serve):
    asked = []

    def answer(path):
        asked.append(path)
        return 200, ROUTE_STATS

    url = serve(answer)
    assert fetch_served(f"{url}/stats/prometheus?filter=something", {"orders": "orders"}) == {"orders": OF_ROUTES}
    (path,) = asked
    assert urlsplit(path).path == "/stats/prometheus"
    assert parse_qs(urlsplit(path).query) == {"filter": [ROUTE_FILTER]}


@pytest.mark.parametrize("status", [404, 503])
def test_one_that_is_being_restarted_has_nothing_to_say(serve, status):
    assert fetch_served(serve(lambda _: (status, "not now")), {"orders": "orders"}) == {}


def test_nor_has_one_that_is_gone():
    assert fetch_served("http://127.0.0.1:9/stats", {"orders": "orders"}) == {}
