"""A running identity with a database of its own."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from identity_accounts import Accounts
from service_processes import DataServer, Replica

from services.identity.setup import FirstAdmin, setup

SEAL = bytes(range(32))
ADMIN = FirstAdmin("root@example.org", "the first admin's password")


@pytest.fixture(scope="session")
def identity_url(postgres: DataServer) -> str:
    """A database with the schema, a signing key and an admin."""
    postgres.server.ensure_databases(["identity"])
    url = postgres.server.database_url("identity")
    assert setup(url, seal=SEAL, admin=ADMIN, now=time.time())
    return url


@pytest.fixture(scope="session")
def accounts(identity_url: str) -> Accounts:
    return Accounts(identity_url, SEAL)


@pytest.fixture(scope="session")
def identity_environment(identity_url: str, redis: DataServer, folder: Path) -> dict[str, str]:
    seal = folder / "key-seal"
    seal.write_text(base64.b64encode(SEAL).decode() + "\n")
    return {"DATABASE_URL": identity_url, "REDIS_URL": redis.url, "KEY_SEAL_FILE": str(seal), "HASH_WAITING": "64"}


@pytest.fixture(scope="session")
def identity(identity_environment: dict[str, str], folder: Path) -> Iterator[Replica]:
    replica = Replica("identity", identity_environment, folder / "identity.log")
    try:
        yield replica.wait_ready()
    finally:
        replica.stop()
