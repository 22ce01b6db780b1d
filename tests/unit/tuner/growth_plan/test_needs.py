"""What a plan says each part needs, against the simulator and against sums done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.growth_plan import growth_question, shop, uncertain
from fakes.world import policy, truth
from scaleproof.simulator.arrivals import from_shape
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.simulate import simulate
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import NodeAssumptions, PlanAssumptions
from scaleproof.spec.platform import Redis, StateRedis
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.growth_plan.needs import GATEWAY, NODES, PLATFORM, POSTGRES, REDIS
from scaleproof.tuner.growth_plan.plan import needs_model
from scaleproof.tuner.growth_plan.replicas import HIDDEN_LOSS

CURVED = {"busy_factor": 0.6, "idle_factor": 1.35, "idle_seconds": 0.01}
PODS_METRIC = [{"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}]


def central(needs, part, quantity):
    return needs[part, quantity].central


@pytest.mark.parametrize("users", [1_200, 2_400, 4_000])
@pytest.mark.parametrize("of_orders", [{}, CURVED], ids=["requests cost alike", "rarer requests are dearer"])
def test_replicas_at_the_peak_are_the_simulators(users, of_orders):
    """A slow climb and a long peak under the same policy: at its end the simulated autoscaler has as many replicas."""
    wide = policy(orders=(1, 60), dashboard=(1, 40))
    exact = uncertain(0.0, **of_orders)
    question = growth_question(policy=wide, calibration=exact)
    needs = needs_model(question).at(users)
    rate = users / question.platform.load.mean_think_seconds
    climb = Shape("climb", ((0.0, 0.1), (120.0, 1.0), (420.0, 1.0)))
    arrivals = from_shape(climb, {name: share * rate for name, share in question.shares.items()}, seed=1)
    result = simulate(
        exact,
        question.platform,
        wide,
        arrivals,
        duration_seconds=420,
        seeds=(1, 2),
        phases=1,
        assumptions=Assumptions(calibration_noise=False),
    )
    for name in ("orders", "dashboard"):
        simulated = float(result.replicas(name).median[360:420].mean())
        planned = central(needs, name, "replicas_of_policy")
        assert abs(planned - simulated) <= max(1.0, 0.1 * simulated), f"{name}: {planned} planned, {simulated} simulated"
        used = float(result.usage_cores(name).median[360:420].mean())
        assert central(needs, name, "cores_used") == pytest.approx(used, rel=0.15)


def test_requests_follow_the_call_graph():
    needs = needs_model(growth_question()).at(3_000)
    assert central(needs, "dashboard", "requests_per_second") == pytest.approx(0.2 * 3_000 / 30)
    assert central(needs, "orders", "requests_per_second") == pytest.approx(0.8 * 100 + 0.5 * 0.2 * 100)
    assert central(needs, GATEWAY, "requests_per_second") == pytest.approx(100)


def test_a_user_who_waits_for_answers_asks_less():
    slow = PlanAssumptions(response_seconds=10)
    needs = needs_model(growth_question(assumptions=slow)).at(3_000)
    assert central(needs, GATEWAY, "requests_per_second") == pytest.approx(3_000 / 40)


def test_replicas_by_hand():
    # orders: 90 requests/s; at 120m beside 4m idle, 6 ms each: 19.3/s; within the SLO 20/s with a tenth kept free: 18.2/s
    needs = needs_model(growth_question(calibration=truth())).at(3_000)
    assert central(needs, "orders", "replicas_of_policy") == math.ceil(90 / (0.116 / 0.006))
    assert central(needs, "orders", "replicas_for_slo") == math.ceil(90 * 1.1 / 20)
    assert central(needs, "orders", "cores_reserved") == pytest.approx(5 * 0.15)
    assert central(needs, "orders", "cores_used") == pytest.approx(90 * 0.006 + 5 * 0.004)


def test_a_metric_of_requests_decides_where_it_wants_more():
    wanted = policy()
    orders = wanted.services["orders"]
    metrics = [*orders.autoscaling.model_dump(by_alias=True, exclude_none=True)["metrics"], *PODS_METRIC]
    scaling = type(orders.autoscaling).model_validate({"minReplicas": 1, "maxReplicas": 4, "metrics": metrics})
    both = wanted.model_copy(
        update={"services": {**wanted.services, "orders": orders.model_copy(update={"autoscaling": scaling})}}
    )
    needs = needs_model(growth_question(policy=both)).at(3_000)
    assert central(needs, "orders", "replicas_of_policy") == 9


def test_connections_count_the_update_at_the_maximum():
    # 4 each of 9 replicas and 2 each of 3, a quarter more during an update (rounded up per service), 3 + 2 for others
    services = shop().services
    counted = services["dashboard"].model_copy(update={"postgres_connections": 2, "redis_connections": 1})
    platform = shop(services={**services, "dashboard": counted})
    question = growth_question(policy=policy(orders=(1, 9), dashboard=(1, 3)), platform=platform)
    needs = needs_model(question).at(10)
    assert central(needs, POSTGRES, "connections") == 4 * (9 + 3) + 2 * (3 + 1) + 5
    assert central(needs, REDIS, "connections") == 2 * (9 + 3) + 1 * (3 + 1)
    assert needs[POSTGRES, "connections"].assumed
    far = needs_model(question).at(30_000)
    assert central(far, "orders", "replicas") > 9
    assert central(far, POSTGRES, "connections") > central(needs, POSTGRES, "connections")


def test_the_working_set_grows_with_the_users():
    stated = shop(redis=Redis(working_set="40Mi"))
    needs = needs_model(growth_question(platform=stated)).at(5_000)
    assert central(needs, REDIS, "memory_bytes") == pytest.approx((8 + 20) * 2**20)  # load.users are 10,000
    assert not needs[REDIS, "memory_bytes"].assumed


def test_a_state_server_takes_its_place_on_the_nodes():
    with_state = shop(state_redis=StateRedis(memory="64Mi"))
    alone, beside = (needs_model(growth_question(platform=each)).at(5_000) for each in (shop(), with_state))
    grown = central(beside, PLATFORM, "memory_reserved_bytes") - central(alone, PLATFORM, "memory_reserved_bytes")
    assert grown == pytest.approx(64 * 2**20)


def test_without_datastores_there_are_no_needs_of_them():
    question = growth_question(platform=shop(postgres=None, redis=None))
    assert {part for part, _ in needs_model(question).at(100)}.isdisjoint({POSTGRES, REDIS})


def test_what_was_not_measured_is_marked():
    model = needs_model(growth_question())
    near, far = model.at(1_000), model.at(10_000)
    assert not near["orders", "replicas"].extrapolated
    assert far["orders", "replicas"].extrapolated
    assert far[NODES, "nodes"].extrapolated
    assert near[GATEWAY, "cores"].assumed
    assert not near["orders", "cores_used"].assumed


def test_intervals_hold_the_value_and_widen_beyond_the_measured():
    model = needs_model(growth_question())
    relative = []
    for users in (2_000, 200_000):
        figure = model.at(users)["orders", "replicas"].figure()
        assert figure.low <= figure.value <= figure.high
        relative.append((figure.high - figure.low) / figure.value)
    assert relative[1] > 1.5 * relative[0]


def test_contention_costs_a_share_of_each_doubling():
    service = needs_model(growth_question()).services["orders"]
    # twice the measured number, where each doubling loses all that could hide: n^(1 - b) = 2 with 2^-b = 1 - loss
    worst = HIDDEN_LOSS * np.ones(1)
    service = type(service)(**{**service.__dict__, "loss": worst})
    twice = np.array([2.0 * service.known.highest_replicas])
    grown = float((twice * service.dearer(twice))[0]) / service.known.highest_replicas
    assert grown ** (1 + math.log2(1 - HIDDEN_LOSS)) == pytest.approx(2)
    assert service.dearer(np.array([float(service.known.highest_replicas)]))[0] == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000), st.sampled_from([{}, CURVED]))
def test_more_users_never_need_less(one, other, of_orders):
    model = needs_model(growth_question(calibration=uncertain(0.2, **of_orders), draws=20))
    few, many = model.at(min(one, other)), model.at(max(one, other))
    for key, amount in few.items():
        assert (many[key].samples >= amount.samples * (1 - 1e-12)).all(), key
        before, after = amount.figure(), many[key].figure()
        assert after.low >= before.low * (1 - 1e-12)
        assert after.high >= before.high * (1 - 1e-12)


def test_the_same_seed_gives_the_same_plan():
    figures = [needs_model(growth_question(seed=seed)).at(50_000)["orders", "replicas"].figure() for seed in (3, 3, 4)]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]


def test_a_new_service_does_not_change_the_draws_of_others():
    wide = needs_model(growth_question()).services["orders"].cpu_seconds
    alone = growth_question(
        platform=shop(services={"orders": shop().services["orders"]}),
        shares={"orders": 1.0},
    )
    assert (needs_model(alone).services["orders"].cpu_seconds == wide).all()


def limit_of_orders(millicores):
    changed = policy().model_dump(mode="json", by_alias=True, exclude_none=True)
    changed["services"]["orders"]["resources"]["limits"]["cpu"] = f"{millicores}m"
    return type(policy()).model_validate(changed)


WRONG = {
    "another limit": ({"policy": limit_of_orders(300)}, "measured with a CPU limit of 150m, the policy says 300m"),
    "another SLO": (
        {"calibration": truth().model_copy(update={"slo": {**truth().slo, "orders": (0.2, 0.95)}})},
        "the SLO of orders changed",
    ),
    "a service that was not measured": (
        {"calibration": truth().model_copy(update={"services": {"orders": truth().services["orders"]}})},
        "service dashboard was not measured",
    ),
    "a target below idle use": ({"policy": policy(target=2)}, "never stop adding replicas"),
    "no node holds a replica": (
        {"assumptions": PlanAssumptions(nodes=NodeAssumptions(cores=0.4, memory="2Gi"))},
        "more than a node has left",
    ),
    "requests that cost nothing": (
        {
            "calibration": uncertain(
                0.0, cpu_seconds_per_request=truth().services["orders"].wait_seconds.model_copy(update={"value": 0.0})
            )
        },
        "no CPU a request",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_do_not_fit_are_one_message(name):
    changes, message = WRONG[name]
    with pytest.raises(BadInputError, match=message):
        needs_model(growth_question(**changes)).at(100)
