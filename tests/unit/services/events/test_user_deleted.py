"""End to end, with the real services: a user is deleted at identity, and the dashboard forgets."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_documents import draft
from identity_accounts import Accounts
from service_processes import DataServer, Replica, wait_until

from services.common.tokens.principal import Role
from services.dashboard.setup import setup as set_up_dashboard
from services.identity.setup import setup as set_up_identity

SEAL = bytes(range(32))
USERS = "/api/v1/identity/users"
LAYOUTS = "/api/v1/dashboard/layouts"
EVENTS = "SELECT data ->> 'user_id' FROM identity.outbox"


class Platform:
    """One identity, and two replicas of the dashboard. The test may kill any of it."""

    def __init__(self, url: str, redis: DataServer, folder: Path) -> None:
        self.redis = redis
        self.accounts = Accounts(url, SEAL)
        seal = folder / "seal"
        seal.write_text(base64.b64encode(SEAL).decode())
        common = {"DATABASE_URL": url, "REDIS_URL": redis.url}
        self.identity = Replica("identity", {**common, "KEY_SEAL_FILE": str(seal)}, folder / "identity.log")
        told = {**common, "IDENTITY_URL": self.identity.url, "ORDERS_URL": "http://127.0.0.1:9"}
        self.dashboards = [
            Replica("dashboard", {**told, "REPLICA": str(number)}, folder / f"dashboard-{number}.log") for number in range(2)
        ]
        self.replicas = [self.identity, *self.dashboards]
        self.admin_id = self.accounts.add(roles=[Role.admin])
        self.admin = self.accounts.bearer(self.admin_id, roles=[Role.admin])

    def user_with_layouts(self) -> int:
        user_id = self.accounts.add()
        for number in range(3):
            answer = self.dashboards[0].client.post(
                LAYOUTS, json=draft(name=f"Layout {number}"), headers=self.accounts.bearer(user_id)
            )
            assert answer.status_code == 201, answer.text
        return user_id

    def delete(self, user_id: int) -> int:
        return self.identity.client.delete(f"{USERS}/{user_id}", headers=self.admin).status_code

    def kept_of(self, user_id: int) -> int:
        [(count,)] = self.accounts.rows(f"SELECT count(*) FROM dashboard.layouts WHERE owner_id = '{user_id}'")
        return count

    def is_forgotten(self, user_id: int) -> bool:
        return self.kept_of(user_id) == 0


@pytest.fixture(scope="module")
def url(postgres: DataServer) -> str:
    postgres.server.ensure_databases(["user_deleted"])
    url = postgres.server.database_url("user_deleted")
    assert set_up_dashboard(url)
    assert set_up_identity(url, seal=SEAL, admin=None, now=time.time())
    return url


@pytest.fixture
def platform(url: str, events_redis: DataServer, tmp_path: Path) -> Iterator[Platform]:
    made = Platform(url, events_redis, tmp_path)
    try:
        for replica in made.replicas:
            replica.wait_ready()
        yield made
    finally:
        for replica in made.replicas:
            replica.stop()


def test_the_dashboard_forgets_a_deleted_user_and_nobody_else(platform: Platform):
    leaving, staying = platform.user_with_layouts(), platform.user_with_layouts()
    assert platform.delete(leaving) == 204
    wait_until(lambda: platform.is_forgotten(leaving), "forgotten", limit_seconds=20)
    assert platform.kept_of(staying) == 3
    metrics = "".join(replica.client.get("/metrics").text for replica in platform.replicas)
    for line in (
        'events_published_total{type="user_deleted"} 1.0',
        'events_handled_total{type="user_deleted"} 1.0',
        "outbox_oldest_waiting_seconds 0.0",
    ):
        assert line in metrics


def test_who_is_not_deleted_is_no_event(platform: Platform):
    before = platform.accounts.rows(EVENTS)
    others = platform.accounts.rows(f"SELECT id FROM identity.users WHERE 'admin' = ANY (roles) AND id <> {platform.admin_id}")
    for (other,) in others:
        assert platform.delete(other) == 204
    assert platform.delete(platform.admin_id) == 409, "the last admin"
    assert platform.delete(987_654_321) == 404
    assert sorted(platform.accounts.rows(EVENTS)) == sorted([*before, *((str(other),) for (other,) in others)])


def test_without_redis_the_user_is_deleted_and_forgotten_later(platform: Platform):
    leaving = platform.user_with_layouts()
    platform.redis.kill()
    try:
        assert platform.delete(leaving) == 204
        time.sleep(1.5)
        assert platform.kept_of(leaving) == 3
    finally:
        platform.redis.start()
    wait_until(lambda: platform.is_forgotten(leaving), "forgotten", limit_seconds=30)


def test_redis_loses_the_event_before_anybody_has_read_it(platform: Platform):
    """No dashboard is there to read it; then Redis is killed and comes back empty."""
    leaving = platform.user_with_layouts()
    for replica in platform.dashboards:
        replica.process.kill()
        replica.process.wait()
    assert platform.delete(leaving) == 204
    wait_until(
        lambda: not platform.accounts.rows("SELECT 1 FROM identity.outbox WHERE published_at IS NULL"),
        "published",
        limit_seconds=20,
    )
    platform.redis.kill()
    platform.redis.start()
    told = {"DATABASE_URL": platform.accounts.url, "REDIS_URL": platform.redis.url, "IDENTITY_URL": platform.identity.url}
    late = Replica("dashboard", {**told, "ORDERS_URL": "http://127.0.0.1:9"}, platform.identity.log.with_name("late.log"))
    platform.replicas.append(late)
    late.wait_ready()
    wait_until(lambda: platform.is_forgotten(leaving), "forgotten", limit_seconds=30)


def test_identity_is_killed_right_after_its_answer(platform: Platform):
    """Whatever it got done by then: the row was committed before the answer, and any replica publishes it."""
    leaving = platform.user_with_layouts()
    assert platform.delete(leaving) == 204
    platform.identity.process.kill()
    platform.identity.process.wait()
    seal = platform.identity.log.with_name("seal")
    told = {"DATABASE_URL": platform.accounts.url, "REDIS_URL": platform.redis.url, "KEY_SEAL_FILE": str(seal)}
    other = Replica("identity", told, platform.identity.log.with_name("other.log"))
    platform.replicas.append(other)
    other.wait_ready()
    wait_until(lambda: platform.is_forgotten(leaving), "forgotten", limit_seconds=30)
