from __future__ import annotations

import pandas as pd
import pytest

from scaleproof.simulator.calibration import CalibrationStep
from scaleproof.tuner.bottleneck import NOT_CPU, OWN_CPU, accused, capacity_of


def step(rate: float, good: float, replicas: int = 4) -> CalibrationStep:
    return CalibrationStep(
        replicas=replicas,
        rate_per_replica=rate,
        p50_seconds=0.01,
        p95_seconds=0.1,
        good_share=good,
        cores_per_replica=0.1,
        requests=100,
    )


@pytest.mark.parametrize(
    ("steps", "capacity"),
    [
        ([step(10, 1.0), step(15, 0.96)], 80.0),  # all met: as expected from one replica
        ([step(10, 1.0), step(15, 0.90)], 50.0),  # half-way between 1.0 and 0.90 lies 0.95: 12.5 a replica
        ([step(10, 0.5)], 20.0),  # not even the first: what it did serve well
        ([step(10, 1.0), step(30, 0.94)], 80.0),  # never more than expected
    ],
)
def test_capacity_of_several_replicas(steps, capacity):
    assert capacity_of(steps, 0.95, 80.0) == pytest.approx(capacity)


def host(**columns: float) -> dict[str, pd.DataFrame]:
    return {"host": pd.DataFrame([{"time_s": 5.0, **columns}, {"time_s": 50.0, "cpu_share": 1.0, "gateway_cores": 2.0}])}


@pytest.mark.parametrize(
    ("tables", "cores", "name"),
    [
        (host(cpu_share=0.97, gateway_cores=1.0), 0.1, "the host's CPU"),  # it explains all others
        (host(cpu_share=0.6, gateway_cores=0.97), 0.1, "the gateway"),
        (host(cpu_share=0.6, datastores_cores=0.8), 0.1, "the datastores"),
        (host(cpu_share=0.6), 0.05, NOT_CPU),  # quota to spare, and still slow: they wait for somebody
        (host(cpu_share=0.6), 0.149, OWN_CPU),
        (
            {**host(cpu_share=0.6), "generator": pd.DataFrame([{"time_s": 5.0, "generator_lag_s": 0.2}])},
            0.1,
            "the load generator",
        ),
        ({}, 0.05, NOT_CPU),  # no host table at all
    ],
)
def test_who_is_accused(tables, cores, name):
    assert accused(tables, (0.0, 10.0), cores, 0.15) == name
