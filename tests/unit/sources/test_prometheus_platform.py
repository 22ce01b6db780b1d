"""A run's platform side out of a Prometheus that wants a token."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakes.prometheus_server import FakePrometheus
from scaleproof.sources.prometheus_platform import PrometheusPlatform
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.tuner.ports import Observations
from scaleproof.wiring.token_file import read_token

SERIES = ({"pod": "orders-1", "le": "0.1"}, lambda _: 1.0)
OWN = SimpleNamespace(name="kube", observe=lambda _start, _end: Observations(tables={"host": "the machine's own"}))


def test_the_token_is_sent_and_the_machine_stays_the_platforms():
    with FakePrometheus(SERIES, token="s3cret") as server:
        seen = PrometheusPlatform(OWN, server.url, ("orders",), "s3cret").observe(1_000.0, 1_010.0).tables
    assert set(seen["replicas"]["replica"]) == {"orders-1"}
    assert seen["host"] == "the machine's own"


def test_without_it_nothing_is_measured():
    with FakePrometheus(SERIES, token="s3cret") as server, pytest.raises(CannotMeasureError, match="wants authentication"):
        PrometheusPlatform(OWN, server.url, ("orders",)).observe(1_000.0, 1_010.0)


def test_a_token_file_holds_the_token_alone(tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    assert read_token(file) == "s3cret"


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), ("", "no token"), ("Bearer x", "no token")])
def test_what_is_no_token_file(tmp_path, content, message):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadInputError, match=message) as caught:
        read_token(file)
    assert "the bearer token alone" in (caught.value.hint or "")
