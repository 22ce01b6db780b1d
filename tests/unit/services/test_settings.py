"""What a service is told by its environment."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from service_processes import ROOT

from services.common.settings import ServiceSettings, SettingsError
from services.dashboard.settings import Settings as DashboardSettings

GOOD = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/x", "ORDERS_URL": "http://127.0.0.1:9000", "PORT": "9001"}


def test_everything_but_the_database_has_a_default():
    settings = ServiceSettings.from_environment({"DATABASE_URL": GOOD["DATABASE_URL"]}, service="orders")
    assert (settings.service, settings.replica, settings.host, settings.port) == ("orders", "0", "127.0.0.1", 8000)
    assert settings.redis_url is None


def test_what_is_said_is_taken():
    said = {**GOOD, "SERVICE": "s", "REPLICA": "7", "HOST": "::1", "REDIS_URL": "redis://h", "DRAIN_QUIET_SECONDS": "0.5"}
    settings = DashboardSettings.from_environment(said, service="dashboard")
    assert (settings.service, settings.replica, settings.host, settings.port) == ("s", "7", "::1", 9001)
    assert (settings.redis_url, settings.orders_url) == ("redis://h", "http://127.0.0.1:9000")
    assert (settings.drain_quiet_seconds, settings.drain_limit_seconds) == (0.5, 7.0)


def test_secrets_may_lie_in_files(tmp_path):
    file = tmp_path / "database-url"
    file.write_text(GOOD["DATABASE_URL"] + "\n")
    settings = ServiceSettings.from_environment({"DATABASE_URL_FILE": str(file), "REDIS_URL_FILE": ""}, service="orders")
    assert (settings.database_url, settings.redis_url) == (GOOD["DATABASE_URL"], None)
    said = {"DATABASE_URL": "postgresql://said", "DATABASE_URL_FILE": str(file)}
    assert ServiceSettings.from_environment(said, service="orders").database_url == "postgresql://said"


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(SettingsError, match=r"^REDIS_URL_FILE is '/nowhere', which cannot be read: FileNotFoundError$"):
        ServiceSettings.from_environment({**GOOD, "REDIS_URL_FILE": "/nowhere"}, service="orders")


@pytest.mark.parametrize(("wrong", "message"), [
    ({"PORT": "http"}, "PORT is 'http'; expected a number from 1 to 65535"),
    ({"PORT": "0"}, "PORT is '0'"),
    ({"PORT": "65536"}, "PORT is '65536'"),
    ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
    ({"DATABASE_URL": "mysql://u:secret@h"}, "DATABASE_URL has the scheme 'mysql'"),
    ({"REDIS_URL": "http://h"}, "REDIS_URL has the scheme 'http'"),
    ({"ORDERS_URL": ""}, "ORDERS_URL is not set; expected a URL such as http://host:port"),
    ({"DRAIN_QUIET_SECONDS": "soon"}, "DRAIN_QUIET_SECONDS is 'soon'"),
    ({"MOST_IN_FLIGHT": "0"}, "MOST_IN_FLIGHT is '0'; expected a whole number from 1 to 100000"),
    ({"MOST_IN_FLIGHT": "many"}, "MOST_IN_FLIGHT is 'many'"),
    ({"DRAIN_LIMIT_SECONDS": "-1"}, "DRAIN_LIMIT_SECONDS is '-1'"),
])  # fmt: skip
def test_what_is_wrong_is_named_without_repeating_a_secret(wrong: dict[str, str], message: str):
    with pytest.raises(SettingsError) as caught:
        DashboardSettings.from_environment({**GOOD, **wrong}, service="dashboard")
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("variables", "sends", "gloss"), [
    ({}, False, "nobody named a collector"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, "empty is not set"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318"}, True, "for all signals"),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://h/v1/traces"}, True, "for traces alone"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_SDK_DISABLED": "TRUE"}, False, "off"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none"}, False, "off, too"),
    ({"OTEL_TRACES_SAMPLER_ARG": "1"}, False, "a share of nothing"),
])  # fmt: skip
def test_traces_are_sent_where_a_collector_is_named(variables: dict[str, str], sends: bool, gloss: str):
    assert ServiceSettings.from_environment({**GOOD, **variables}, service="orders").sends_traces is sends, gloss


@pytest.mark.parametrize("variables", [
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "user:secret@collector:4318"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "zipkin"},
])  # fmt: skip
def test_a_collector_that_cannot_be_one_is_named_without_its_secret(variables: dict[str, str]):
    with pytest.raises(SettingsError, match="OTEL_") as caught:
        ServiceSettings.from_environment({**GOOD, **variables}, service="orders")
    assert "secret" not in str(caught.value)


def test_the_command_ends_with_2_and_one_line():
    environment = {name: value for name, value in os.environ.items() if name not in GOOD}
    command = [sys.executable, "-m", "services.dashboard"]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("dashboard: DATABASE_URL is not set")
