from __future__ import annotations

import pytest

from fakes.world import LOCUSTFILE, exactly, policy, truth, world
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.tuner.bottleneck import OWN_CPU
from scaleproof.tuner.calibrate import QUICK, THOROUGH, calibrate, expected_seconds, levels_of
from scaleproof.tuner.calibration_fit import model_curve, steps_at


@pytest.fixture(scope="module")
def quick():
    here = world()
    return here, calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True, budget_millicores=1200)


def test_it_finds_what_the_services_really_cost(quick):
    _, found = quick
    for name, real in truth().services.items():
        seen = found.services[name].cpu_seconds_per_request
        assert seen.value == pytest.approx(real.cpu_seconds_per_request.value, rel=0.08)
        assert seen.low * 0.97 <= real.cpu_seconds_per_request.value <= seen.high * 1.03
        assert found.services[name].idle_cores == pytest.approx(real.idle_cores, abs=0.001)


def test_it_finds_how_often_dashboard_calls_orders(quick):
    _, found = quick
    assert found.services["dashboard"].calls == {"orders": pytest.approx(0.5, rel=0.2)}
    assert found.services["orders"].calls == {}


def test_capacity_lies_below_what_would_use_up_the_quota_and_was_measured(quick):
    _, found = quick
    orders = found.services["orders"]
    assert 15 < orders.capacity_per_second.value < 0.15 / 0.006
    assert orders.capacity_per_second.value <= orders.highest_rate_per_replica
    assert orders.capacity_per_second.low <= orders.capacity_per_second.value <= orders.capacity_per_second.high
    assert orders.capacity_by_replicas[4] > 3 * orders.capacity_by_replicas[1]
    assert orders.bottleneck is None


def test_start_up_is_read_from_the_replicas_that_were_added(quick):
    _, found = quick
    low, high = found.services["orders"].start_seconds
    assert low < 4.3
    assert high > 5.5
    assert found.services["orders"].start_burn_cores == pytest.approx(0.15)


def test_stamp_slo_memory_and_steps_are_written_down(quick):
    here, found = quick
    assert found.stamp.machine == "machine-1"
    assert found.stamp.measured_at == pytest.approx(here.platform.now, abs=5)
    assert found.slo["orders"] == (0.3, 0.95)
    assert found.services["orders"].memory_peak_bytes == 100 * 2**20
    assert {step.replicas for step in found.services["orders"].steps} == {1, 4}
    assert [step.replicas for step in steps_at(found.services["orders"], 4)] == [4, 4]


def test_the_model_curve_passes_near_the_steps(quick):
    _, found = quick
    curve = model_curve(found.services, "orders", world().rig.spec.services["orders"].slo, points=6)
    assert curve["rate_per_replica"].is_monotonic_increasing
    assert curve["good_share"].iloc[0] > 0.99
    assert curve["p95_seconds"].iloc[0] < 0.1


def test_a_service_that_lets_everybody_wait_has_no_limit(quick):
    _, found = quick
    assert found.services["orders"].queue_limit is None


def test_it_finds_when_replicas_refuse_and_what_that_costs():
    here = world()
    orders = here.platform.truth.services["orders"].model_copy(update={"queue_limit": 12, "rejection_cpu_seconds": 0.001})
    services = {**here.platform.truth.services, "orders": orders}
    here.platform.truth = here.platform.truth.model_copy(update={"services": services})
    found = calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True, budget_millicores=1200)
    assert found.services["orders"].queue_limit == pytest.approx(12, abs=2)
    assert found.services["orders"].rejection_cpu_seconds == pytest.approx(0.001, abs=0.0005)
    assert found.services["dashboard"].queue_limit is None


def slow_together(here, times: int) -> list[int]:
    """The machine is half as fast during the first so many climbs of several replicas; the climbs' numbers of replicas."""
    run, climbs = here.generator.run, []
    quick, orders = here.platform.truth, here.platform.truth.services["orders"]
    dear = orders.model_copy(update={"cpu_seconds_per_request": exactly(2 * orders.cpu_seconds_per_request.value)})
    slow = quick.model_copy(update={"services": {**quick.services, "orders": dear}})

    def slowed(plan, *others, **options):
        count = here.platform.held["orders"] if plan.services == {"orders"} else 0
        climbs.append(count)
        here.platform.truth = slow if count > 1 and sum(each > 1 for each in climbs) <= times else quick
        try:
            return run(plan, *others, **options)
        finally:
            here.platform.truth = quick

    here.generator.run = slowed
    return climbs


@pytest.mark.parametrize(("times", "stopped"), [(0, False), (1, False), (2, True)])
def test_what_one_replica_costs_another_is_believed_when_it_is_seen_twice(times, stopped):
    here = world()
    climbs = slow_together(here, times)
    found = calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True, budget_millicores=1200).services[
        "orders"
    ]
    assert climbs.count(4) == (2 if times else 1)
    assert found.bottleneck == (OWN_CPU if stopped else None)
    assert (found.capacity_by_replicas[4] > 3 * found.capacity_by_replicas[1]) is not stopped


def test_quick_keeps_its_time_budget(quick):
    here, _ = quick
    assert here.platform.now - 1_000_000.0 < 135  # two services, with 3 s to start each load and 8 s for replicas


def test_the_autoscaler_decides_again_afterwards(quick):
    here, _ = quick
    assert (here.platform.held, here.platform.released) == (None, 1)


def test_thorough_measures_two_replicas_as_well():
    here = world()
    found = calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, budget_millicores=1200)
    assert set(found.services["orders"].capacity_by_replicas) == {1, 2, 4}
    assert here.platform.now - 1_000_000.0 < 300
    assert found.services["orders"].cpu_seconds_per_request.value == pytest.approx(0.006, rel=0.04)


def test_progress_counts_from_the_start_of_the_calibration(quick):
    here, _ = quick
    assert here.progress.elapsed == sorted(here.progress.elapsed)
    assert here.progress.elapsed[-1] > 60
    assert here.progress.stages == ["Calibrating: what a replica needs and holds"]


def test_interrupted_it_releases_the_replicas():
    here = world()
    here.generator.interrupt_at = 2
    with pytest.raises(KeyboardInterrupt):
        calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True)
    assert here.platform.released == 1


def test_a_service_without_a_task_is_named():
    here = world()
    here.generator.weights = {"orders": 1.0}
    with pytest.raises(BadInputError, match="no task begins at dashboard"):
        calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True)
    assert here.platform.released == 1


def test_no_answer_at_all_cannot_be_measured():
    here = world()
    here.generator.silent = True
    with pytest.raises(CannotMeasureError, match="no request was answered"):
        calibrate(here.rig, here.platform.policy, locustfile=LOCUSTFILE, quick=True)


def test_start_up_that_was_never_seen_cannot_be_measured():
    single = policy(orders=(1, 1), dashboard=(1, 1))
    here = world(single)
    with pytest.raises(CannotMeasureError, match="no replica was seen to start"):
        calibrate(here.rig, single, locustfile=LOCUSTFILE, quick=True)


@pytest.mark.parametrize(
    ("orders", "dashboard", "budget", "quick", "levels"),
    [
        (5, 2, None, False, {"orders": [1, 2, 4], "dashboard": [1, 2]}),
        (5, 2, None, True, {"orders": [1, 4], "dashboard": [1, 2]}),
        (3, 1, None, True, {"orders": [1, 2], "dashboard": [1]}),  # maxReplicas 3: 4 cannot be held
        (5, 2, 750, True, {"orders": [1, 4], "dashboard": [1]}),  # 4 orders stay while dashboard is measured
        (5, 2, 450, False, {"orders": [1, 2], "dashboard": [1]}),
    ],
)
def test_levels(orders, dashboard, budget, quick, levels):
    assert levels_of(policy(orders=(1, orders), dashboard=(1, dashboard)), budget, quick=quick) == levels


def test_expected_seconds_of_the_two_paces():
    levels = {"orders": [1, 4], "dashboard": [1, 2]}
    assert expected_seconds(levels, QUICK) < 130 < expected_seconds(levels, THOROUGH) < 300
