"""Figures by seed: simulated ones are the same again and worse where the policy is; measured ones count what runs recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fakes import world
from fakes.sample_run import sample_run
from scaleproof.simulator.arrivals import from_shape
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.gate import Gate
from scaleproof.spec.shapes import spike
from scaleproof.tuner.check_figures import (
    counted_seconds,
    load_of,
    outcome_of,
    simulated_figures,
)
from scaleproof.tuner.measured_figures import failed_share, measured_figures
from scaleproof.tuner.regression import figure_growths

SHAPE = spike(base=0.3, lead=5, rise=10, hold=30, fall=5, tail=10)
ARRIVALS = from_shape(SHAPE, {"orders": 40.0, "dashboard": 10.0}, seed=1)
SEEDS = (1, 2, 3)
POLICY = world.policy(orders=(3, 6), dashboard=(2, 3))


def simulated(policy=POLICY):
    return simulated_figures(world.platform(), policy, world.truth(), ARRIVALS, SHAPE, SEEDS)


@pytest.fixture(scope="module")
def before():
    return simulated()


def test_the_same_again_is_the_same(before):
    assert simulated() == before
    assert before.seeds == [1, 2, 3]
    assert not any(growth.regressed for growth in figure_growths(before, simulated(), Gate(), "simulated"))


def test_half_the_replicas_serve_worse_in_every_pair(before):
    after = simulated(world.policy(orders=(1, 2), dashboard=(2, 3)))
    grown = {
        growth.service: growth for growth in figure_growths(before, after, Gate(), "simulated") if growth.metric == "violation"
    }
    assert grown["orders"].regressed
    assert grown["orders"].difference.low > 0.2


def test_more_replicas_than_needed_cost_more(before):
    after = simulated(world.policy(orders=(6, 6), dashboard=(2, 3)))
    cost = figure_growths(before, after, Gate(), "simulated")[0]
    assert cost.regressed


def test_another_limit_is_refused():
    changed = POLICY.services["orders"].resources.limits.model_copy(update={"cpu": "300m"})
    resources = POLICY.services["orders"].resources.model_copy(update={"limits": changed})
    orders = POLICY.services["orders"].model_copy(update={"resources": resources})
    with pytest.raises(BadInputError, match="300m, but 150m was measured"):
        simulated(POLICY.model_copy(update={"services": {**POLICY.services, "orders": orders}}))


def test_an_outcome_is_medians_with_intervals(before):
    found = outcome_of(before, "simulated")
    assert found.cost.low <= found.cost.value <= found.cost.high
    assert set(found.violation) == {"orders", "dashboard"}


def test_the_load_is_its_requests():
    load = load_of(world.plan(), ARRIVALS)
    assert load.requests == {"dashboard": ARRIVALS["dashboard"].size, "orders": ARRIVALS["orders"].size}
    assert (load.users, load.shape) == (1200, "spike")


def test_cost_counts_to_the_same_time_for_every_policy():
    # The last busy moment is 50 s; Kubernetes' own window is 300 s.
    assert counted_seconds(SHAPE) > 50 + 300


def test_measured_runs():
    run = sample_run()
    found = measured_figures([run, sample_run(seed=8)], world.truth())
    assert found.seeds == [7, 8]
    assert all(0 <= share <= 1 for share in found.violation["orders"])
    assert all(cost > 0 for cost in found.cost)
    requests = run.tables["schedule"]["service"].value_counts()
    samples = run.tables["replicas"]
    samples = samples[samples["time_s"] <= run.meta.duration_seconds]
    cpu = samples.groupby("service")["cpu_cores"].sum()
    # A request to the dashboard makes half a call to orders.
    asked = requests["orders"] + 0.5 * requests["dashboard"]
    assert found.cpu_seconds_per_request["orders"][0] == pytest.approx(cpu["orders"] / asked)
    assert found.cpu_seconds_per_request["dashboard"][0] == pytest.approx(cpu["dashboard"] / requests["dashboard"])


def test_dearer_requests_are_seen_in_measured_runs():
    run = sample_run()
    replicas = run.tables["replicas"].assign(cpu_cores=run.tables["replicas"]["cpu_cores"] * 1.25)
    dearer = replace(run, tables={**run.tables, "replicas": replicas})
    first, second = (measured_figures([each], world.truth()) for each in (run, dearer))
    ratio = np.array(second.cpu_seconds_per_request["orders"]) / np.array(first.cpu_seconds_per_request["orders"])
    assert ratio == pytest.approx([1.25])


def test_failed_requests_of_a_run():
    run = sample_run()
    requests = run.tables["requests"].assign(ok=False)
    assert failed_share(replace(run, tables={**run.tables, "requests": requests})) == 1
    assert failed_share(run) < 1
