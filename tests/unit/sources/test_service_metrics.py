"""A service's /metrics, read and compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.sources.service_metrics import ServiceMetrics, fetch_service_metrics, parse_service_metrics
from scaleproof.spec.errors import CannotMeasureError

TEXT = """# TYPE http_requests_total counter
http_requests_total{method="GET",route="/api/v1/dashboard",status="200"} 90.0
http_requests_total{method="GET",route="/api/v1/dashboard",status="503"} 10.0
http_requests_total{method="GET",route="/readyz",status="503"} 1000.0
# TYPE http_requests_created gauge
http_requests_created{method="GET",route="/api/v1/dashboard",status="200"} 1.7e+09
# TYPE http_client_requests_total counter
http_client_requests_total{callee="orders",status="200"} 140.0
http_client_requests_total{callee="orders",status="error"} 10.0
# TYPE cache_lookups_total counter
cache_lookups_total{cache="summary",result="hit"} 30.0
cache_lookups_total{cache="settings",result="hit"} 30.0
cache_lookups_total{cache="summary",result="miss"} 20.0
# TYPE http_requests_in_flight gauge
http_requests_in_flight 3.0
"""


def test_requests_calls_cache_and_in_flight_are_read():
    metrics = parse_service_metrics(TEXT)
    assert metrics == ServiceMetrics(
        requests=100.0,  # probes are not load
        failed=10.0,
        calls={"orders": 150.0},
        lookups={"hit": 60.0, "miss": 20.0},
        in_flight=3.0,
    )
    assert metrics.calls_per_request == {"orders": 1.5}
    assert metrics.hit_share == 0.75


def test_a_service_that_exports_nothing_of_this_has_zeros():
    metrics = parse_service_metrics("# TYPE python_info gauge\npython_info 1\n")
    assert metrics == ServiceMetrics()
    assert metrics.calls_per_request == {}
    assert metrics.hit_share is None


def test_between_two_scrapes_only_the_difference_counts():
    later = parse_service_metrics(TEXT)
    earlier = ServiceMetrics(80.0, 10.0, {"orders": 100.0}, {"hit": 60.0}, 7.0)
    assert later.since(earlier) == ServiceMetrics(20.0, 0.0, {"orders": 50.0}, {"hit": 0.0, "miss": 20.0}, 3.0)


def test_a_replica_that_started_anew_counts_from_zero():
    anew = ServiceMetrics(5.0, 0.0, {"orders": 2.0})
    assert anew.since(ServiceMetrics(80.0, 10.0, {"orders": 100.0})) == anew


COUNTS = st.integers(0, 10**6).map(float)
METRICS = st.builds(
    ServiceMetrics,
    COUNTS,
    COUNTS,
    st.dictionaries(st.sampled_from("abc"), COUNTS),
    st.dictionaries(st.sampled_from("hm"), COUNTS),
)


@given(METRICS, METRICS)
def test_replicas_add_up_in_any_order_and_what_was_added_can_be_taken_away(one, other):
    both = one + other
    assert both == other + one
    assert both.since(one).requests == other.requests
    assert all(both.since(one).calls[callee] == count for callee, count in other.calls.items())


def test_a_replica_is_scraped_over_http(serve):
    url = serve(lambda path: (200, TEXT) if path == "/metrics" else (404, ""))
    assert fetch_service_metrics(f"{url}/metrics").requests == 100.0


@pytest.mark.parametrize("answer", [(404, "nothing here"), (200, "<html>this is a page</html>")], ids=["404", "a page"])
def test_what_is_not_metrics_says_so(answer, serve):
    url = serve(lambda path: answer)
    with pytest.raises(CannotMeasureError, match="no metrics") as raised:
        fetch_service_metrics(f"{url}/metrics")
    assert raised.value.hint is not None


def test_a_replica_that_does_not_answer_says_so():
    with pytest.raises(CannotMeasureError, match="no metrics"):
        fetch_service_metrics("http://127.0.0.1:1/metrics", timeout_seconds=1)
