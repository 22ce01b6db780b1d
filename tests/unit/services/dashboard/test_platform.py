"""What the dashboard tells of the platform: from the runtime's own port, from a Prometheus, and where neither can tell."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from dashboard_app import ServedApp, Somebody
from dashboard_issuer import Issuer
from served_metrics import recorded
from served_metrics import served as served_port

from scaleproof.components.recording_rules import rule_file
from scaleproof.spec.platform import Platform
from services.common.errors.raised import ServiceError
from services.common.settings import SettingsError
from services.common.tokens.principal import Role
from services.dashboard.platform_service import PlatformService
from services.dashboard.prometheus_metrics import PATH, PrometheusMetrics, expression
from services.dashboard.runtime_metrics import RuntimeMetrics
from services.dashboard.settings import Settings

NOW = 1_800_000_000.0
"""A multiple of all steps: 15 s, and 360 s of a day."""
Open = Callable[..., ServedApp]


@pytest.fixture
def dashboard(layouts_url: str, issuer: Issuer) -> Iterator[Open]:
    """A dashboard that is told where metrics are, at each call."""
    made: list[ServedApp] = []

    def start(**told: str) -> ServedApp:
        made.append(ServedApp({"DATABASE_URL": layouts_url, **issuer.environment, **told}))
        return made[-1]

    yield start
    for app in made:
        app.close()


@pytest.fixture
def admin(issuer: Issuer) -> Callable[[ServedApp], Somebody]:
    return lambda app: Somebody.new(app, issuer, Role.admin)


def test_replicas_and_health_come_from_the_runtimes_port(dashboard: Open, admin: Callable[[ServedApp], Somebody]):
    with served_port(recorded(NOW), lambda: NOW) as url:
        asked = admin(dashboard(SCALEPROOF_METRICS_URL=url))
        replicas = asked.ask("GET", "/platform/replicas?minutes=60").json()
        health = asked.ask("GET", "/platform/health?minutes=5").json()
    assert (replicas["step_seconds"], len(replicas["times"]), replicas["times"][-1]) == (15, 240, NOW)
    assert [service["name"] for service in replicas["services"]] == ["dashboard", "orders"]
    orders = replicas["services"][1]
    assert orders["replicas"] == orders["desired"] == [1] * 120 + [4] * 120
    assert len(health["times"]) == 20
    silent, orders = health["services"]
    assert (silent["error_share"], silent["p95_ms"]) == ([None] * 20, [None] * 20)
    assert orders["requests_per_second"] == [20.0] * 20
    assert orders["error_share"] == [0.05] * 20
    assert orders["p95_ms"] == sorted(orders["p95_ms"])
    assert 100 < orders["p95_ms"][0] < orders["p95_ms"][-1] < 200


@pytest.mark.parametrize("path", ["/platform/replicas", "/platform/health"])
@pytest.mark.parametrize("query", ["minutes=4", "minutes=1441", "minutes=x", "days=1"])
def test_a_wrong_query_is_422(path: str, query: str, served: ServedApp, somebody: Callable[..., Somebody]):
    answer = somebody(Role.admin).ask("GET", f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@contextmanager
def silent_port() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_port_that_says_nothing_slows_nothing_else(dashboard: Open, admin: Callable[[ServedApp], Somebody]):
    with silent_port() as url:
        asked = admin(dashboard(SCALEPROOF_METRICS_URL=url))

        def health() -> tuple[httpx.Response, float]:
            begun = time.monotonic()
            return asked.ask("GET", "/platform/health"), time.monotonic() - begun

        with ThreadPoolExecutor(24) as users:
            waiting = [users.submit(health) for _ in range(24)]
            took = []
            for _ in range(20):
                begun = time.monotonic()
                assert asked.ask("GET", "/preferences").status_code == 200
                took.append(time.monotonic() - begun)
            answers = [each.result() for each in waiting]
    assert sorted(took)[len(took) // 2] < 0.25
    assert {(answer.status_code, answer.json()["code"]) for answer, _ in answers} == {(503, "temporarily_unavailable")}
    assert all("retry-after" in answer.headers for answer, _ in answers)
    assert max(seconds for _, seconds in answers) < 4


def test_a_dead_port_is_said_at_once(dashboard: Open, admin: Callable[[ServedApp], Somebody]):
    answer = admin(dashboard(SCALEPROOF_METRICS_URL="http://127.0.0.1:9")).ask("GET", "/platform/replicas")
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")


class Recorded:
    """Answers by what the path or the expression holds."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[Mapping[str, str | int]] = []

    async def read(self, path: str, query: Mapping[str, str | int]) -> bytes:
        self.asked.append(query)
        whole = f"{path} {query.get('query', '')}"
        return next(body for part, body in self.answers.items() if part in whole)


SERIES = {"replicas": [1], "desired": [1], "requests_per_second": [0], "error_share": [None], "p95_ms": [None]}
ANSWER = {"version": 1, "step_seconds": 15, "times": [0], "services": {"orders": SERIES}}


def test_a_newer_port_may_tell_more():
    newer = {**ANSWER, "since": 0, "services": {"orders": {**SERIES, "cpu": [1]}}}
    found = asyncio.run(PlatformService(RuntimeMetrics(Recorded({"/v1/history": json.dumps(newer).encode()}))).replicas(5))
    assert [(service.name, service.replicas) for service in found.services] == [("orders", [1])]


@pytest.mark.parametrize("answer", [
    {}, {**ANSWER, "version": 2}, {**ANSWER, "times": [0, 15]}, {**ANSWER, "services": {"orders": {**SERIES, "p95_ms": ["x"]}}},
])  # fmt: skip
def test_an_answer_of_the_port_that_makes_no_sense_is_its_failure(answer: dict):
    with pytest.raises(ServiceError, match="dependency_failed"):
        asyncio.run(RuntimeMetrics(Recorded({"/v1/history": json.dumps(answer).encode()})).history(5, ["p95_ms"]))


def matrix(label: str, **series: list[tuple[int, str]]) -> bytes:
    """As a Prometheus 2.42 answers a question for a range."""
    result = [{"metric": {label: name.replace("_", "-")}, "values": values} for name, values in series.items()]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


LAST = int(NOW) + 15
"""Prometheus is asked about a step at its end."""
PROMETHEUS = {
    "current_replicas": matrix("horizontalpodautoscaler", orders=[(LAST - 15, "2"), (LAST, "5")], keda_hpa_web=[(LAST, "1")]),
    "desired_replicas": matrix("horizontalpodautoscaler", orders=[(LAST, "3")]),
    "rq:rate1m": matrix("envoy_cluster_name", orders=[(LAST - 15, "0"), (LAST, "20")], web=[(LAST, "4")]),
    "rq_5xx:rate1m": matrix("envoy_cluster_name", orders=[(LAST, "2")]),
    "p95_1m": matrix("envoy_cluster_name", orders=[(LAST - 15, "120.5"), (LAST, "NaN")]),
}


def test_a_prometheus_is_asked_by_the_names_of_the_recording_rules():
    prometheus = Recorded(PROMETHEUS)
    platform = PlatformService(PrometheusMetrics(prometheus, namespace="shop", clock=lambda: NOW + 3))
    replicas, health = asyncio.run(platform.replicas(5)), asyncio.run(platform.health(5))
    assert replicas.times[-1] == NOW
    assert len(replicas.times) == len(health.times) == 20
    by_name = {service.name: service for service in replicas.services}
    assert list(by_name) == ["orders", "web"]
    assert (by_name["orders"].replicas[-3:], by_name["orders"].desired[-2:]) == ([None, 2, 5], [None, 3])
    assert (by_name["web"].replicas[-1], by_name["web"].desired[-1]) == (1, None)
    orders, web = health.services
    assert (orders.error_share[-2:], orders.requests_per_second[-2:]) == ([None, 0.1], [0, 20])
    assert orders.p95_ms[-2:] == [120.5, None]
    assert (web.error_share[-1], web.p95_ms[-1]) == (0, None)
    expressions = [str(asked["query"]) for asked in prometheus.asked]
    assert len(expressions) == 5, "two questions for replicas, three for health"
    assert {'{namespace="shop"}' in each for each in expressions if "autoscaler" in each} == {True}


def test_a_day_of_a_prometheus_has_longer_steps():
    prometheus = Recorded(PROMETHEUS)
    found = asyncio.run(PrometheusMetrics(prometheus, namespace=None, clock=lambda: NOW).history(1440, ["replicas"]))
    assert (found.step_seconds, len(found.times)) == (360, 240)
    assert prometheus.asked == [
        {
            "query": "max by (horizontalpodautoscaler) (max_over_time(kube_horizontalpodautoscaler_status_current_replicas[360s]))",
            "start": NOW - 239 * 360 + 360,
            "end": NOW + 360,
            "step": 360,
        }
    ]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"status": "error", "error": "too much"}', b'{"status": "success", "data": {}}']
)
def test_an_answer_of_a_prometheus_that_makes_no_sense_is_its_failure(body: bytes):
    with pytest.raises(ServiceError, match="dependency_failed"):
        asyncio.run(PrometheusMetrics(Recorded({PATH: body}), namespace=None, clock=lambda: NOW).history(5, ["replicas"]))


REQUIRED = {"DATABASE_URL": "postgresql://nobody@127.0.0.1/x", "ORDERS_URL": "http://127.0.0.1:9"}


def test_the_expressions_name_what_the_platforms_recording_rules_record():
    described = {"command": ["x"], "readiness": "/readyz", "routes": ["/x"], "slo": {"latency_ms": 500, "share": 0.95}}
    limits = {"cpu": "100m", "memory": "64Mi"}
    orders = {**described, "image": "x", "resources": {"requests": limits, "limits": limits}}
    platform = Platform.model_validate({"version": 1, "name": "x", "services": {"orders": orders}, "load": {"users": 1}})
    recorded_names = {
        rule["record"] for group in rule_file(platform, "shop")["groups"] for rule in group["rules"] if "record" in rule
    }
    for question in ("requests", "failures", "p95_ms"):
        asked = expression(question, window_seconds=60, namespace=None)
        assert any(f"({name}[60s])" in asked for name in recorded_names), asked


@pytest.mark.parametrize("name", ["SCALEPROOF_METRICS_URL", "PROMETHEUS_URL"])
def test_an_address_of_another_kind_is_refused(name: str):
    with pytest.raises(SettingsError, match=f"^{name} has the scheme"):
        Settings.from_environment({**REQUIRED, name: "redis://127.0.0.1"}, service="dashboard")


@pytest.mark.parametrize("namespace", ["", 'x"}', "Shop", "a" * 64])
def test_what_is_no_namespace_is_refused(namespace: str):
    with pytest.raises(SettingsError, match=r"^PROMETHEUS_NAMESPACE is"):
        Settings.from_environment({**REQUIRED, "PROMETHEUS_NAMESPACE": namespace}, service="dashboard")
