"""Which limits growth meets, and in which order they must be lifted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.growth_plan import TEAM, growth_question, shop, uncertain
from fakes.world import policy
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.plan_files import PlanAssumptions, Team
from scaleproof.spec.platform import Load, Postgres, Redis
from scaleproof.tuner.bottleneck import NOT_CPU
from scaleproof.tuner.growth_plan.bottlenecks import bottlenecks
from scaleproof.tuner.growth_plan.limits import KINDS, check_team
from scaleproof.tuner.growth_plan.plan import needs_model


def met(question, team=None):
    found, _ = bottlenecks(needs_model(question), question.milestones, team)
    return {each.id: each for each in found}


def test_the_maximum_breaks_with_the_first_user_too_many():
    question = growth_question(policy=policy(orders=(1, 4), dashboard=(1, 40)), calibration=uncertain(0.0))
    breaks = int(met(question)["max-replicas:orders"].breaks_at.value)
    model = needs_model(question)
    assert model.at(breaks)["orders", "replicas"].central == 5
    assert model.at(breaks - 1)["orders", "replicas"].central == 4


def test_each_limit_is_found():
    """A platform at which every kind of limit is too low for 10,000 users."""
    tight = PlanAssumptions.model_validate(
        {
            "version": 1,
            "gateway": {"cores": 0.1, "open_files": 5000},
            "database": {"cores": 0.1},
            "nodes": {"most": 1},
        }
    )
    tight_platform = shop(
        postgres=Postgres(max_connections=40), redis=Redis(memory="16Mi", max_clients=10), load=Load(users=3_000)
    )
    question = growth_question(
        platform=tight_platform,
        policy=policy(target=96),
        calibration=uncertain(0.0, bottleneck=NOT_CPU, capacity_by_replicas={1: 20.0, 4: 44.0}),
        assumptions=tight,
    )
    found = met(question)
    assert {each.limit.kind.id for each in found.values()} == {kind.id for kind in KINDS}
    assert "queries" in found["shared:orders"].limit.fix
    assert found["gateway-connections"].breaks_at.value == 3_001


def test_a_target_above_the_capacity_is_a_bottleneck_and_one_below_is_none():
    # at 96 % a replica of orders serves 23.3/s, and holds 20/s
    assert "target:orders" in met(growth_question(policy=policy(target=96)))
    assert "target:orders" not in met(growth_question(policy=policy(target=80)))


def test_what_breaks_for_the_same_milestone_is_lifted_before():
    question = growth_question(milestones=(10_000,))
    found = list(met(question).values())
    order = [each.id for each in found]
    assert order.index("database-connections") < order.index("max-replicas:orders")
    assert "database-connections" in met(question)["max-replicas:orders"].after


def test_what_breaks_later_does_not_hold_up_an_earlier_milestone():
    question = growth_question(milestones=(3_000, 100_000), platform=shop(postgres=Postgres(max_connections=400)))
    found = met(question)
    assert found["max-replicas:orders"].milestone == 3_000
    assert found["database-connections"].milestone == 100_000
    assert found["max-replicas:orders"].after == ()


def team(**work):
    return Team.model_validate({**TEAM, "work": {**TEAM["work"], **work}})


def test_a_team_adds_what_comes_before():
    asked = team(**{"redis-memory": {"owner": "Ben", "effort_days": 1, "after": ["max-replicas:orders"]}})
    found = met(growth_question(milestones=(100_000,)), asked)
    assert found["redis-memory"].after == ("max-replicas:orders",)
    assert found["redis-memory"].work.owner == "Ben"
    order = list(found)
    assert order.index("max-replicas:orders") < order.index("redis-memory")


def test_a_circle_is_refused():
    asked = team(**{"database-connections": {"owner": "Ben", "effort_days": 1, "after": ["max-replicas:orders"]}})
    with pytest.raises(BadInputError, match="closes a circle"):
        met(growth_question(milestones=(10_000,)), asked)


@pytest.mark.parametrize(
    ("work", "hint"),
    [
        ({"max-replica": {"owner": "Ada", "effort_days": 1}}, "did you mean 'max-replicas'"),
        ({"max-replicas:ordrs": {"owner": "Ada", "effort_days": 1}}, "did you mean 'max-replicas:orders'"),
        ({"lunch": {"owner": "Ada", "effort_days": 1}}, "expected one of"),
        ({"shared": {"owner": "Ada", "effort_days": 1, "after": ["tea"]}}, "expected one of"),
    ],
)
def test_a_team_may_only_name_what_there_is(work, hint):
    with pytest.raises(BadInputError, match="is not a bottleneck of this platform") as caught:
        check_team(team(**work), ["orders", "dashboard"], "team.yaml")
    assert hint in str(caught.value)
    assert str(caught.value).startswith("team.yaml: ")


def test_what_only_some_draws_meet_is_only_perhaps():
    question = growth_question(policy=policy(orders=(1, 40), dashboard=(1, 40)), platform=shop(postgres=None))
    model = needs_model(question)
    most = int(model.at(10_000)["orders", "replicas"].central)
    close = growth_question(policy=policy(orders=(1, most), dashboard=(1, 40)), platform=shop(postgres=None))
    found, perhaps = bottlenecks(needs_model(close), close.milestones, None)
    assert "max-replicas:orders" not in {each.id for each in found}
    assert "max-replicas:orders" in {each.limit.id for each in perhaps}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(100, 300_000), min_size=1, max_size=4, unique=True).map(sorted),
    st.integers(1, 30),
    st.integers(10, 2_000),
)
def test_the_order_respects_the_dependencies_and_the_users(milestones, most, connections):
    question = growth_question(
        milestones=tuple(milestones),
        policy=policy(orders=(1, most), dashboard=(1, most)),
        platform=shop(postgres=Postgres(max_connections=connections)),
        draws=20,
    )
    found = list(met(question).values())
    place = {each.id: index for index, each in enumerate(found)}
    for each in found:
        assert all(place[before] < place[each.id] for before in each.after)
        assert each.breaks_at.low <= each.breaks_at.value <= each.milestone
        for other in found:
            free = not each.after and not other.after
            if free and each.breaks_at.value < other.breaks_at.value:
                assert place[each.id] < place[other.id]
