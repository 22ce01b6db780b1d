"""The reference platform's servers and services. Everything ends with the test session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dashboard_issuer import Issuer
from service_processes import ORDERS, DataServer, Replica, free_port

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from services.dashboard.setup import setup as set_up_dashboard
from services.orders.setup import setup as set_up_orders

TODAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def commands_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `service_processes.uncounted`, for what the tests start themselves."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    # Not pytest's own: its folders are closed to other users, and PostgreSQL must not run as root.
    made = Path(tempfile.mkdtemp(prefix="scaleproof-services-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[DataServer]:
    server = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="16Mi"))
    running = DataServer(server)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        server.remove()


@pytest.fixture(scope="session")
def redis(folder: Path) -> Iterator[DataServer]:
    running = DataServer(RedisServer(folder / "redis", free_port(), spec.Redis(memory="16Mi")))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def filled(postgres: DataServer) -> DataServer:
    """With both schemas and a small number of orders."""
    assert set_up_orders(postgres.url, today=TODAY, orders=ORDERS)
    assert set_up_dashboard(postgres.url)
    return postgres


@pytest.fixture(scope="session")
def environment(filled: DataServer, redis: DataServer) -> dict[str, str]:
    return {"DATABASE_URL": filled.url, "REDIS_URL": redis.url, "DRAIN_QUIET_SECONDS": "0.6", "ACCESS": "open"}


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """Whose tokens a service takes that is told its `environment`."""
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="session")
def guarded_orders(environment: dict[str, str], issuer: Issuer, folder: Path) -> Iterator[Replica]:
    """A replica that asks for tokens."""
    told = {**{name: value for name, value in environment.items() if name != "ACCESS"}, **issuer.environment}
    replica = Replica("orders", told, folder / "guarded-orders.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()


@pytest.fixture(scope="session")
def orders(environment: dict[str, str], folder: Path) -> Iterator[Replica]:
    replica = Replica("orders", environment, folder / "orders.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()


@pytest.fixture(scope="session")
def dashboard(environment: dict[str, str], orders: Replica, folder: Path) -> Iterator[Replica]:
    replica = Replica("dashboard", {**environment, "ORDERS_URL": orders.url}, folder / "dashboard.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()


@pytest.fixture
def own_orders(environment: dict[str, str], tmp_path: Path) -> Iterator[Replica]:
    """A replica that the test may stop."""
    replica = Replica("orders", environment, tmp_path / "orders.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()
