"""Settings per dependency, out of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from service_processes import ROOT

from services.common.http_client.policy import DependencyPolicy, RetryPolicy
from services.common.settings import SettingsError
from services.dashboard.settings import Settings as DashboardSettings


class Listening(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read(**environment: str) -> DependencyPolicy:
    return DependencyPolicy.from_environment(environment, dependency="orders")


def test_everything_has_a_default():
    assert read() == DependencyPolicy()


def test_what_is_said_is_taken_for_that_dependency_alone():
    said = {"ORDERS_ATTEMPTS": "5", "ORDERS_READ_SECONDS": "0.25", "ORDERS_RETRY_SHARE": "0", "ORDERS_MOST_WAITING": "0"}
    policy = read(**said, IDENTITY_ATTEMPTS="7", ATTEMPTS="9")
    assert (policy.retry.attempts, policy.timeouts.read_seconds) == (5, 0.25)
    assert (policy.retry.budget_share, policy.bulkhead.most_waiting) == (0.0, 0)
    other = DependencyPolicy.from_environment({"PRICE_LIST_ATTEMPTS": "2"}, dependency="price-list")
    assert other.retry.attempts == 2


@pytest.mark.parametrize(("name", "text", "message"), [
    ("ORDERS_ATTEMPTS", "0", "ORDERS_ATTEMPTS is '0'; expected a number from 1 to 10000"),
    ("ORDERS_ATTEMPTS", "2.5", "ORDERS_ATTEMPTS is 2.5; expected a whole number"),
    ("ORDERS_READ_SECONDS", "soon", "ORDERS_READ_SECONDS is 'soon'; expected a number from 0.001 to 60"),
    ("ORDERS_READ_SECONDS", "0", "ORDERS_READ_SECONDS is '0'; expected a number from 0.001 to 60"),
    ("ORDERS_READ_SECONDS", "nan", "ORDERS_READ_SECONDS is 'nan'; expected a number from 0.001 to 60"),
    ("ORDERS_BREAKER_SHARE", "50", "ORDERS_BREAKER_SHARE is '50'; expected a number from 0.01 to 1"),
])  # fmt: skip
def test_what_is_wrong_is_named(name: str, text: str, message: str):
    with pytest.raises(SettingsError) as caught:
        read(**{name: text})
    assert str(caught.value) == message


def test_the_documentation_lists_every_variable_with_its_default():
    environment = Listening()
    DependencyPolicy.from_environment(environment, dependency="orders")
    page = (ROOT / "docs" / "retry.md").read_text()
    documented = dict(re.findall(r"^\| `(ORDERS_[A-Z_]+)` \| ([0-9.]+) \|", page, flags=re.MULTILINE))
    assert set(documented) == environment.asked
    assert read(**documented) == DependencyPolicy(), "the defaults of the page are those of the code"


def test_the_dashboard_reads_them_for_orders():
    given = {"DATABASE_URL": "postgresql://h", "ORDERS_URL": "http://h", "ORDERS_ATTEMPTS": "4"}
    settings = DashboardSettings.from_environment(given, service="dashboard")
    assert settings.orders_policy == DependencyPolicy(retry=RetryPolicy(attempts=4))
    with pytest.raises(SettingsError, match=r"^ORDERS_ATTEMPTS is 'many'"):
        DashboardSettings.from_environment({**given, "ORDERS_ATTEMPTS": "many"}, service="dashboard")
