"""The whole plan: dates, costs, schedule and risks together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fakes.growth_plan import START, TEAM, growth_question, uncertain
from fakes.world import policy
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import Prices, Team
from scaleproof.tuner.growth_plan.growth import SteadyGrowth
from scaleproof.tuner.growth_plan.milestones import MOST_USERS, parse_users
from scaleproof.tuner.growth_plan.needs import NODES, PLATFORM
from scaleproof.tuner.growth_plan.plan import make_plan

ROOMY = policy(orders=(1, 400), dashboard=(1, 200))


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("10k,25k", (10_000, 25_000)),
        ("1M", (1_000_000,)),
        ("2.5k, 1_000 ,500,500", (500, 1_000, 2_500)),
    ],
)
def test_users(text, users):
    assert parse_users(text) == users


@pytest.mark.parametrize("text", ["", "ten", "0", "-5", "1.5", "10k,,20k", "10 k", "1e6", f"{MOST_USERS + 1}", "2M"])
def test_no_users(text):
    with pytest.raises(BadInputError, match="--users:"):
        parse_users(text)


def test_too_many_milestones():
    with pytest.raises(BadInputError, match="13 milestones, expected at most 12"):
        parse_users(",".join(str(users) for users in range(1, 14)))


def test_milestones_have_dates_needs_and_costs_that_grow():
    plan = make_plan(growth_question())
    dates = [milestone.reached.on for milestone in plan.milestones]
    assert dates == sorted(dates)
    assert dates[0] == START
    assert dates[1] == date(2027, 11, 16)  # 11.53 months at 10 %
    costs = [milestone.cost.month.value for milestone in plan.milestones]
    assert costs == sorted(costs)
    first = plan.milestones[0]
    assert first.cost.hour.value == pytest.approx(0.2 * first.needs[NODES, "nodes"].value)
    assert first.cost.month.value == pytest.approx(first.cost.hour.value * 730 * 0.5)


def test_without_a_price_for_nodes_cores_and_memory_are_paid_for():
    prices = Prices(version=1, currency="EUR", core_hour=0.04, gib_hour=0.005)
    first = make_plan(growth_question(prices=prices)).milestones[0]
    cores = first.needs[PLATFORM, "cores_reserved"].value
    gib = first.needs[PLATFORM, "memory_reserved_bytes"].value / 2**30
    assert first.cost.hour.value == pytest.approx(0.04 * cores + 0.005 * gib)


def test_bottlenecks_are_lifted_in_time_where_growth_is_slow():
    slow = SteadyGrowth(START, 1_000, 0.02, "month", compound=True)
    plan = make_plan(growth_question(growth=slow, milestones=(1_000, 10_000)))
    last = plan.milestones[-1]
    assert last.lift
    assert last.ready is not None
    assert last.ready < last.reached.on
    assert plan.at_risk == ()


def test_a_milestone_that_comes_too_soon_is_at_risk_and_says_of_what():
    fast = SteadyGrowth(START, 1_000, 10.0, "week", compound=True)
    plan = make_plan(growth_question(growth=fast))
    assert plan.at_risk[-1].users == 10_000
    assert any(risk.startswith("database-connections is lifted on") and "too late" in risk for risk in plan.at_risk[-1].risks)


def test_nobody_named_is_a_risk():
    alone = Team.model_validate({**TEAM, "others": None, "work": {"max-replicas": TEAM["work"]["max-replicas"]}})
    plan = make_plan(growth_question(team=alone))
    risks = " ".join(risk for milestone in plan.at_risk for risk in milestone.risks)
    assert "database-connections is not planned: nobody is named for it" in risks
    assert "max-replicas:dashboard is not planned: nobody is named for what comes before it" in risks
    assert plan.milestones[-1].ready is None


def test_without_growth_team_and_prices_there_are_needs_and_bottlenecks_alone():
    plan = make_plan(growth_question(growth=None, team=None, prices=None))
    assert plan.bottlenecks
    assert plan.scheduled == ()
    assert all((each.reached, each.cost, each.ready, each.risks) == (None, None, None, ()) for each in plan.milestones)


def test_what_it_holds_is_one_user_less_than_breaks_it():
    plan = make_plan(growth_question(calibration=uncertain(0.0)))
    assert plan.holds == min(each.breaks_at.value for each in plan.bottlenecks) - 1
    roomy = replace(growth_question(), policy=ROOMY, milestones=(100,), calibration=uncertain(0.0))
    roomy = replace(roomy, platform=roomy.platform.model_copy(update={"postgres": None}))
    assert make_plan(roomy).holds == float("inf")


def test_what_was_measured_ends_where_replicas_were_never_so_many():
    plan = make_plan(growth_question(calibration=uncertain(0.0), policy=ROOMY))
    # 4 replicas of orders were measured: 18.2 requests/s each within the SLO with a tenth kept free, 0.03 requests/s a user
    assert plan.measured_up_to["orders"] == pytest.approx(4 * 20 / 1.1 / 0.03, abs=2)


def test_a_million_users_on_paper():
    plan = make_plan(growth_question(milestones=(10_000, 1_000_000), policy=ROOMY))
    orders = plan.milestones[-1].needs["orders", "replicas"]
    assert orders.extrapolated
    assert orders.low <= orders.value < orders.high
    assert orders.value > 1_500
