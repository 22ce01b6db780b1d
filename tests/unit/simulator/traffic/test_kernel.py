from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.plain_traffic import play_plainly
from scaleproof.hpa.compiled import COMPILED
from scaleproof.simulator import autoscaling
from scaleproof.simulator.traffic import kernel
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import NOT_SCHEDULED, PERIOD, RESULTS, World, highest_between, play
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


def requests_at(value):
    return {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": value}}}


def a_world(rates, *, sync=0, scrape=0, starts=(0.0,), noise=(1.0,), before=None, scheduled=NOT_SCHEDULED) -> World:
    rates = np.asarray(rates, float)
    if before is None:
        before = rates[0] if rates.size else 0.0
    sums = np.concatenate(([0.0], np.cumsum(rates)))
    highest = highest_between(rates, sync, scrape)
    return World(rates, sums, highest, sync, scrape, np.array(starts, float), np.array(noise, float), float(before), scheduled)


def played(player, world, service, packed, row, initial):
    """(The count before each decision, the results)."""
    counts = np.zeros(max(0, -(-(world.rates.size - world.sync_phase) // PERIOD)), np.int64)
    result = np.zeros(RESULTS)
    player(
        world, service.packed(), packed.ints[row], packed.floats[row], packed.rules[row],
        packed.metrics[row, 0], packed.metrics[row, 1], initial, counts, result,
    )  # fmt: skip
    return counts, result


# Against the plain loop

FACTORS = st.floats(0, 12) | st.integers(0, 12).map(float)


@st.composite
def traces(draw):
    """Requests of every second, relative to what a replica holds: zeros, steps, ramps, noise, bursts and waves."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        seconds = draw(st.integers(1, 20) | st.integers(60, 300) | st.integers(150, 600 if COMPILED else 300))
        level = draw(st.just(0.0) | FACTORS)
        part = np.full(seconds, level)
        kind = draw(st.sampled_from(["step", "ramp", "noise", "bursts", "waves", "waves"]))
        if kind == "ramp":
            part = np.linspace(level, draw(FACTORS), seconds)
        elif kind == "noise":
            part *= np.random.default_rng(draw(st.integers(0, 99))).gamma(4.0, 0.25, seconds)
        elif kind == "bursts":
            part[:: draw(st.integers(2, 40))] *= draw(st.sampled_from([0.0, 3.0, 20.0]))
        elif kind == "waves":
            part[np.arange(seconds) // draw(st.integers(10, 80)) % 2 == 1] = draw(FACTORS)
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0)


STARTS = st.sampled_from([(0, 0), (3.3, 3.3), (15, 25), (40, 40), (10, 80), (60, 200)]) | st.tuples(
    st.floats(0, 50), st.floats(50, 200)
)


@st.composite
def services(draw):
    capacity = draw(st.sampled_from([0.7, 10.0, 140.0, 1234.5]) | st.floats(1, 500))
    cores = draw(st.sampled_from([0.02, 0.25, 1.7]))
    idle = draw(st.sampled_from([0.0, 0.004, 0.1]))
    limit = int(np.ceil((cores * draw(st.sampled_from([1.0, 1.1, 3.0])) + idle) * 1000)) + 1
    least, most = draw(STARTS)
    return ServiceModel(
        cpu_seconds_per_request=cores / capacity,
        capacity_per_second=capacity,
        request_millicores=max(1, int(limit * draw(st.sampled_from([0.1, 0.5, 1.0])))),
        limit_millicores=limit,
        start_seconds=(least, most),
        warm_up_seconds=draw(st.sampled_from([0.0, 4.0, 30.5, 90.0])),
        warm_up_factor=draw(st.sampled_from([1.0, 1.5, 2.0, 3.0])),
        idle_cores=idle,
        node_replicas=draw(st.sampled_from([1_000_000, 1_000_000, 1, 3, 5])),
        node_seconds=draw(st.sampled_from([0.0, 7.5, 15.0, 40.0])),
    )


POLICIES = st.builds(
    lambda kind, value, period: {"type": kind, "value": value, "periodSeconds": period},
    st.sampled_from(["Pods", "Percent"]),
    st.integers(1, 4) | st.integers(1, 200),
    st.integers(1, 100) | st.sampled_from([15, 30, 60, 300]),
)


def sides(windows):
    return st.fixed_dictionaries(
        {},
        optional={
            "stabilizationWindowSeconds": windows,
            "selectPolicy": st.sampled_from(["Min", "Max", "Max", "Disabled"]),
            "policies": st.lists(POLICIES, min_size=1, max_size=3),
            "tolerance": st.sampled_from(["0", "20m", "0.1", "0.5"]),
        },
    )


WINDOWS = st.integers(0, 100) | st.sampled_from([0, 15, 30, 300, 600])
NIMBLE = sides(st.integers(0, 40)).map(lambda side: {"stabilizationWindowSeconds": 0, **side})
BEHAVIORS = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional={"scaleUp": sides(WINDOWS), "scaleDown": sides(WINDOWS)}),
    st.fixed_dictionaries({"scaleDown": NIMBLE}, optional={"scaleUp": NIMBLE}),
)


@st.composite
def specs(draw, service):
    """One metric, with a target at which a replica serves up to one and a half times its capacity."""
    share = draw(st.floats(0.05, 1.5) | st.sampled_from([0.5, 1.0]))
    cores = share * service.capacity_per_second * service.cpu_seconds_per_request + service.idle_cores
    cpu_target = draw(
        st.sampled_from(
            [
                {"type": "Utilization", "averageUtilization": max(1, round(cores * 100_000 / service.request_millicores))},
                {"type": "AverageValue", "averageValue": f"{max(1, round(1000 * cores))}m"},
            ]
        )
    )
    requests_target = f"{max(1, round(1000 * share * service.capacity_per_second))}m"
    metric = draw(
        st.sampled_from(
            [
                {"type": "Resource", "resource": {"name": "cpu", "target": cpu_target}},
                requests_at(requests_target),
            ]
        )
    )
    low = draw(st.sampled_from([1, 2]) | st.integers(1, 4))
    document = {
        "minReplicas": low,
        "maxReplicas": low + draw(st.sampled_from([12, 15, 20]) | st.integers(0, 15)),
        "metrics": [metric],
    }
    behavior = draw(BEHAVIORS)
    if behavior is not None:
        document["behavior"] = behavior
    return AutoscalingSpec.model_validate(document)


@st.composite
def worlds(draw, service):
    phases = st.integers(0, PERIOD - 1)
    rates = draw(traces()) * service.capacity_per_second
    levels = draw(st.just([]) | st.lists(st.integers(1, 20), min_size=1, max_size=4))
    scheduled = np.resize(np.repeat(np.array(levels, np.int64), draw(st.integers(1, 200))), rates.size if levels else 0)
    return a_world(
        rates,
        sync=draw(phases),
        scrape=draw(phases),
        starts=draw(st.lists(st.floats(*service.start_seconds), min_size=1, max_size=4)),
        noise=draw(st.just([1.0]) | st.lists(st.floats(0, 2), min_size=1, max_size=4)),
        before=draw(FACTORS) * service.capacity_per_second,
        scheduled=scheduled,
    )


@settings(max_examples=int(os.environ.get("EXAMPLES", "400" if COMPILED else "100")), deadline=None)
@given(data=st.data())
def test_the_kernel_gives_what_a_loop_over_every_second_and_pod_gives(data):
    service = data.draw(services())
    two = [data.draw(specs(service)) for _ in range(2)]
    packed = pack_policies(two, service)
    world = data.draw(worlds(service))
    for row, spec in enumerate(two):
        initial = data.draw(st.integers(spec.min_replicas, spec.max_replicas))
        counts, result = played(play, world, service, packed, row, initial)
        # Packed alone, for nothing of the other's may matter.
        expected_counts, expected = played(play_plainly, world, service, pack_policies([spec], service), 0, initial)
        assert counts.tolist() == expected_counts.tolist()
        assert result.tolist() == pytest.approx(expected.tolist(), rel=1e-9, abs=0)
        assert result[kernel.VIOLATED] == expected[kernel.VIOLATED]


@settings(max_examples=100 if COMPILED else 40, deadline=None)
@given(data=st.data())
def test_a_schedule_of_the_minimum_changes_nothing(data):
    service = data.draw(services())
    spec = data.draw(specs(service))
    world = data.draw(worlds(service))
    packed = pack_policies([spec], service)
    low = spec.min_replicas
    # A tolerance that covers one replica more would hold it: `test_within_the_tolerance_a_window_holds_what_is_there`.
    assume(low / (low + 1) < 1 - packed.floats[0, autoscaling.DOWN_TOLERANCE] - 1e-9)
    initial = data.draw(st.integers(low, spec.max_replicas))
    without = played(play, world._replace(scheduled=NOT_SCHEDULED), service, packed, 0, initial)
    for replicas in {1, low}:
        scheduled = world._replace(scheduled=np.full(world.rates.size, replicas, np.int64))
        counts, result = played(play, scheduled, service, packed, 0, initial)
        assert counts.tolist() == without[0].tolist()
        assert result.tolist() == without[1].tolist()


# Timelines: decisions at 1, 16, 31 … s, scrapes at 0, 15, 30 … s. 80 % of 250m are 80 requests/s of a replica, which holds 100.


def service_of(**changes) -> ServiceModel:
    known = {
        "cpu_seconds_per_request": 0.0025,
        "capacity_per_second": 100,
        "request_millicores": 250,
        "limit_millicores": 5000,
    }
    return ServiceModel.model_validate({**known, **changes})


def spec_of(behavior=None, metric=CPU, low=1, high=100) -> AutoscalingSpec:
    document = {"minReplicas": low, "maxReplicas": high, "metrics": [metric]}
    if behavior is not None:
        document["behavior"] = behavior
    return AutoscalingSpec.model_validate(document)


class Timeline:
    """`steps`: (second, requests/s from there on); the first second's rate has lasted for long."""

    def __init__(self, steps, seconds, *, initial=1, spec=None, sync=1, scrape=0, scheduled=(), **service):
        model = service_of(**service)
        rates = np.zeros(seconds)
        for second, rate in steps:
            rates[second:] = rate
        wanted = np.ones(seconds if scheduled else 0, np.int64)
        for second, replicas in scheduled:
            wanted[second:] = replicas
        world = a_world(rates, sync=sync, scrape=scrape, starts=[model.start_seconds[0]], scheduled=wanted)
        counts, self.result = played(play, world, model, pack_policies([spec or spec_of({})], model), 0, initial)
        self.before_decision = {sync + PERIOD * number: int(count) for number, count in enumerate(counts)}

    @property
    def counts(self):
        return list(self.before_decision.values())

    @property
    def violated(self):
        return self.result[kernel.VIOLATED]


class TestTimelines:
    def test_a_spike_adds_four_then_doubles_every_15_seconds(self):
        run = Timeline([(0, 80), (15, 4000)], 120)
        assert run.before_decision == {
            1: 1,
            16: 1,  # the scrape at 15 has not seen the spike
            31: 1,  # the one at 30 has: 50 are wanted, +4 is more than +100 %
            46: 5,  # from here +100 %
            61: 10,
            76: 20,
            91: 40,
            106: 52,  # 100 requests/s each, and the sample of the older ones has a second of 200 left
        }

    def test_without_behavior_a_spike_reaches_4_then_doubles(self):
        """And goes further: the highest recommendation of 5 minutes counts on the way up too: the one of 46, when a backlog was served."""
        run = Timeline([(0, 80), (15, 4000)], 500, spec=spec_of())
        assert run.counts[2:9] == [1, 4, 8, 16, 32, 64, 79]
        assert [at for at, count in run.before_decision.items() if count == 79][-1] == 361

    @pytest.mark.parametrize(("behavior", "falls_at"), [(None, 331), ({}, 316)])
    def test_scaling_down_waits_until_the_last_high_recommendation_is_5_minutes_old(self, behavior, falls_at):
        """The decision at 16 was the last one for 10. Exactly 300 s old it still counts without `behavior`, and no longer with it."""
        run = Timeline([(0, 800), (15, 80)], 400, initial=10, spec=spec_of(behavior))
        assert [at for at, count in run.before_decision.items() if count == 10][-1] == falls_at
        assert run.counts[-1] == 1

    def test_replicas_that_start_are_not_asked_for_twice(self):
        run = Timeline([(0, 80), (15, 240)], 120, start_seconds=(20, 20))
        # at 31 two more, which start until 51; at 46 they count as 0: (240 + 0 + 0) / 3 is the target; at 61 their samples do not count yet
        assert run.counts == [1, 1, 1, 3, 3, 3, 3, 3]
        # from 15 to 51 one replica has all, 100 would have been within its capacity
        assert run.violated == (51 - 15) * 240
        assert run.result[kernel.REPLICA_SECONDS] == 31 * 1 + 89 * 3

    def test_a_replica_that_warms_up_holds_less(self):
        # from 31 on 1 + 2 × 1/2 hold 200, from 61 on 300
        run = Timeline([(0, 80), (15, 240)], 120, warm_up_seconds=30, warm_up_factor=2)
        assert run.counts[-1] == 3
        assert run.violated == (61 - 15) * 240

    def test_a_replica_without_a_node_waits_for_one(self):
        # the second has room at 31, the third a minute later; pending, it counts as 0 at every decision
        run = Timeline([(0, 80), (15, 240)], 120, node_replicas=2, node_seconds=60)
        assert run.counts == [1, 1, 1, 3, 3, 3, 3, 3]
        assert run.violated == (91 - 15) * 240

    def test_what_a_replica_cannot_serve_waits_and_is_served_later(self):
        # 100m serve 40/s: 60 s of 30 too many; then 10 a second are left for them
        run = Timeline([(0, 30), (15, 70), (75, 30)], 200, capacity_per_second=40, limit_millicores=100, spec=spec_of(high=1))
        assert run.result[kernel.FINAL_BACKLOG] == 60 * 30 - 125 * 10
        assert run.violated == 60 * 70 + 125 * 30

    def test_a_trace_shorter_than_the_start(self):
        # at 16 two more, which would be ready at 36
        run = Timeline([(0, 80), (1, 240)], 25, start_seconds=(20, 20))
        assert run.counts == [1, 1]
        assert run.violated == 24 * 240
        assert run.result[kernel.REPLICA_SECONDS] == 16 * 1 + 9 * 3

    def test_an_empty_trace(self):
        run = Timeline([], 0, initial=3)
        assert run.counts == []
        assert run.result[kernel.MOST_REPLICAS] == 3
        assert run.result.sum() == 3

    @pytest.mark.parametrize("scrape", range(PERIOD))
    def test_steady_traffic_changes_nothing_whenever_scrapes_and_decisions_are(self, scrape):
        """Tolerance 0: 3 replicas are exactly at the target, by CPU (80 requests/s) and by requests, whose sums no float holds (80.1)."""
        exact = {"scaleUp": {"tolerance": "0"}, "scaleDown": {"tolerance": "0", "stabilizationWindowSeconds": 0}}
        for rate, metric in ((80, CPU), (80.1, requests_at("80100m"))):
            for sync in range(0, PERIOD, 4):
                run = Timeline([(0, 3 * rate)], 600, initial=3, spec=spec_of(exact, metric), sync=sync, scrape=scrape)
                assert set(run.counts) == {3}

    def test_a_window_brings_replicas_before_the_traffic_does(self):
        """Scheduled from 30 to 90: 4 replicas are asked for at 31, the peak of 60 s later finds them ready."""
        at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        window = [(30, 4), (90, 1)]
        run = Timeline([(0, 80), (60, 320), (85, 80)], 150, spec=spec_of(at_once), scheduled=window, start_seconds=(20, 20))
        # at 91 the sample of 90 has seen 25 s of the peak; one replica is enough from 106 on
        assert run.before_decision == {1: 1, 16: 1, 31: 1, 46: 4, 61: 4, 76: 4, 91: 4, 106: 3, 121: 1, 136: 1}
        assert run.violated == 0
        alone = Timeline([(0, 80), (60, 320), (85, 80)], 150, spec=spec_of(at_once), start_seconds=(20, 20))
        assert alone.violated > 0

    @pytest.mark.parametrize(("initial", "stays"), [(11, 11), (12, 10), (9, 10), (10, 10)])
    def test_within_the_tolerance_a_window_holds_what_is_there(self, initial, stays):
        """An external metric of 10 at a target of 1 a replica: 11 replicas are 10/11 of it, which 10 % tolerate; 9 are 10/9."""
        at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        run = Timeline([(0, 80)], 60, initial=initial, spec=spec_of(at_once), scheduled=[(0, 10)])
        assert run.counts[-1] == stays

    def test_a_fresh_sample_is_of_the_time_since_the_start(self):
        """A replica of 31 is ready at 36; at 45, 14 s old, it has served 9 s: 9/14 of 80 requests/s, and 80 are wanted."""
        exact = {"scaleUp": {"tolerance": "0"}, "scaleDown": {"stabilizationWindowSeconds": 0, "tolerance": "0.1"}}
        run = Timeline([(0, 80), (15, 160)], 60, start_seconds=(5, 5), spec=spec_of(exact, requests_at("80")))
        # (160 × 6 + 80 × 9) / 15 = 112, and 51.4: their mean is 81.7
        assert run.before_decision == {1: 1, 16: 1, 31: 1, 46: 2}
        assert run.result[kernel.MOST_REPLICAS] == 3


def test_policies_packed_together_do_not_touch_each_other():
    """Min of one down policy allows the fall; the other spec has two more policies."""
    policies = [{"type": "Pods", "value": value, "periodSeconds": 15} for value in (1, 2, 3)]
    one = spec_of({"scaleDown": {"selectPolicy": "Min", "policies": policies[:1], "stabilizationWindowSeconds": 0}})
    three = spec_of({"scaleDown": {"selectPolicy": "Max", "policies": policies, "stabilizationWindowSeconds": 0}})
    service = service_of()
    packed = pack_policies([one, three], service)
    world = a_world([800.0] * 15 + [80.0] * 60, sync=1)
    assert [played(play, world, service, packed, row, 10)[0].tolist() for row in (0, 1)] == [
        [10, 10, 10, 9, 8],
        [10, 10, 10, 7, 4],
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_evaluating_is_playing_each_policy_in_each_world(threads):
    service, done = service_of(start_seconds=(5, 20)), []
    packed = pack_policies([spec_of(high=high) for high in range(1, 12)], service)
    worlds = [a_world([*[80.0] * 40, *[rate] * 200], starts=[7, 19], before=80) for rate in (300.0, 700.0)]
    found = evaluate(packed, service, worlds, threads=threads, advance=done.append)
    expected = [[played(play, world, service, packed, row, 1)[1] for world in worlds] for row in range(11)]
    assert found.tolist() == np.array(expected).tolist()
    assert sum(done) == 11 * 2 * 240


def test_nothing_to_evaluate():
    assert evaluate(pack_policies([], service_of()), service_of(), [a_world([])]).shape == (0, 1, RESULTS)


PROGRAM = """
import numpy as np
from scaleproof.hpa.compiled import COMPILED
from scaleproof.simulator.traffic.evaluate import evaluate, replicas_over_time
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.autoscaling import AutoscalingSpec

service = ServiceModel(cpu_seconds_per_request=0.0025, capacity_per_second=140, request_millicores=250, limit_millicores=500,
    start_seconds=(15, 25), warm_up_seconds=20, warm_up_factor=1.5, idle_cores=0.01, node_replicas=8, node_seconds=60)
down = {"scaleDown": {"stabilizationWindowSeconds": 40, "selectPolicy": "Min",
    "policies": [{"type": "Percent", "value": 30, "periodSeconds": 50}, {"type": "Pods", "value": 2, "periodSeconds": 30}]}}
specs = [AutoscalingSpec.model_validate({"minReplicas": 2, "maxReplicas": 30, "metrics": [metric], **rest})
    for metric in ({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}},
        {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "91"}}})
    for rest in ({}, {"behavior": down})]
rng = np.random.default_rng(5)
rates = 600 * (1.2 + np.sin(np.arange(1500) / 200)) * rng.gamma(20, 0.05, 1500)
policies, world = pack_policies(specs, service), world_of(rates, service, seed=3, usage_noise=0.02)
scheduled = world._replace(scheduled=np.where(np.arange(1500) // 400 % 2 == 1, 14, 1))
print(COMPILED, evaluate(policies, service, [world, scheduled]).tolist(), replicas_over_time(policies, service, world).tolist())
"""


def run_program(*, interpreted: bool) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCALEPROOF_", "COVERAGE_"))}
    if interpreted:
        environment["SCALEPROOF_INTERPRETED"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=115, check=True
    )
    return done.stdout


def test_compiled_equals_interpreted():
    compiled, interpreted = run_program(interpreted=False), run_program(interpreted=True)
    assert compiled.startswith("True ")
    assert compiled.removeprefix("True ") == interpreted.removeprefix("False ")
