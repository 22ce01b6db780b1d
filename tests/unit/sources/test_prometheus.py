"""A run out of a Prometheus: a real HTTP server that speaks query_range of its API v1, with answers written down here."""

import json
import math
import re
import socket
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from scaleproof.sources.prometheus import read_run_tables
from scaleproof.sources.prometheus_platform import PrometheusPlatform
from scaleproof.sources.prometheus_queries import PrometheusQueries
from scaleproof.sources.prometheus_server import MOST_POINTS
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.telemetry.tables import TABLES
from scaleproof.tuner.ports import Observations

START = 1_790_000_000.0
QUERIES = PrometheusQueries(namespace="shop")


def over(seconds, value):
    """A series: from..to within the run, seconds after START, at one value or at value(second)."""
    return {second: value(second) if callable(value) else value for second in seconds}


class Recorded:
    """Answers per metric name: a list of (labels, {second: value}). Everything asked is kept."""

    def __init__(self, **metrics):
        self.metrics = metrics
        self.asked = []

    def __call__(self, path):
        assert urlsplit(path).path == "/api/v1/query_range"
        asked = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        self.asked.append(asked)
        first, last = float(asked["start"]), float(asked["end"])
        name = next((name for name in self.metrics if re.search(rf"\b{name}\b", asked["query"])), None)
        result = []
        for labels, samples in self.metrics.get(name, []):
            if "service" in labels and labels["service"] not in asked["query"]:
                continue
            values = [[START + second, str(value)] for second, value in samples.items() if first <= START + second <= last]
            if values:
                result.append({"metric": {key: value for key, value in labels.items() if key != "service"}, "values": values})
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def pods(**series):
    return [({"pod": pod.replace("_", "-"), "service": "orders"}, samples) for pod, samples in series.items()]


SCALE_UP = {
    # orders-a was there before; orders-b is created at 10, ready at 14, terminates from 25 and is gone after 27
    "kube_pod_status_phase": pods(orders_a=over(range(31), 1), orders_b=over(range(10, 28), 1)),
    "kube_pod_status_ready": pods(
        orders_a=over(range(31), lambda second: int(second not in (20, 21))),
        orders_b=over(range(10, 28), lambda s: int(14 <= s < 25)),
    ),
    "kube_pod_deletion_timestamp": pods(orders_b=over(range(25, 28), START + 55)),
    "container_cpu_cfs_throttled_periods_total": pods(orders_a=over(range(31), 0.25)),
    "container_cpu_usage_seconds_total": pods(orders_a=over(range(31), 0.12), orders_b=over(range(15, 28), 0.1)),
    "container_memory_working_set_bytes": pods(orders_a=over(range(31), 100e6), orders_b=over(range(15, 28), 90e6)),
    "envoy_cluster_upstream_rq_time_bucket": [
        ({"le": "100"}, over((0, 15, 30), lambda second: second * 90)),
        ({"le": "+Inf"}, over((0, 15, 30), lambda second: second * 100)),
    ],
    "kube_horizontalpodautoscaler_status_current_replicas": [({}, over(range(0, 31, 15), 1))],
    "kube_horizontalpodautoscaler_status_desired_replicas": [
        ({}, over(range(0, 31, 15), lambda second: 2 if second < 20 else 1))
    ],
    "kube_horizontalpodautoscaler_status_target_metric": [({}, over((15, 30), 120))],
    "kube_horizontalpodautoscaler_spec_target_metric": [({}, over(range(0, 31, 15), 80))],
}


@pytest.fixture
def tables(serve):
    return read_run_tables(serve(Recorded(**SCALE_UP)), START, START + 30, QUERIES, ["orders"])


def test_every_table_has_the_columns_of_a_run(tables):
    assert set(tables) == {"replicas", "gateway", "decisions", "events"}
    for name, frame in tables.items():
        assert list(frame.columns) == TABLES[name].names
        assert len(frame) > 0
        assert frame["time_s"].is_monotonic_increasing


def test_replicas_have_their_states_over_time(tables):
    replicas = tables["replicas"].set_index(["replica", "time_s"])["state"]
    assert [replicas["orders-b", float(second)] for second in (10, 13, 14, 24, 25, 27)] == [
        "starting",
        "starting",
        "ready",
        "ready",
        "draining",
        "draining",
    ]
    assert ("orders-b", 28.0) not in replicas.index
    assert [replicas["orders-a", float(second)] for second in (19, 20, 21, 22)] == ["ready", "unready", "unready", "ready"]


def test_replicas_have_cpu_throttling_and_memory_and_zero_where_nobody_looked_yet(tables):
    rows = tables["replicas"].set_index(["replica", "time_s"])
    assert rows.loc[("orders-a", 5.0), ["cpu_cores", "throttled_share", "memory_bytes"]].tolist() == [0.12, 0.25, 100_000_000]
    assert rows.loc[("orders-b", 11.0), ["cpu_cores", "throttled_share", "memory_bytes"]].tolist() == [0.0, 0.0, 0]


def test_the_gateways_histogram_is_in_seconds(tables):
    gateway = tables["gateway"]
    assert gateway["upper_bound_s"].unique().tolist() == [0.1, math.inf]
    assert gateway[gateway["time_s"] == 30]["count"].tolist() == [2700, 3000]


def test_decisions_are_what_the_autoscaler_published(tables):
    decisions = tables["decisions"]
    assert decisions["desired_replicas"].tolist() == [2, 2, 1]
    assert decisions["message"].iloc[0] == "1 -> 2 replicas, as the cluster's autoscaler published"
    assert decisions["utilization"].isna().tolist() == [True, False, False]
    assert decisions["target"].tolist() == [80, 80, 80]


def test_events_are_the_changes_of_state(tables):
    events = tables["events"]
    assert list(zip(events["time_s"], events["kind"], events["replica"], strict=True)) == [
        (10.0, "created", "orders-b"),
        (14.0, "ready", "orders-b"),
        (22.0, "ready", "orders-a"),
        (25.0, "draining", "orders-b"),
        (27.0, "stopped", "orders-b"),
    ]


def test_without_an_autoscaler_or_gateway_metrics_those_tables_are_empty(serve):
    only_pods = {"kube_pod_status_phase": SCALE_UP["kube_pod_status_phase"]}
    tables = read_run_tables(serve(Recorded(**only_pods)), START, START + 30, QUERIES, ["orders"])
    assert (len(tables["gateway"]), len(tables["decisions"])) == (0, 0)
    assert set(tables["replicas"]["state"]) == {"starting"}
    assert list(tables["gateway"].columns) == TABLES["gateway"].names


def test_a_crash_loop_is_a_failed_replica(serve):
    metrics = SCALE_UP | {"kube_pod_container_status_waiting_reason": pods(orders_a=over((5, 6), 1))}
    tables = read_run_tables(serve(Recorded(**metrics)), START, START + 30, QUERIES, ["orders"])
    replicas = tables["replicas"].set_index(["replica", "time_s"])["state"]
    assert [replicas["orders-a", float(second)] for second in (4, 5, 6, 7)] == ["ready", "failed", "failed", "ready"]
    assert "crashed" in tables["events"]["kind"].tolist()


def test_two_services_do_not_mix(serve):
    metrics = {
        "kube_pod_status_phase": [
            ({"pod": "orders-1", "service": "orders"}, over(range(5), 1)),
            ({"pod": "web-1", "service": "web"}, over(range(5), 1)),
        ]
    }
    tables = read_run_tables(serve(Recorded(**metrics)), START, START + 4, QUERIES, ["orders", "web"])
    assert tables["replicas"].groupby("service")["replica"].unique().map(list).to_dict() == {
        "orders": ["orders-1"],
        "web": ["web-1"],
    }


def test_a_long_run_is_asked_for_in_pieces_that_prometheus_answers(serve):
    hours = 2 * MOST_POINTS + 5
    recorded = Recorded(kube_pod_status_phase=pods(orders_a=over((0, MOST_POINTS - 1, MOST_POINTS, hours), 1)))
    tables = read_run_tables(serve(recorded), START, START + hours, QUERIES, ["orders"])
    assert tables["replicas"]["time_s"].tolist() == [0, MOST_POINTS - 1, MOST_POINTS, hours]  # none twice, none lost
    spans = [(float(asked["start"]), float(asked["end"])) for asked in recorded.asked if "status_phase" in asked["query"]]
    assert len(spans) == 3
    assert max((last - first) + 1 for first, last in spans) <= 11_000


def test_queries_can_be_overridden_and_name_service_and_namespace(serve):
    recorded = Recorded(my_pods=[({"pod": "x"}, over(range(3), 1))])
    queries = PrometheusQueries(namespace="shop|test", exists='my_pods{ns=~"$namespace",app="$service",re=~"x$$"}')
    read_run_tables(serve(recorded), START, START + 2, queries, ["orders"])
    assert recorded.asked[0]["query"] == 'my_pods{ns=~"shop|test",app="orders",re=~"x$"}'


def test_default_queries_have_no_placeholder_left():
    for name, field in PrometheusQueries.model_fields.items():
        if field.annotation is str and name != "namespace":
            rendered = QUERIES.render(name, "orders")
            assert "$" not in rendered
            assert "{{" not in rendered
            assert rendered.count("(") == rendered.count(")")


@pytest.mark.parametrize("query", ["up{x='$pod'}", "up{x=~'a$'}"])
def test_an_unknown_placeholder_is_refused(query):
    with pytest.raises(ValidationError, match=r"may contain \$service, \$namespace"):
        PrometheusQueries(exists=query)


# ---- what can go wrong


def test_unreachable_says_what_to_do_and_does_not_keep_anyone_waiting():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    begin = time.monotonic()
    with pytest.raises(CannotMeasureError, match=f"Prometheus at http://127.0.0.1:{port} cannot be reached") as raised:
        read_run_tables(f"http://127.0.0.1:{port}", START, START + 10, QUERIES, ["orders"])
    assert "kubectl port-forward" in raised.value.hint
    assert time.monotonic() - begin < 5


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("scaleproof.sources.prometheus_server.TIMEOUT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(CannotMeasureError, match="cannot be reached within"):
            read_run_tables(f"http://127.0.0.1:{silent.getsockname()[1]}/", START, START + 10, QUERIES, ["orders"])


@pytest.mark.parametrize(
    ("status", "text", "error", "says"),
    [
        (400, '{"status":"error","error":"parse error"}', BadInputError, "refuses the query 'exists' of 'orders'.*parse error"),
        (401, "", CannotMeasureError, "wants authentication"),
        (500, "oops", CannotMeasureError, "fails: .*500"),
        (200, "<html>hello</html>", CannotMeasureError, "does not answer like a Prometheus"),
        (200, '{"status":"success"}', CannotMeasureError, "does not answer like a Prometheus"),
    ],
)
def test_each_failure_of_the_server_has_its_message(status, text, error, says, serve):
    with pytest.raises(error, match=says) as raised:
        read_run_tables(serve(lambda path: (status, text)), START, START + 10, QUERIES, ["orders"])
    assert raised.value.hint


def test_a_service_that_prometheus_does_not_know_is_named(serve):
    with pytest.raises(CannotMeasureError, match="knows no pod of 'orders' between 2026-09-21") as raised:
        read_run_tables(serve(Recorded()), START, START + 10, QUERIES, ["orders"])
    assert "kube_pod_status_phase" in raised.value.hint


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://", ""])
def test_a_wrong_address_is_refused_before_anything_is_asked(url):
    with pytest.raises(BadInputError, match="not the address of a Prometheus"):
        read_run_tables(url, START, START + 10, QUERIES, ["orders"])


def test_a_time_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(BadInputError, match=r"ends .* before it begins"):
        read_run_tables("http://127.0.0.1:1", START, START - 1, QUERIES, ["orders"])


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"kube_pod_status_phase": [({}, {1: 1})]}, "'exists' answers without the label `pod`"),
        (
            SCALE_UP | {"envoy_cluster_upstream_rq_time_bucket": [({}, {1: 1})]},
            "'gateway_buckets' answers without the label `le`",
        ),
    ],
)
def test_an_answer_without_the_label_that_is_read_says_so(metrics, says, serve):
    with pytest.raises(BadInputError, match=says):
        read_run_tables(serve(Recorded(**metrics)), START, START + 30, QUERIES, ["orders"])


def test_a_token_is_sent_as_a_header_and_a_refusal_is_not_tried_again(serve):
    url = serve(lambda path: (401, path))
    with pytest.raises(CannotMeasureError, match="wants authentication") as raised:
        read_run_tables(url, START, START + 10, QUERIES, ["orders"], bearer_token="secret")
    assert [headers["Authorization"] for headers in serve.headers] == ["Bearer secret"]
    assert "secret" not in str(raised.value)


class Platform:
    """A platform that notes what it is asked, and knows the machine but nothing else."""

    name = "local"

    def __init__(self):
        self.asked = []

    def observe(self, start, end):
        return Observations(tables={"host": "the machine's own", "replicas": "not this one"})

    def __getattr__(self, order):
        return lambda *arguments: self.asked.append((order, *arguments))


def test_a_platform_seen_by_prometheus_keeps_its_own_machine_and_passes_orders_on(serve):
    own = Platform()
    platform = PrometheusPlatform(own, serve(Recorded(**SCALE_UP)), ("orders",))
    tables = platform.observe(START, START + 30).tables
    assert tables["host"] == "the machine's own"
    assert set(tables["replicas"]["replica"]) == {"orders-a", "orders-b"}
    platform.stamp()
    platform.apply("policy")
    platform.hold({"orders": 2})
    platform.release()
    platform.settle(5)
    platform.states()
    assert own.asked == [("stamp",), ("apply", "policy"), ("hold", {"orders": 2}), ("release",), ("settle", 5), ("states",)]
