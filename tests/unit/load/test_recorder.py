from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from scaleproof.load.recorder import Recorder, error_kind
from scaleproof.telemetry.tables import REQUESTS


class CatchResponseError(Exception):
    """Locust's own, by name."""


class HTTPConnectionClosed(Exception):  # noqa: N818  # its name is what is recognised
    """geventhttpclient's own, by name."""


def row(**changes):
    values = {
        "action": 1,
        "step": 0,
        "service": "orders",
        "name": "/orders",
        "intended_s": 1.0,
        "sent_s": 1.1,
        "finished_s": 1.5,
    }
    return {**values, "status": 200, "error": None, **changes}


def test_what_is_recorded_is_what_is_written(tmp_path):
    recorder = Recorder()
    recorder.add(**row())
    recorder.add(**row(action=2, service="dashboard", status=503, error="http 503"))
    recorder.add(**row(action=3, finished_s=float("nan"), status=0, error="unfinished"))
    recorder.write(tmp_path / "requests.parquet")
    table = pq.read_table(tmp_path / "requests.parquet", schema=REQUESTS).to_pandas()
    assert table["action"].tolist() == [1, 2, 3]
    assert table["service"].tolist() == ["orders", "dashboard", "orders"]
    assert table["ok"].tolist() == [True, False, False]
    assert table["error"].tolist() == ["", "http 503", "unfinished"]
    assert np.isnan(table["finished_s"][2])
    assert [file.name for file in tmp_path.iterdir()] == ["requests.parquet"]


def test_an_empty_record_is_a_table_too(tmp_path):
    Recorder().write(tmp_path / "requests.parquet")
    assert len(pq.read_table(tmp_path / "requests.parquet")) == 0


def test_the_recent_rows_in_three_numbers():
    recorder = Recorder()
    assert np.isnan(recorder.recent(0)[2])
    for index in range(10):
        recorder.add(**row(finished_s=1.0 + index / 10, error="timeout" if index == 9 else None))
    assert recorder.recent(5)[:2] == (5, 1)
    assert recorder.recent(0)[2] == pytest.approx(0.855)
    assert len(recorder) == 10


@pytest.mark.parametrize(
    ("status", "exception", "kind"),
    [
        (503, Exception("whatever"), "http 503"),
        (200, CatchResponseError("no basket"), "check: no basket"),
        (0, TimeoutError(), "timeout"),
        (0, Exception("timed out"), "timeout"),
        (0, ConnectionRefusedError(111, "no"), "connection refused"),
        (0, Exception("Connection refused"), "connection refused"),
        (0, ConnectionResetError(), "connection reset"),
        (0, HTTPConnectionClosed("x"), "connection reset"),
        (0, KeyError("x"), "KeyError"),
    ],
)
def test_errors_are_counted_by_kind(status, exception, kind):
    assert error_kind(status, exception) == kind


def test_a_server_that_refuses_for_now_is_told_from_one_that_is_not_there():
    assert error_kind(503, Exception("whatever"), retry_after=True) == "http 503, retry later"
    assert error_kind(503, Exception("whatever"), retry_after=False) == "http 503"
