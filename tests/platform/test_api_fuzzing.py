"""Requests that nobody thought of: schemathesis tries what each OpenAPI document allows, and what it does not, with all its checks.

No server error, nothing outside the documented schema, no valid request refused, no invalid one taken, every error a problem document.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from dashboard_issuer import Issuer
from identity_under_fuzzing import IdentityUnderFuzzing
from served_metrics import recorded, served
from service_processes import ORDERS, ROOT, DataServer, Replica, free_port

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from services.common.tokens.principal import Role
from services.dashboard.setup import setup as set_up_dashboard
from services.orders.setup import setup as set_up_orders

HERE = Path(__file__).parent
CASES = {"orders": 11_000, "dashboard": 3_500, "identity": 3_000}
"""At random; before them come the systematic ones (each bound, each method, each link). A layout takes as long to make up as four orders:
so divided, the services are done at about the same time."""
NEVER_DONE = {
    "orders": set(),
    "dashboard": {
        ("DELETE", "/api/v1/dashboard/layouts/{layout_id}"),
        ("PUT", "/api/v1/dashboard/layouts/{layout_id}"),
        ("PUT", "/api/v1/dashboard/layouts/{layout_id}/shares"),
        ("PUT", "/api/v1/dashboard/preferences"),
        ("GET", "/api/v1/dashboard/settings/{user_id}"),
        ("PUT", "/api/v1/dashboard/settings/{user_id}"),
    },
    "identity": {
        ("GET", "/api/v1/identity/oidc/{provider}/callback"),
        ("PUT", "/api/v1/identity/users/{user_id}/password"),
    },
}
"""What may get no other answers than refusals, if not 401: neither which version is the present one nor whose settings are one's own does a schema
say; somebody has to sign in at the provider (test_oidc_login.py does); a changed password would end the token of the requests that follow."""
LEAST = 20_000
"""With the systematic ones, of all services together."""


@pytest.fixture(scope="module")
def folder():
    # Not pytest's own: its folders are closed to other users, and PostgreSQL must not run as root.
    made = Path(tempfile.mkdtemp(prefix="scaleproof-fuzzing-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


class Fuzzed:
    """A service, and what the requests to it bring along."""

    def __init__(self, replica: Replica, environment: Callable[[], dict[str, str]]) -> None:
        self.replica = replica
        self.environment = environment

    @property
    def operations(self) -> set[tuple[str, str]]:
        """Method and path of each, as the service documents them."""
        document = self.replica.client.get("/openapi.json").json()
        return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    def answers(self) -> Counter[tuple[str, str, str]]:
        """Method, path and status, as the service itself has counted them."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for line in re.findall(r"^http_requests_total{(.*)} (.*)$", self.replica.client.get("/metrics").text, re.MULTILINE):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line[0]))
            counts[labels["method"], labels["route"], labels["status"]] += int(float(line[1]))
        return counts


@pytest.fixture(scope="module")
def metrics_url():
    """Where the dashboard reads how the platform fares."""
    with served(recorded(time.time()), time.time) as url:
        yield url


@pytest.fixture(scope="module")
def services(folder, metrics_url):
    """Without CPU limits, on real servers. Orders and dashboard take the tokens of an issuer of the test's."""
    with ExitStack() as ending:
        postgres = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="16Mi"))
        ending.callback(postgres.remove)
        # Identity's is another one: whomever it disables there is none of those whose tokens the others take.
        redis, other_redis = (
            RedisServer(folder / name, free_port(), spec.Redis(memory="16Mi")) for name in ("redis", "redis-of-identity")
        )
        for server in (DataServer(postgres), DataServer(redis), DataServer(other_redis)):
            ending.callback(server.stop)
            server.start()
        assert set_up_orders(postgres.url, today=date(2026, 3, 1), orders=ORDERS)
        assert set_up_dashboard(postgres.url)
        issuer = Issuer()
        ending.callback(issuer.close)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, **issuer.environment}
        orders = Replica("orders", environment, folder / "orders.log")
        ending.callback(orders.stop)
        orders.wait_ready()
        dashboard = Replica(
            "dashboard",
            {**environment, "ORDERS_URL": orders.url, "SCALEPROOF_METRICS_URL": metrics_url},
            folder / "dashboard.log",
        )
        ending.callback(dashboard.stop)
        dashboard.wait_ready()
        identity = IdentityUnderFuzzing(postgres.url, other_redis.url, folder, ending)

        def with_every_role() -> dict[str, str]:
            return {"SCHEMATHESIS_HOOKS": "problem_check", "FUZZING_TOKEN": issuer.token("1", *Role)}

        yield {
            "orders": Fuzzed(orders, with_every_role),
            "dashboard": Fuzzed(dashboard, with_every_role),
            "identity": Fuzzed(identity.replica, lambda: identity.environment),
        }


def start(name: str, command: list[str], folder: Path, own: dict[str, str]) -> subprocess.Popen:
    path = os.pathsep.join([str(HERE), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "NO_PROXY": "127.0.0.1", **own}
    with (folder / f"{name}.fuzzing").open("wb") as output:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


def run_beside(services: dict[str, Fuzzed], commands: dict[str, list[str]], folder: Path) -> dict[str, int]:
    """A command a service, at the same time. Returns the number of requests that each says it made."""
    runs = {name: start(name, command, folder, services[name].environment()) for name, command in commands.items()}
    try:
        codes = {name: run.wait() for name, run in runs.items()}
    finally:
        for run in runs.values():
            run.kill()  # where the wait was interrupted
    outputs = {name: (folder / f"{name}.fuzzing").read_text() for name in runs}
    assert not any(codes.values()), "\n\n".join(outputs[name] for name, code in codes.items() if code)
    return {name: int(re.findall(r"(\d+) generated", text)[-1]) for name, text in outputs.items()}


def systematic(replica: Replica) -> list[str]:
    return [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{replica.url}/openapi.json",
        "--phases",
        "examples,coverage,stateful",
        "--max-examples",
        "30",
        "--generation-database",
        "none",
        "--warnings",
        "off",
        "--no-color",
    ]


def at_random(replica: Replica, cases: int) -> list[str]:
    return [sys.executable, str(HERE / "fuzz_worker.py"), replica.url, str(cases)]


@pytest.mark.timeout(900)
def test_no_generated_request_is_answered_outside_the_documented_schema(services, folder, capsys):
    started = time.monotonic()
    first = run_beside(services, {name: systematic(fuzzed.replica) for name, fuzzed in services.items()}, folder)
    then = run_beside(services, {name: at_random(fuzzed.replica, CASES[name]) for name, fuzzed in services.items()}, folder)
    total = sum(first.values()) + sum(then.values())
    answers = {name: fuzzed.answers() for name, fuzzed in services.items()}
    let_in = {name: sum(count for (*_, status), count in each.items() if status != "401") for name, each in answers.items()}
    with capsys.disabled():
        print(  # noqa: T201  the figures are what is shown
            f"\n{total:,} generated requests in {time.monotonic() - started:.0f} s: systematic {first}, at random {then}; "
            f"answered with another status than 401: {let_in}"
        )
    assert total >= LEAST
    assert not [answer for each in answers.values() for answer in each if answer[2].startswith("5")]
    for name, fuzzed in services.items():
        reached = {(method, path) for method, path, status in answers[name] if status != "401"}
        done = {(method, path) for method, path, status in answers[name] if status[0] in "23"}
        assert fuzzed.operations - reached == set(), name
        assert fuzzed.operations - done <= NEVER_DONE[name], name
