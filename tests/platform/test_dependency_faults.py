"""A dependency that fails: what users of its caller notice, and what the dependency gets of it.

Real processes: PostgreSQL, Redis, orders, dashboard, and Envoy with the gateway's own configuration. In front of orders stands a
proxy that fails as it is told:

    users -> Envoy (gateway) -> dashboard -> Envoy (internal listener) -> faulty proxy -> orders
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import rmtree

import aiohttp
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_processes import ORDERS, ROOT, DataServer, Replica, free_port, wait_until

from fakes.faulty_proxy import Faults, FaultyProxy
from scaleproof.runtime.envoy import Endpoint, EnvoyGateway
from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from scaleproof.spec.platform_file import read_platform
from services.dashboard.setup import setup as set_up_dashboard
from services.orders.setup import setup as set_up_orders

OVERVIEW = "/api/v1/dashboard/overview?days=7"
"""Makes two calls to orders."""
SETTINGS = "/api/v1/dashboard/settings/somebody"
"""Makes none."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RECOVERY_SECONDS = 10.0

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Outcome:
    """One request of a user."""

    path: str
    status: int
    due: float
    seconds: float
    retry_after: str | None


@dataclass
class Platform:
    """What the tests talk to."""

    url: str
    proxy: FaultyProxy
    dashboard: Replica
    control: Replica
    """A dashboard that calls orders without the proxy."""

    def calls(self) -> dict[str, float]:
        """The dashboard's own counters of its calls to orders."""
        families = text_string_to_metric_families(self.dashboard.client.get("/metrics").text)
        found: dict[str, float] = {}
        for family in families:
            for sample in family.samples:
                if sample.labels.get("callee") == "orders" and sample.name.endswith("_total"):
                    kind = sample.labels.get("result") or sample.labels.get("reason")
                    name = f"{sample.name.removesuffix('_total')}{f' {kind}' if kind else ''}"
                    found[name] = found.get(name, 0.0) + sample.value
        return found

    def load(self, seconds: float, per_second: Mapping[str, float]) -> list[Outcome]:
        """Requests at their pace, whether those before were answered or not."""
        return asyncio.run(send(self.url, seconds, per_second))

    def is_well(self) -> bool:
        return all(httpx.get(self.url + OVERVIEW, timeout=20, trust_env=False).status_code == 200 for _ in range(5))


async def send(url: str, seconds: float, per_second: Mapping[str, float]) -> list[Outcome]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:

        async def ask(path: str, due: float) -> Outcome:
            async with session.get(url + path, headers={"traceparent": TRACE}) as answer:
                await answer.read()
                return Outcome(path, answer.status, due, time.monotonic() - due, answer.headers.get("retry-after"))

        async def keep_pace(path: str, rate: float) -> list[Outcome]:
            """A machine that stood still is not made up for by a crowd: that would be overload, which is not what is asked here."""
            asked = []
            for _ in range(int(seconds * rate)):
                due = time.monotonic()
                asked.append(asyncio.create_task(ask(path, due)))
                await asyncio.sleep(max(0.0, due + 1 / rate - time.monotonic()))
            return await asyncio.gather(*asked)

        found = await asyncio.gather(*(keep_pace(path, rate) for path, rate in per_second.items()))
        return list(itertools.chain.from_iterable(found))


def p95(outcomes: list[Outcome], path: str) -> float:
    found = sorted(outcome.seconds for outcome in outcomes if outcome.path == path)
    return found[int(0.95 * len(found))]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as ending:
        # Not pytest's own folder: it is closed to other users, and PostgreSQL must not run as root.
        folder = Path(tempfile.mkdtemp(prefix="scaleproof-faults-"))
        ending.callback(rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        postgres_server = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="16Mi"))
        postgres = DataServer(postgres_server)
        ending.callback(postgres_server.remove)
        redis = DataServer(RedisServer(folder / "redis", free_port(), spec.Redis(memory="16Mi")))
        for server in (postgres, redis):
            ending.callback(server.stop)
            server.start()
        set_up_orders(postgres.url, today=date(2026, 3, 1), orders=ORDERS)
        set_up_dashboard(postgres.url)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "ACCESS": "open"}

        orders = Replica("orders", environment, logs / "orders.log")
        ending.callback(orders.stop)
        proxy = FaultyProxy(orders.wait_ready().url, seed=1)
        proxy.start()
        ending.callback(proxy.stop)

        platform = read_platform(ROOT / "platform.yaml")
        open_to_all = platform.gateway.model_copy(update={"jwt": None, "rate_limits": []})
        platform = platform.model_copy(update={"gateway": open_to_all})
        gateway = EnvoyGateway(folder / "envoy", platform, free_port(), free_port(), {"orders": free_port()})
        gateway.prepare()
        dashboard = Replica("dashboard", {**environment, "ORDERS_URL": gateway.internal_url("orders")}, logs / "dashboard.log")
        ending.callback(dashboard.stop)
        control = Replica("dashboard", {**environment, "ORDERS_URL": orders.url}, logs / "control.log")
        ending.callback(control.stop)
        gateway.update({"orders": [Endpoint(proxy.port)], "dashboard": [Endpoint(dashboard.port)]})
        with (logs / "envoy.log").open("wb") as log:
            envoy = subprocess.Popen(gateway.command(), stdout=log, stderr=log, cwd="/")
        ending.callback(envoy.wait)
        ending.callback(envoy.kill)
        dashboard.wait_ready()
        control.wait_ready()
        wait_until(gateway.is_ready, "Envoy")
        found = Platform(gateway.url, proxy, dashboard, control)
        wait_until(found.is_well, "an overview through the gateway")
        found.load(3, {OVERVIEW: 20, SETTINGS: 20})
        yield found


@pytest.fixture
def platform(started: Platform) -> Iterator[Platform]:
    started.proxy.faults = Faults()
    wait_until(started.is_well, "well again", limit_seconds=30)
    yield started
    started.proxy.faults = Faults()


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def test_one_failure_in_twenty_is_hardly_noticed(platform: Platform):
    platform.proxy.faults = Faults(share=0.05)
    before = platform.calls()
    outcomes = platform.load(34, {OVERVIEW: 30})
    calls = difference(before, platform.calls())
    answered, failed = calls["http_client_calls answered"], calls["http_client_calls failed"]
    share = answered / (answered + failed)
    ok = sum(outcome.status == 200 for outcome in outcomes) / len(outcomes)
    say(f"5 % errors: {share:.4%} of {answered + failed:.0f} calls and {ok:.3%} of {len(outcomes)} overviews succeed; {calls}")
    assert calls["http_client_retries"] > 40, "there was something to be repeated"
    assert share >= 0.999


def test_three_failures_in_ten_add_at_most_a_tenth_to_the_load(platform: Platform):
    platform.proxy.faults = Faults(share=0.3)
    before, arrived = platform.calls(), platform.proxy.arrived
    outcomes = platform.load(20, {OVERVIEW: 25})
    calls, arrived = difference(before, platform.calls()), platform.proxy.arrived - arrived
    asked = calls["http_client_requests"] - calls["http_client_retries"]
    ok = sum(outcome.status == 200 for outcome in outcomes) / len(outcomes)
    say(f"30 % errors: {arrived} requests arrived for {asked:.0f} calls: {arrived / asked:.3f}; {ok:.1%} of overviews; {calls}")
    assert asked > 0.9 * 2 * len(outcomes), "most calls were sent at all"
    assert calls["http_client_retries"] > 0.05 * asked, "the budget was used"
    assert arrived / asked <= 1.1


def test_a_dependency_that_takes_five_seconds_slows_down_nothing_else(platform: Platform):
    """The baseline is another dashboard, whose orders is well, at the same time on the same machine."""
    rates = {OVERVIEW: 15, SETTINGS: 25}

    async def both(seconds: float) -> list[list[Outcome]]:
        return await asyncio.gather(*(send(each.url, seconds, rates) for each in (platform.dashboard, platform.control)))

    asyncio.run(both(2))
    platform.proxy.faults = Faults(seconds=5.0)
    before = platform.calls()
    slowed, baseline = asyncio.run(both(20))
    calls = difference(before, platform.calls())
    figures = [1000 * p95(outcomes, SETTINGS) for outcomes in (slowed, baseline)]
    say(f"5 s latency: p95 of settings {figures[0]:.1f} ms, of another dashboard's {figures[1]:.1f} ms; {calls}")
    assert {outcome.status for outcome in slowed if outcome.path == SETTINGS} == {200}
    assert {outcome.status for outcome in baseline if outcome.path == OVERVIEW} == {200}
    assert figures[0] <= 1.2 * figures[1]
    assert_recovery(platform, rates)


def test_an_outage_is_told_at_once_and_is_over_when_it_is_over(platform: Platform):
    platform.proxy.faults = Faults(share=1.0)
    outcomes = platform.load(8, {OVERVIEW: 20})
    assert {(outcome.status, outcome.retry_after is not None) for outcome in outcomes} == {(503, True)}
    late = [outcome.seconds for outcome in outcomes[-40:]]
    assert max(late) < 1.0, "nobody waits for what is known to be down"
    assert_recovery(platform, {OVERVIEW: 20})


def say(figures: str) -> None:
    print(f"\n{figures}")  # noqa: T201  the figures are what is shown


def assert_recovery(platform: Platform, rates: Mapping[str, float]) -> None:
    platform.proxy.faults = Faults()
    healed = time.monotonic()
    outcomes = platform.load(RECOVERY_SECONDS + 1, rates)
    failed = [outcome.due - healed for outcome in outcomes if outcome.status != 200]
    say(f"recovered {max(failed, default=0.0):.1f} s after it healed")
    assert max(failed, default=0.0) <= RECOVERY_SECONDS


def test_time_left_and_trace_reach_the_dependency_through_the_gateway(platform: Platform):
    platform.load(1, {OVERVIEW: 5})
    headers = {name.lower(): value for name, value in platform.proxy.headers.items()}
    assert 0 < int(headers["x-request-timeout-ms"]) <= 15_000
    assert headers["traceparent"] == TRACE
