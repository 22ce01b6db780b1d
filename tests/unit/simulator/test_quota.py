from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.simulator import layout
from scaleproof.simulator.held import ReplicaModel, simulate_held
from scaleproof.simulator.quota import QUOTA_PERIOD_SECONDS, enqueue, serve_until


def one_replica(phase: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    cpu = np.zeros((1, layout.CPU_COLUMNS))
    cpu[0, layout.PERIOD_END] = QUOTA_PERIOD_SECONDS + phase
    cpu[0, layout.WARM_UNTIL] = -np.inf
    queue = np.zeros((1, layout.QUEUE_COLUMNS), np.int64)
    queue[0, layout.HEAD] = queue[0, layout.TAIL] = -1
    return cpu, queue


def serve(arrivals: list[float], work: list[float], *, limit: float, phase: float = 0.0, speed: float = 1.0) -> np.ndarray:
    cpu, queue = one_replica(phase)
    quota = np.zeros(layout.SETTINGS)
    quota[layout.LIMIT_CORES], quota[layout.SPEED_CORES] = limit, speed
    quota[layout.BUSY_FACTOR] = quota[layout.IDLE_FACTOR] = quota[layout.IDLE_SECONDS] = 1.0
    needed = np.array(work)
    following = np.full(len(work), -1, np.int64)
    finished = np.full(len(work), np.nan)
    for index, moment in enumerate(arrivals):
        serve_until(cpu, queue, 0, moment, quota, needed, following, finished)
        enqueue(cpu, queue, 0, index, moment, quota, needed, following)
    serve_until(cpu, queue, 0, 1e4, quota, needed, following, finished)
    return finished


class TestTimeline:
    def test_within_the_budget_a_request_takes_its_own_time(self):
        # 25 ms a period: two of 10 ms fit, at full speed
        assert serve([0.0, 0.01], [0.01, 0.01], limit=0.25) == pytest.approx([0.01, 0.02])

    def test_beyond_the_budget_it_stops_until_the_next_period(self):
        # 25 ms are used at 0.025; the last 5 ms run from 0.1
        assert serve([0.0, 0.0, 0.0], [0.01, 0.01, 0.01], limit=0.25) == pytest.approx([0.01, 0.02, 0.105])

    def test_long_work_runs_a_budget_a_period(self):
        # 60 ms = 25 + 25 + 10, in the periods from 0, 0.1 and 0.2
        assert serve([0.0], [0.06], limit=0.25) == pytest.approx([0.21])

    def test_periods_start_at_the_replicas_own_phase(self):
        # the period ends at 0.06, and a new one brings a new budget
        assert serve([0.0], [0.03], limit=0.25, phase=-0.04) == pytest.approx([0.065])

    def test_unused_budget_does_not_carry_over(self):
        # idle until 0.5: still 25 ms, not more
        assert serve([0.5], [0.03], limit=0.25) == pytest.approx([0.605])

    def test_two_cores_at_once_use_the_budget_twice_as_fast(self):
        # 50 ms of CPU on two cores: 25 ms of wall time use 50 ms of the 60 ms budget
        assert serve([0.0], [0.05], limit=0.6, speed=2.0) == pytest.approx([0.025])


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0, 0.2), min_size=1, max_size=20),
    works=st.lists(st.floats(1e-4, 0.08), min_size=20, max_size=20),
    limit=st.floats(0.05, 1.0),
    phase=st.floats(-0.1, 0.0),
)
def test_the_replica_never_gets_more_than_its_quota_and_loses_nothing(gaps, works, limit, phase):
    arrivals = np.cumsum(gaps).tolist()
    finished = serve(arrivals, works[: len(arrivals)], limit=limit, phase=phase)
    # everything ends, in order, not before its own work
    assert not np.isnan(finished).any()
    assert (np.diff(finished) >= -1e-9).all()
    assert (finished - arrivals >= np.array(works[: len(arrivals)]) - 1e-9).all()
    # over the whole time: at most a budget in every period that was touched
    periods = (finished[-1] - arrivals[0]) / QUOTA_PERIOD_SECONDS + 2
    assert sum(works[: len(arrivals)]) <= periods * limit * QUOTA_PERIOD_SECONDS + 1e-9


class TestKnownQueues:
    """Without a quota (a whole core) the replica is the textbook's single server."""

    def sojourn(self, variation: float, load: float) -> float:
        model = ReplicaModel(cpu_seconds=0.02, variation=variation, limit_cores=1.0)
        steps = [
            simulate_held(model, rate_per_second=load / 0.02, duration_seconds=300, timeout_seconds=1e3, seed=seed)
            for seed in (1, 2)
        ]
        return float(np.mean(np.concatenate([step.latency_seconds for step in steps]))) / 0.02

    @pytest.mark.parametrize("load", [0.3, 0.6])
    def test_exponential_work_is_m_m_1(self, load):
        # mean time in the system: s / (1 - load)
        assert self.sojourn(1.0, load) == pytest.approx(1 / (1 - load), rel=0.1)

    @pytest.mark.parametrize("load", [0.3, 0.6])
    def test_constant_work_is_m_d_1(self, load):
        # Pollaczek-Khinchine with no variation: s (1 + load / (2 (1 - load)))
        assert self.sojourn(0.0, load) == pytest.approx(1 + load / (2 * (1 - load)), rel=0.07)


@pytest.mark.parametrize(
    ("load", "p95_ms", "slowed_ms", "tolerance"),
    [(0.5, 11, 58, 0.2), (0.7, 43, 93, 0.25), (0.8, 83, 135, 0.25), (0.9, 182, 234, 0.35)],
)
def test_a_quota_is_not_a_slower_cpu(load, p95_ms, slowed_ms, tolerance):
    # 250m, exponential jobs of 2.5 ms: measured figures (facts/cluster.md); a CPU slowed to a quarter would give the third column
    model = ReplicaModel(cpu_seconds=0.0025, variation=1.0, limit_cores=0.25)
    found = np.median(
        [simulate_held(model, rate_per_second=100 * load, seed=seed).percentile_seconds(95) for seed in (1, 2, 3)]
    )
    assert found * 1000 == pytest.approx(p95_ms, rel=tolerance)
    if load < 0.9:
        assert found * 1000 < slowed_ms * 0.8
