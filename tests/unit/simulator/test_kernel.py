from __future__ import annotations

import numpy as np
import pytest

from scaleproof.simulator import layout
from scaleproof.simulator.autoscaling_spec import held, pack
from scaleproof.simulator.kernel import simulate_service
from scaleproof.spec.autoscaling import AutoscalingSpec


def settings_of(**changes: float) -> np.ndarray:
    settings = np.zeros(layout.SETTINGS)
    known = {
        "LIMIT_CORES": 0.25,
        "SPEED_CORES": 1.0,
        "WARM_FACTOR": 1.0,
        "DURATION": 120.0,
        "HORIZON": 120.0,
        "SYNC_PHASE": 3.0,
        "SYNC_PERIOD": 15.0,
        "SCRAPE_PHASE": 1.0,
        "SCRAPE_PERIOD": 15.0,
        "DRAIN_LEAST": 1.0,
        "DRAIN_MOST": 10.0,
        "MAX_OUTSTANDING": np.inf,
        "TIMEOUT": 5.0,
        "QUEUE_LIMIT": np.inf,
        "BUSY_FACTOR": 1.0,
        "IDLE_FACTOR": 1.0,
        "IDLE_SECONDS": 0.05,
    }
    for name, value in {**known, **changes}.items():
        settings[getattr(layout, name)] = value
    return settings


class Simulated:
    """One call of the kernel."""

    def __init__(self, arrivals, *, work=0.01, spec=None, replicas=1, draws=(6.0, 0.5, 0.0, 0.5), **settings):
        self.arrivals = np.asarray(arrivals, np.float64)
        size = self.arrivals.size
        packed = held(replicas) if spec is None else pack(spec, 200, sync_seconds=15.0)
        array = settings_of(**settings)
        self.finished = np.full(size, np.nan)
        self.status = np.zeros(size, np.int8)
        self.seconds = np.zeros((int(array[layout.HORIZON]), layout.SECOND_COLUMNS))
        decisions = np.zeros((12, layout.DECISION_COLUMNS))
        lived = np.zeros((60, layout.LIVED_COLUMNS))
        choices = np.random.default_rng(7).random(size)
        decided, ever = simulate_service(
            self.arrivals, np.full(size, work), choices, np.array([draws]), array,
            packed.ints, packed.floats, packed.rules, packed.metrics, replicas,
            self.finished, self.status, self.seconds, decisions, lived,
        )  # fmt: skip
        self.decisions, self.lived = decisions[:decided], lived[:ever]

    def count(self, status: int) -> int:
        return int(np.count_nonzero(self.status == status))

    def column(self, column: int) -> np.ndarray:
        return self.seconds[:, column]


def autoscaled(low: int = 1, high: int = 6, target: int = 70, window: int = 30) -> AutoscalingSpec:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
    return AutoscalingSpec.model_validate(
        {
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": window}},
        }
    )


def burst(rate: float, start: float, end: float) -> np.ndarray:
    return np.arange(start, end, 1 / rate)


class TestRequests:
    def test_every_request_ends_exactly_once(self):
        run = Simulated(burst(40, 5, 60), spec=autoscaled())
        ends = [run.count(kind) for kind in (layout.LOST, layout.SERVED_OK, layout.NO_REPLICA, layout.OVERFLOW, layout.REFUSED)]
        assert sum(ends) == run.arrivals.size
        assert np.count_nonzero(~np.isnan(run.finished)) == run.count(layout.SERVED_OK)

    def test_without_a_replica_everything_is_turned_away(self):
        run = Simulated(burst(5, 0, 60), replicas=0)
        assert run.count(layout.NO_REPLICA) == run.arrivals.size

    def test_what_is_queued_at_the_end_has_the_gateways_timeout_left(self):
        # at 119 s 100 requests of 10 ms arrive: 1 s of CPU at 250m needs 4 s, the timeout is 5 s; with 1 s some stay unserved
        assert Simulated(np.full(100, 119.0)).count(layout.SERVED_OK) == 100
        assert Simulated(np.full(100, 119.0), TIMEOUT=1.0).count(layout.LOST) > 30

    def test_a_circuit_breaker_turns_away_what_is_too_much(self):
        # 20 at once, 8 allowed
        run = Simulated(np.full(20, 10.0), MAX_OUTSTANDING=8)
        assert (run.count(layout.SERVED_OK), run.count(layout.OVERFLOW)) == (8, 12)

    def test_a_circuit_breaker_counts_the_whole_service(self):
        run = Simulated(np.repeat([10.0, 10.5], 20), replicas=2, work=0.2, MAX_OUTSTANDING=8)
        assert run.count(layout.OVERFLOW) > 20

    def test_a_full_replica_refuses_and_pays_for_it(self):
        # 200 at once, 32 fit; each of the other 168 costs 1 ms
        run = Simulated(np.full(200, 10.0), QUEUE_LIMIT=32, REJECTION_SECONDS=0.001)
        assert (run.count(layout.SERVED_OK), run.count(layout.REFUSED)) == (32, 168)
        assert run.column(layout.SECOND_CPU).sum() == pytest.approx(32 * 0.01 + 168 * 0.001)

    def test_shedding_keeps_those_served_quick(self):
        # twice what 250m can do, for a minute: 25 requests/s of 10 ms
        waiting, shedding = (Simulated(burst(50, 10, 70), QUEUE_LIMIT=limit, REJECTION_SECONDS=0.001) for limit in (np.inf, 10))
        slowest = [float(np.nanmax(run.finished - run.arrivals)) for run in (waiting, shedding)]
        assert slowest[0] > 5
        assert slowest[1] < 1
        # 25 refusals a second leave 225 ms of CPU for those served
        assert shedding.count(layout.SERVED_OK) == pytest.approx(60 * 22.5, rel=0.05)

    def test_rare_requests_cost_more(self):
        # every 2 s one of 10 ms, twice as dear after so long; ten at once: the first is dear, nine follow at half the cost
        rare = Simulated(np.arange(10.0, 30.0, 2.0), BUSY_FACTOR=0.5, IDLE_FACTOR=2.0)
        assert rare.column(layout.SECOND_CPU).sum() == pytest.approx(10 * 0.02)
        together = Simulated(np.full(10, 10.0), BUSY_FACTOR=0.5, IDLE_FACTOR=2.0)
        assert together.column(layout.SECOND_CPU).sum() == pytest.approx(0.02 + 9 * 0.005)

    def test_half_the_time_constant_idle_is_not_yet_cold(self):
        # the second comes 0.05 s after the first was done (20 ms of CPU within a 25 ms budget, from 10.0 on)
        run = Simulated([10.0, 10.07], BUSY_FACTOR=1.0, IDLE_FACTOR=2.0, IDLE_SECONDS=0.1)
        expected = 0.02 + 0.01 * (2 - np.exp(-0.5))
        assert run.column(layout.SECOND_CPU).sum() == pytest.approx(expected)

    def test_the_gateway_shares_requests_among_replicas(self):
        one, two = (Simulated(burst(22, 0, 100), replicas=count) for count in (1, 2))
        late = [float(np.nanmean(run.finished - run.arrivals)) for run in (one, two)]
        assert late[1] < late[0]


class TestReplicas:
    def test_scaling_up_and_down_again(self):
        run = Simulated(burst(60, 5, 70), spec=autoscaled(), HORIZON=180.0)
        totals = run.column(layout.SECOND_TOTAL)
        # one before, more under load, one again when the window has passed
        assert totals[2] == 1
        assert totals[60] >= 4
        assert totals[-1] == 1
        assert (run.column(layout.SECOND_READY) <= totals).all()
        # everyone who lived is accounted for
        ended = run.lived[:, layout.LIVED_TO]
        assert np.count_nonzero(np.isnan(ended)) == 1

    def test_a_new_replica_starts_then_serves(self):
        run = Simulated(burst(60, 5, 70), spec=autoscaled(), draws=(6.0, 0.5, 0.0, 0.5))
        born = run.lived[1]
        assert born[layout.LIVED_READY] - born[layout.LIVED_FROM] == pytest.approx(6.0)

    def test_a_sample_that_a_kubelet_read_earlier_is_seen_later(self):
        """A load that begins at 20: counters are read every 15 s, at 14.5 first; scrapes at 1, 16, 31, 46; syncs at 3, 18, 33."""
        spec, load = autoscaled(), burst(30, 20, 100)
        at_scrape = Simulated(load, spec=spec)
        earlier = Simulated(load, spec=spec, COUNTER_LEAST=15.0, COUNTER_MOST=15.0, draws=(6.0, 0.5, 0.0, 29 / 30))
        # scrape at 31: 11 of 15 seconds of load; the reading at 29.5: 9.5 of 15
        usages = [run.decisions[2, layout.DECIDED_USAGE] for run in (at_scrape, earlier)]
        assert usages == pytest.approx([11 / 15 * 0.25 / 0.2 * 100, 9.5 / 15 * 0.25 / 0.2 * 100], abs=2)

    def test_scrapes_between_two_readings_see_what_the_last_one_saw(self):
        run = Simulated(
            burst(15, 0, 200),
            spec=autoscaled(high=1),
            HORIZON=180.0,
            COUNTER_LEAST=40.0,
            COUNTER_MOST=40.0,
            draws=(6.0, 0.5, 0.0, 0.5),
        )
        # read at 20, 60, 100, …: the first reading tells of half a window
        assert run.decisions[:, layout.DECIDED_USAGE] == pytest.approx([0, 0, 37, 37, 75, 75, 75, 75, 75, 75, 75, 75], abs=2)

    def test_starting_burns_cpu(self):
        # 0.2 cores for 3 s, without a request
        run = Simulated([], spec=autoscaled(low=2, high=4), replicas=1, BURN_CORES=0.2, BURN_SECONDS=3.0)
        assert run.column(layout.SECOND_CPU).sum() == pytest.approx(0.6)

    def test_idle_replicas_use_their_idle_cores(self):
        assert Simulated([], replicas=3, IDLE_CORES=0.01).column(layout.SECOND_CPU) == pytest.approx(0.03)

    def test_warming_up_costs_more(self):
        spec = autoscaled(low=2, high=2)
        plain, warming = (
            Simulated(burst(10, 20, 50), spec=spec, WARM_SECONDS=60.0, WARM_FACTOR=factor) for factor in (1.0, 2.0)
        )
        assert warming.column(layout.SECOND_CPU).sum() > 1.3 * plain.column(layout.SECOND_CPU).sum()

    def test_draining_serves_what_it_has_and_loses_nothing(self):
        # at the end of a burst, down to one: no request fails by scaling itself
        run = Simulated(
            np.concatenate([burst(60, 5, 50), burst(2, 50, 110)]), spec=autoscaled(window=0), TIMEOUT=600.0, DRAIN_MOST=60.0
        )
        assert run.column(layout.SECOND_DRAINING).max() >= 1
        assert run.count(layout.SERVED_OK) == run.arrivals.size

    def test_draining_too_long_is_killed(self):
        # 400 requests at once are 4 s of CPU, 16 s of wall time at 250m; both drain after at most 2 s when the maximum is 1
        spec = autoscaled(low=1, high=1)
        patient, killed = (
            Simulated(np.full(400, 2.0), spec=spec, replicas=2, DRAIN_MOST=most, TIMEOUT=60.0) for most in (60.0, 2.0)
        )
        assert patient.count(layout.LOST) == 0
        assert killed.count(layout.LOST) > 50


class TestAutoscaler:
    def test_it_syncs_every_fifteen_seconds_from_its_phase(self):
        run = Simulated(burst(5, 0, 110), spec=autoscaled(), SYNC_PHASE=4.0)
        assert run.decisions[:, layout.DECIDED_AT] == pytest.approx(np.arange(4.0, 120.0, 15.0))

    def test_it_sees_the_load_only_at_the_next_scrape(self):
        # load from 17 s on; scrapes at 1, 16, 31; syncs at 3, 18, 33: the third is the first to see it
        run = Simulated(burst(20, 17, 110), spec=autoscaled())
        assert run.decisions[:3, layout.DECIDED_USAGE].tolist()[:2] == [0.0, 0.0]
        assert run.decisions[2, layout.DECIDED_USAGE] > 60

    def test_a_held_service_is_never_decided(self):
        assert Simulated(burst(50, 0, 60)).decisions.size == 0

    def test_desired_never_leaves_the_bounds(self):
        run = Simulated(burst(100, 5, 100), spec=autoscaled(high=3))
        desired = run.column(layout.SECOND_DESIRED)
        assert (desired.min(), desired.max()) == (1, 3)
