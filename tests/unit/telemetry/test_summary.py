from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from scaleproof.telemetry.assemble import assemble_run
from scaleproof.telemetry.run import read_run, write_run
from scaleproof.telemetry.summary import peak_window, summarise
from scaleproof.telemetry.tables import TABLES


def test_a_run_in_a_few_numbers(make_run):
    run = make_run(
        [(t / 2, "orders", t / 2, t / 2 + 0.05, "") for t in range(18)]
        + [(9.1, "orders", 9.1, 9.2, "http 503"), (9.5, "dashboard", None, None, "")],
        replicas=[
            {"time_s": float(t), "service": name, "replica": name, "state": "ready", "throttled_share": 0.5}
            for t in range(11)
            for name in ("orders", "dashboard")
        ],
        host=[{"time_s": 3.5, "cpu_share": 0.99}],
    )
    summary = summarise(run)
    assert summary.peak_users == 100
    assert summary.requests == 20
    assert summary.mean_rate_per_second == 2.0
    assert summary.peak_rate_per_second == 2.0
    assert summary.served_share == pytest.approx(0.9)
    assert summary.served_share_at_peak == pytest.approx(0.9)
    assert summary.errors == {"http 503": 1, "never sent": 1}
    assert summary.latency.p50_s == pytest.approx(0.05)
    assert summary.sent_latency.p50_s == pytest.approx(0.05)
    assert summary.services["orders"].violation.share == pytest.approx(1 / 19)
    assert summary.services["orders"].keeps_slo
    assert not summary.services["dashboard"].keeps_slo
    assert not summary.keeps_slo
    assert summary.services["orders"].throttled_share == pytest.approx(0.5)
    assert summary.services["orders"].peak_replicas == 1
    assert summary.cost.total_core_seconds == pytest.approx(4.0)
    assert summary.marked_share == pytest.approx(0.1)
    assert summary.marks == {"host-cpu": 1, "steal": 0, "generator-lag": 0}


def test_an_empty_run_has_a_summary_too(make_run):
    summary = summarise(make_run())
    assert summary.served_share == 1.0
    assert np.isnan(summary.latency.p95_s)
    assert np.isnan(summary.services["orders"].throttled_share)


@pytest.mark.parametrize(
    ("points", "duration", "expected", "gloss"),
    [
        ([(0, 0.1), (10, 1.0), (40, 1.0), (50, 0.1)], 50.0, (10, 40), "the plateau"),
        ([(0, 0.1), (10, 1.0), (40, 1.0), (50, 0.1)], 30.0, (10, 30), "cut by an early end"),
        ([(0, 0.1), (50, 1.0), (100, 0.1)], 100.0, (40, 60), "no plateau: around the highest point"),
    ],
)
def test_the_peak_window(make_run, points, duration, expected, gloss):
    assert peak_window(make_run(points=points, duration_seconds=duration)) == expected, gloss


def test_a_hundred_thousand_requests_are_summarised_within_a_second(make_run):
    rng = np.random.default_rng(1)
    count = 100_000
    intended = np.sort(rng.uniform(0, 300, count))
    schedule = pd.DataFrame(
        {"action": np.arange(count), "user": 0, "intended_s": intended, "journey": "J", "task": "t", "service": "orders"}
    )
    requests = schedule[["action", "intended_s", "service"]].assign(
        step=0, name="x", sent_s=intended, finished_s=intended + rng.exponential(0.1, count), status=200, ok=True, error=""
    )
    run = make_run(duration_seconds=300)
    run = assemble_run(run.meta, {"schedule": schedule, "requests": requests}, {})
    started = time.process_time()
    summary = summarise(run)
    assert time.process_time() - started < 1.0
    assert summary.requests == count


def test_assembling_joins_the_generators_seconds_to_the_hosts(make_run):
    generator = pd.DataFrame(
        {
            "time_s": [0.0, 1.0, 2.0],
            "generator_cores": [0.1, 0.2, 0.3],
            "generator_lag_s": [0.001, 0.002, 0.003],
            "generator_memory_bytes": [10, 20, 30],
        }
    )
    run = make_run(generator=generator, host=[{"time_s": 1.4, "cpu_share": 0.5}, {"time_s": 0.4, "cpu_share": 0.4}])
    assert run.host["cpu_share"].tolist() == [0.4, 0.5]
    assert run.host["generator_cores"].tolist() == [0.1, 0.2]
    assert run.host["generator_memory_bytes"].tolist() == [10, 20]
    assert make_run(generator=generator).host["generator_lag_s"].tolist() == [0.001, 0.002, 0.003]


def test_an_assembled_run_has_every_column_and_survives_the_disk(make_run, tmp_path):
    run = make_run([(0.0, "orders", 0.0, 0.1, "")], host=[{"time_s": 0.5, "cpu_share": 0.5}])
    for name, schema in TABLES.items():
        assert run.tables[name].columns.tolist() == schema.names
    again = read_run(write_run(run, tmp_path / "run"))
    assert summarise(again).requests == 1
    assert again.meta.policy == run.meta.policy
