import math

from scaleproof.runtime.recorder import COLUMNS, Recorder
from scaleproof.telemetry.tables import TABLES


def test_every_column_is_one_of_the_runs_tables() -> None:
    for name, columns in COLUMNS.items():
        assert set(columns) <= set(TABLES[name].names)


def test_rows_between_two_times_are_told_from_the_first() -> None:
    now = 100.0
    recorder = Recorder(clock=lambda: now)
    for now in (100.0, 105.0, 110.0, 120.0):
        recorder.event("ready", "orders", f"at {now:g}", "")
    events = recorder.between(105, 110)["events"]
    assert events["time_s"] == [0, 5]
    assert events["replica"] == ["at 105", "at 110"]


def test_a_histogram_becomes_a_row_a_bucket() -> None:
    recorder = Recorder()
    recorder.histogram(50.0, {"orders": [(0.1, 3), (math.inf, 4)]})
    recorder.histogram(70.0, {"orders": [(0.1, 9), (math.inf, 9)]})
    assert recorder.between(40, 60)["gateway"] == {
        "time_s": [10, 10],
        "service": ["orders", "orders"],
        "upper_bound_s": [0.1, math.inf],
        "count": [3, 4],
    }


def test_tables_without_rows_have_their_columns() -> None:
    assert Recorder().between(0, 1)["decisions"] == {name: [] for name in COLUMNS["decisions"]}


def test_the_last_rows() -> None:
    recorder = Recorder()
    for number in range(5):
        recorder.add("host", (float(number),))
    assert recorder.last("host", 2) == [(3.0,), (4.0,)]
