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
from datetime import date
from pathlib import Path

import pytest
from dashboard_issuer import Issuer
from served_metrics import recorded, served
from service_processes import ORDERS, ROOT, DataServer, Replica, free_port

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from services.common.tokens.principal import Role
from services.dashboard.setup import setup as set_up_dashboard
from services.orders.setup import setup as set_up_orders

HERE = Path(__file__).parent
CASES = {"orders": 13_000, "dashboard": 5_000}
"""At random; before them come the systematic ones (each bound, each method, each link). A layout takes as long to make up as four orders:
so divided, both services are done at the same time."""
LEAST = 20_000
"""With the systematic ones, of both services together."""


@pytest.fixture(scope="module")
def folder():
    # Not pytest's own: its folders are closed to other users, and PostgreSQL must not run as root.
    made = Path(tempfile.mkdtemp(prefix="scaleproof-fuzzing-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def issuer():
    """Whose tokens the dashboard takes; the requests carry one of a user with every role."""
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def metrics_url():
    """Where the dashboard reads how the platform fares."""
    with served(recorded(time.time()), time.time) as url:
        yield url


@pytest.fixture(scope="module")
def services(folder, issuer, metrics_url):
    """Orders and dashboard, without CPU limits, on real servers."""
    postgres = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="16Mi"))
    redis = RedisServer(folder / "redis", free_port(), spec.Redis(memory="16Mi"))
    servers = [DataServer(postgres), DataServer(redis)]
    started: list[Replica] = []
    try:
        for server in servers:
            server.start()
        assert set_up_orders(postgres.url, today=date(2026, 3, 1), orders=ORDERS)
        assert set_up_dashboard(postgres.url)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, **issuer.environment}
        started.append(Replica("orders", environment, folder / "orders.log").wait_ready())
        told = {**environment, "ORDERS_URL": started[0].url, "SCALEPROOF_METRICS_URL": metrics_url}
        started.append(Replica("dashboard", told, folder / "dashboard.log").wait_ready())
        yield {"orders": started[0], "dashboard": started[1]}
    finally:
        for replica in started:
            replica.stop()
        for server in servers:
            server.stop()
        postgres.remove()


def server_errors(replica: Replica) -> list[str]:
    """As the service itself has counted them."""
    return re.findall(r'^http_requests_total{.*status="5..".*$', replica.client.get("/metrics").text, re.MULTILINE)


def start(name: str, command: list[str], folder: Path, token: str) -> subprocess.Popen:
    path = os.pathsep.join([str(HERE), str(ROOT)])
    own = {"SCHEMATHESIS_HOOKS": "problem_check", "PYTHONPATH": path, "NO_PROXY": "127.0.0.1", "FUZZING_TOKEN": token}
    environment = {**os.environ, **own}
    with (folder / f"{name}.fuzzing").open("wb") as output:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


def run_beside(commands: dict[str, list[str]], folder: Path, token: str) -> dict[str, int]:
    """A command a service, at the same time. Returns the number of requests that each says it made."""
    runs = {name: start(name, command, folder, token) for name, command in commands.items()}
    codes = {name: run.wait() for name, run in runs.items()}
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
def test_no_generated_request_is_answered_outside_the_documented_schema(services, folder, issuer, capsys):
    started, token = time.monotonic(), issuer.token("fuzzing", *Role)
    first = run_beside({name: systematic(replica) for name, replica in services.items()}, folder, token)
    then = run_beside({name: at_random(replica, CASES[name]) for name, replica in services.items()}, folder, token)
    total = sum(first.values()) + sum(then.values())
    with capsys.disabled():
        print(f"\n{total:,} generated requests in {time.monotonic() - started:.0f} s: systematic {first}, at random {then}")  # noqa: T201  the figures are what is shown
    assert total >= LEAST
    assert not [line for replica in services.values() for line in server_errors(replica)]
