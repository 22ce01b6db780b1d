from __future__ import annotations

import numpy as np
import pytest

from fakes.evaluator import FakeEvaluator
from fakes.progress import FakeProgress
from fakes.world import platform, policy, truth
from scaleproof.tuner.evaluation import Goal, mean_cost
from scaleproof.tuner.knobs import Knobs
from scaleproof.tuner.optimise import Question, frontier_table, optimise, within_measured

SEEDS = list(range(100, 116))
RATE = {"orders": np.arange(0, 100, 1 / 50), "dashboard": np.arange(0, 100, 1 / 12)}  # 56/s to orders with dashboard's calls


def dear(knobs: Knobs) -> float:
    """Every replica to begin with costs, a low target adds some, a long window keeps them."""
    return 100 * knobs.minimum + 40 * (100 / knobs.target) + 0.2 * knobs.down_window_seconds


def slow_start(knobs: Knobs) -> float:
    """At least 3 replicas and a target of at most 95 % keep the SLO."""
    return 0.2 * max(0, 3 - knobs.minimum) + 0.01 * max(0, knobs.target - 95) + 0.01


def asked(before=None, **changes):
    question = {
        "before": before or policy(),
        "spec": platform(),
        "calibration": truth(),
        "arrivals": RATE,
        "budget_millicores": 1500,
        "max_window_seconds": 60,
    }
    return Question(**{**question, **changes})


def tuned(question, *, cost=dear, violation=slow_start, noise=0.0):
    evaluator = FakeEvaluator(cost, violation, SEEDS, noise)
    return optimise(question, evaluator, FakeProgress(), seeds=SEEDS, preview=lambda _: "a diff")


def knobs_of(result, name="orders") -> Knobs:
    return Knobs.of(result.after.services[name].autoscaling)


def test_the_cheapest_that_keeps_the_slo():
    result = tuned(asked())
    found = knobs_of(result)
    assert (found.minimum, found.target, found.down_window) == (3, 95, 0)
    assert (result.changed, result.feasible, result.diff) == (True, True, "a diff")
    assert result.after_violation.high <= 0.05 * 0.8
    assert result.infeasible_reason is None


def worse_when_fuller(knobs: Knobs) -> float:
    """Everything up to 120 % keeps the SLO, the more violation the fuller replicas are."""
    return max(0.001, 0.001 * (knobs.target - 80))


def test_money_is_not_saved_at_the_users_expense():
    kept = policy()  # 80 %: 0.1 % of requests violate
    assert Knobs.of(kept.services["orders"].autoscaling).target == 80
    result = tuned(asked(kept), violation=worse_when_fuller)
    assert result.changed
    assert result.after_violation.high <= 0.005, "though the SLO allows 4 %"
    assert any("budget is not used up" in reason for reason in result.reasons)


def test_where_the_policy_before_breaks_the_slo_its_violation_is_no_measure():
    result = tuned(asked(), violation=lambda knobs: worse_when_fuller(knobs) + (0.5 if knobs.target == 80 else 0.0))
    assert 0.005 < result.after_violation.high <= 0.04
    assert not any("budget is not used up" in reason for reason in result.reasons)


def test_fields_that_gain_nothing_stay_as_they_were():
    found = knobs_of(tuned(asked()))
    assert (found.up_rules, found.down_rules, found.up_window, found.maximum) == (None, None, None, 4)


def test_tuning_a_tuned_stack_changes_nothing():
    first = tuned(asked())
    second = tuned(asked(first.after))
    assert (second.changed, second.diff, second.after) == (False, "", first.after)
    assert second.reasons[0].startswith("The policy stays")


def test_same_question_same_answer():
    assert tuned(asked(), noise=2.0) == tuned(asked(), noise=2.0)


def test_what_is_cheaper_by_less_than_the_noise_changes_nothing():
    kept = tuned(asked()).after
    almost = Knobs.of(kept.services["orders"].autoscaling).turned(target=94).applied_to(kept.services["orders"].autoscaling)
    orders = kept.services["orders"].model_copy(update={"autoscaling": almost})
    before = kept.model_copy(update={"services": {**kept.services, "orders": orders}})
    assert not tuned(asked(before)).changed


def test_the_margin_is_kept_free():
    def violation(knobs: Knobs) -> float:
        return 0.045 if knobs.minimum < 4 else 0.0  # within the SLO's 5 %, but not within 4 %

    assert knobs_of(tuned(asked(), violation=violation)).minimum == 4
    assert knobs_of(tuned(asked(margin=0.0), violation=violation)).minimum == 1


def test_the_target_may_exceed_one_hundred_per_cent():
    small = truth()
    orders = small.services["orders"].model_copy(update={"usage_at_capacity_cores": 0.1})
    calibration = small.model_copy(update={"services": {**small.services, "orders": orders}})
    result = tuned(asked(calibration=calibration), violation=lambda knobs: 0.0)
    assert result.after.services["orders"].resources.requests.cpu == "100m"
    assert knobs_of(result).target > 100
    assert any("CPU request 150m → 100m" in reason for reason in result.reasons)


def test_windows_stay_within_the_bound():
    def holding_on(knobs: Knobs) -> float:
        return dear(knobs) + 10 * knobs.down_window_seconds

    def flapping(knobs: Knobs) -> float:
        return 0.0 if knobs.down_window_seconds >= 40 else 1.0

    assert knobs_of(tuned(asked(max_window_seconds=50), cost=holding_on, violation=flapping)).down_window == 45


def test_a_policy_outside_the_bounds_stays_if_none_within_is_better():
    def flapping(knobs: Knobs) -> float:
        return max(0.0, 0.6 - 0.01 * knobs.down_window_seconds)

    assert not tuned(asked(max_window_seconds=45), violation=flapping).changed


def test_limits_stay_and_fit_the_budget():
    result = tuned(asked(budget_millicores=1050), violation=lambda knobs: 0.0 if knobs.maximum > 1 else 1.0)
    services = result.after.services.values()
    assert sum(s.autoscaling.max_replicas * s.resources.limits.cpu_millicores for s in services) <= 1050
    assert {s.resources.limits.cpu for s in services} == {"150m"}


def test_infeasible_by_the_budget_names_it_and_the_least_capacity():
    result = tuned(asked(budget_millicores=450))
    assert not result.feasible
    assert "budget of 450m" in result.infeasible_reason
    assert "3 replicas of orders for 56 requests/s" in result.infeasible_reason
    assert "600m of limits in all" in result.infeasible_reason


def test_infeasible_although_replicas_fit_blames_a_replica():
    result = tuned(asked(), violation=lambda _: 0.5)
    assert "replicas for the peak would fit" in result.infeasible_reason
    assert not result.changed  # nothing has less violation than before


def test_infeasible_it_still_finds_less_violation():
    result = tuned(asked(), violation=lambda knobs: 0.9 - 0.1 * knobs.minimum)
    assert (result.feasible, result.changed) == (False, True)
    assert result.after_violation.value < result.before_violation.value


def test_the_frontier_runs_from_cheap_and_bad_to_dear_and_good():
    result = tuned(asked())
    inner = [point for point in result.frontier if not point.starting]
    assert [point.cost.value for point in inner] == sorted(point.cost.value for point in inner)
    assert [point.violation.high for point in inner] == sorted((point.violation.high for point in inner), reverse=True)
    assert sum(point.chosen for point in result.frontier) == sum(point.starting for point in result.frontier) == 1
    table = frontier_table(result)
    assert len(table) == 1 + len(result.frontier)
    assert sum("→" in line for line in table) == 1


def test_sensitivity_tells_what_one_step_would_do():
    steps = {entry.label: entry for entry in tuned(asked()).sensitivity}
    fewer = steps["orders: minReplicas 3 → 2"]
    assert (fewer.keeps_slo, fewer.cost_change < 0) == (False, True)
    assert steps["orders: target 95 % → 85 %"].cost_change > 0


def test_every_change_has_its_reason():
    text = "\n".join(tuned(asked()).reasons)
    for words in ("minReplicas 1 → 3", "CPU target 80 % → 95 %", "scale-down window 60 s → 0 s"):
        assert words in text


def test_finalists_that_fail_under_all_seeds_make_room_for_dearer_ones():
    def fragile(knobs: Knobs) -> float:
        return 0.039 if knobs.minimum < 3 else 0.0

    # ±0.2 % of violation by seed: 3.9 % is too near to 4 %, but the first four seeds, which the search has, do not show it.
    lucky_first = sorted(SEEDS, key=np.sin)
    evaluator = FakeEvaluator(dear, fragile, lucky_first, 0.2)
    result = optimise(asked(), evaluator, FakeProgress(), seeds=lucky_first)
    assert result.feasible
    assert knobs_of(result).minimum == 3


def test_beyond_a_shared_bottleneck_nothing_is_tried():
    found = truth()
    orders = found.services["orders"].model_copy(update={"bottleneck": "the datastores", "highest_replicas": 2})
    bounded = found.model_copy(update={"services": {**found.services, "orders": orders}})
    assert within_measured(policy(), bounded).services["orders"].autoscaling.max_replicas == 2
    assert within_measured(policy(), found) == policy()
    result = tuned(asked(calibration=bounded))
    assert all(point.policy.services["orders"].autoscaling.max_replicas <= 2 for point in result.frontier)


@pytest.mark.parametrize("start", [(1, 4), (2, 2), (4, 4)])
def test_where_the_stack_starts_plays_no_part(start):
    found = knobs_of(tuned(asked(policy(orders=start))))
    assert (found.minimum, found.target, found.down_window) == (3, 95, 0)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_the_race_finds_what_trying_all_of_them_would_find(noise):
    def fragile(knobs: Knobs) -> float:
        """Cheap ones are near the goal, and only some of the seeds show that they are beyond it."""
        return max(0.0, 0.045 - 0.004 * knobs.minimum - 0.0004 * (100 - (knobs.target or 0)))

    seen = {}

    class Remembering(FakeEvaluator):
        def evaluate(self, policies, *, seeds=None):
            seen.update((policy.model_dump_json(), policy) for policy in policies)
            return super().evaluate(policies, seeds=seeds)

    evaluator = Remembering(dear, fragile, SEEDS, noise)
    result = optimise(asked(), evaluator, FakeProgress(), seeds=SEEDS)
    goal = Goal.of(platform(), 0.2)
    everything = FakeEvaluator(dear, fragile, SEEDS, noise).evaluate(list(seen.values()))
    feasible = [mean_cost(outcome) for outcome in everything if goal.excess(outcome) == 0]
    assert result.feasible
    assert result.after_cost.value <= min(feasible) * 1.02
