"""What gateway and datastores cost a request, from a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fakes.sample_run import sample_run
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import PlanAssumptions
from scaleproof.tuner.growth_plan.shared_costs import (
    assumed_costs,
    fitted_cost,
    measured_costs,
    shares_of_run,
    shares_of_schedule,
)


def test_idle_use_and_requests_are_told_apart():
    rates = np.array([10.0, 50.0, 100.0, 200.0])
    estimate, idle = fitted_cost(rates, 0.03 + 0.0007 * rates)
    assert (estimate.value, idle) == (pytest.approx(0.0007), pytest.approx(0.03))
    assert estimate.low <= estimate.value <= estimate.high


def test_under_one_rate_all_is_the_requests():
    rates = np.array([100.0, 101.0, 99.0, 100.0])
    estimate, idle = fitted_cost(rates, np.full(4, 0.1))
    assert (estimate.value, idle) == (pytest.approx(0.001, rel=0.01), 0.0)


def test_idle_use_is_never_negative():
    rates = np.array([10.0, 50.0, 100.0, 200.0])
    estimate, idle = fitted_cost(rates, rates**1.5 / 1e4)
    assert idle == 0.0
    assert estimate.value > 0


def test_a_noisy_machine_widens_the_interval():
    rng = np.random.default_rng(1)
    rates = np.linspace(10, 200, 20)
    quiet, _ = fitted_cost(rates, 0.03 + 0.001 * rates + rng.normal(0, 0.001, 20))
    noisy, _ = fitted_cost(rates, 0.03 + 0.001 * rates + rng.normal(0, 0.02, 20))
    assert noisy.high - noisy.low > 5 * (quiet.high - quiet.low)


def test_of_a_run():
    run = sample_run(users=300)
    costs = measured_costs(run, PlanAssumptions())
    assert costs.run == run.meta.id
    assert costs.gateway.measured_up_to > 0
    assert costs.gateway.cpu_seconds.value == pytest.approx(0.00025, rel=0.3)
    assert costs.database.idle_cores == pytest.approx(0.03, abs=0.02)


def test_what_a_run_does_not_know_stays_assumed():
    run = sample_run(users=300)
    blind = run.tables["host"].assign(gateway_cores=np.nan)
    costs = measured_costs(type(run)(meta=run.meta, tables={**run.tables, "host": blind}), PlanAssumptions())
    assert costs.gateway == assumed_costs(PlanAssumptions()).gateway


def test_shares():
    schedule = pd.DataFrame({"service": ["orders", "orders", "dashboard", "orders"]})
    assert shares_of_schedule(schedule) == {"dashboard": 0.25, "orders": 0.75}
    run = sample_run(users=300)
    found = shares_of_run(run)
    assert sum(found.values()) >= 1
    with pytest.raises(BadInputError, match="no request in it"):
        shares_of_schedule(schedule.iloc[:0])
