from __future__ import annotations

import numpy as np
import pytest

from scaleproof.telemetry.windows import latency_histogram, per_second, sliding


def test_each_second_counts_what_was_intended_sent_and_answered_in_it(make_run):
    run = make_run(
        [
            (0.1, "orders", 0.1, 0.2, ""),
            (0.5, "orders", 1.5, 2.5, ""),  # a second late, answered in the third
            (1.0, "orders", 1.0, 1.1, "http 500"),
            (1.9, "dashboard", None, None, ""),
        ]
    )
    table = per_second(run)
    assert len(table) == 10
    assert table["intended"].tolist()[:4] == [2, 2, 0, 0]
    assert table["sent"].tolist()[:4] == [1, 2, 0, 0]
    assert table["completed"].tolist()[:4] == [1, 0, 1, 0]
    assert table["errors"].tolist()[:4] == [0, 1, 0, 0]
    assert table["never_sent"].tolist()[:4] == [0, 1, 0, 0]
    assert table["p99_s"][0] == pytest.approx(0.1 + 0.99 * 1.9)
    assert table["sent_p50_s"][0] == pytest.approx(0.55)
    assert np.isnan(table["p50_s"][5])
    assert per_second(run, "dashboard")["intended"].sum() == 1


def test_answers_after_the_load_lengthen_the_table(make_run):
    run = make_run([(9.5, "orders", 9.5, 12.5, "")])
    assert per_second(run)["completed"].tolist()[9:] == [0, 0, 0, 1]


def test_the_histogram_counts_answers_by_second_and_bucket(make_run):
    run = make_run([(0.0, "orders", 0.0, 0.1, ""), (0.5, "orders", 0.5, 0.9, ""), (3.0, "orders", 3.0, 9.0, "")])
    table = latency_histogram(run, bounds_s=(0.1, 0.5))
    assert table.loc[0].tolist() == [1, 1, 0]
    assert table.loc[3].tolist() == [0, 0, 1]
    assert table.to_numpy().sum() == 3


def test_windows_slide_over_the_load(make_run):
    run = make_run([(t + 0.5, "orders", t + 0.5, t + 0.5 + (0.05 if t < 5 else 0.3), "") for t in range(10)])
    table = sliding(run, 4.0, step_seconds=2.0)
    assert table["start_s"].tolist() == [0, 2, 4, 6]
    assert table["intended"].tolist() == [4, 4, 4, 4]
    assert table["rate_per_second"].tolist() == [1, 1, 1, 1]
    assert table["violation"].tolist() == [0.0, 0.25, 0.75, 1.0]
    assert table["p50_s"].iloc[0] == pytest.approx(0.05)


def test_an_empty_run_has_empty_windows(make_run):
    run = make_run()
    assert per_second(run)["intended"].sum() == 0
    assert latency_histogram(run).to_numpy().sum() == 0
    assert sliding(run, 5.0)["intended"].sum() == 0
