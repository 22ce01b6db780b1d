from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fakes.world import plan, platform, policy, world
from scaleproof.spec.errors import CannotMeasureError, ExitCode
from scaleproof.spec.shapes import Shape
from scaleproof.telemetry.assemble import assemble_run
from scaleproof.telemetry.run import RunMeta
from scaleproof.telemetry.summary import summarise
from scaleproof.tuner.results import Prediction
from scaleproof.tuner.statistics import difference_estimate
from scaleproof.tuner.verify import MeasuredRun, Noise, judge, order_of, run_label, unchanged, verify

SECONDS = 100
BETTER = policy(orders=(3, 4))


def measured(side, *, replicas=4.0, bad=0.0, pair=0, marked=0, services=("orders",)) -> MeasuredRun:
    """A run of 100 s: so many replicas of orders on average, that share of 1,000 requests too slow, so many marked seconds."""
    count = 1000
    intended = np.linspace(0, SECONDS - 1, count)
    slow = np.arange(count) % 1000 < bad * 1000
    finished = intended + np.where(slow, 2.0, 0.02)
    schedule = pd.DataFrame({"action": np.arange(count), "user": 0, "intended_s": intended, "journey": "j", "task": "t"})
    schedule["service"] = "orders"
    requests = pd.DataFrame(
        {"action": np.arange(count), "step": 0, "service": "orders", "name": "n", "intended_s": intended, "sent_s": intended}
    ).assign(finished_s=finished, status=200, ok=True, error="")
    rows = []
    for second in range(SECONDS + 1):
        alive = 1 if second in (0, SECONDS) else int(np.floor(replicas)) + (second % 100 < (replicas % 1) * 100)
        rows += [("orders", f"o{n}", second) for n in range(alive)] + [("dashboard", "d0", second)]
    seen = pd.DataFrame(rows, columns=["service", "replica", "time_s"])
    seen = seen.assign(state="ready", cpu_cores=0.1, throttled_share=0.0, memory_bytes=1)
    host = pd.DataFrame(
        {"time_s": np.arange(SECONDS, dtype=float), "cpu_share": np.where(np.arange(SECONDS) < marked, 0.99, 0.4)}
    )
    meta = RunMeta(
        id=f"x-{run_label(side, pair)}",
        started_at=0,
        duration_seconds=SECONDS,
        target="local",
        stack="dev",
        users=100,
        shape_name="ramp",
        shape_points=[(0, 1), (SECONDS, 1)],
        seed=1,
        platform=platform(),
        policy=policy(),
    )
    run = assemble_run(meta, {"schedule": schedule, "requests": requests}, {"replicas": seen, "host": host})
    return MeasuredRun(side=side, label=run_label(side, pair), run=run, summary=summarise(run))


def expected(label, cost, half_cost, violation=0.0, half_violation=0.0) -> Prediction:
    def around(value, half):
        return {"value": value, "low": value - half, "high": value + half}

    return Prediction.model_validate(
        {
            "label": label,
            "time_s": [],
            "replicas": {},
            "replicas_low": {},
            "replicas_high": {},
            "violation": around(violation, half_violation),
            "violation_by_service": {},
            "cost": around(cost, half_cost),
            "replica_seconds": around(cost, half_cost),
        }
    )


@pytest.mark.parametrize(
    ("pairs", "order"),
    [
        (None, "AB"),
        (1, "AB"),
        (2, "ABBA"),  # neighbouring pairs swap: a drift of the machine cancels out
        (3, "ABBAAB"),
    ],
)
def test_order_of_runs(pairs, order):
    assert "".join("A" if side == "before" else "B" for side, _ in order_of(pairs)) == order
    assert [pair for _, pair in order_of(pairs)] == [number for number in range(pairs or 1) for _ in "AB"]


@pytest.mark.parametrize(
    ("before", "after", "decision", "words"),
    [
        ({"bad": 0.3}, {"bad": 0.0, "replicas": 5}, "better", "keeps every SLO, the old one did not"),
        ({"replicas": 4}, {"replicas": 2}, "better", "cheaper at no more violation"),
        ({"bad": 0.3}, {"bad": 0.1}, "better", "less violation at no more cost"),
        ({"bad": 0.01}, {"bad": 0.2}, "not better", "breaks an SLO that the old one keeps"),
        ({"replicas": 2}, {"replicas": 4}, "not better", "is worse"),
        ({"bad": 0.4, "replicas": 4}, {"bad": 0.6, "replicas": 2}, "not better", "loses elsewhere"),
        ({"bad": 0.4, "replicas": 2}, {"bad": 0.2, "replicas": 4}, "not better", "loses elsewhere"),
        ({"replicas": 4}, {"replicas": 3.9}, "inconclusive", "within the noise"),
    ],
)
def test_verdict_of_one_pair(before, after, decision, words):
    verdict = judge([measured("before", **before), measured("after", **after)])
    assert verdict.decision == decision
    assert words in verdict.reasons[0]
    assert verdict.indicative
    assert verdict.exit_code == {"better": 0, "not better": 1, "inconclusive": 3}[decision]


def test_many_equal_pairs_are_not_better_rather_than_unknown():
    runs = [measured(side, pair=pair) for side, pair in order_of(3)]
    verdict = judge(runs, predictions=[expected("before", 60, 0.1), expected("after", 60, 0.1)])
    assert verdict.decision == "not better"
    assert not verdict.indicative


def test_a_gain_within_the_predicted_noise_is_inconclusive():
    runs = [measured("before", replicas=4), measured("after", replicas=3.5)]  # 10 % cheaper
    sure = judge(runs, predictions=[expected("before", 60, 0.5), expected("after", 55, 0.5)])
    unsure = judge(runs, predictions=[expected("before", 60, 15), expected("after", 55, 15)])
    assert (sure.decision, unsure.decision) == ("better", "inconclusive")


def test_violation_half_as_high_as_predicted_scatters_less_than_predicted():
    runs = [measured("before", bad=0.06), measured("after")]
    far_off = [expected("before", 60, 0.5, 0.15, 0.08), expected("after", 60, 0.5)]
    assert judge(runs, predictions=far_off).decision == "better"  # ±6 points rather than ±9
    as_predicted = [expected("before", 60, 0.5, 0.06, 0.055), expected("after", 60, 0.5)]
    assert judge(runs, predictions=as_predicted).decision == "inconclusive"


def test_violation_three_times_as_high_as_predicted_scatters_more_than_predicted():
    runs = [measured("before", bad=0.3), measured("after", bad=0.22)]
    predictions = [expected("before", 60, 0.5, 0.1, 0.03), expected("after", 60, 0.5, 0.1, 0.03)]
    assert judge(runs, predictions=predictions).decision == "inconclusive"


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0, 4.0])
def test_one_policy_measured_twice_seldom_seems_to_be_two(times):
    """However far off the prediction is. Violation scatters as simulated spikes of one policy do: a quarter of its level."""
    chance, deviation, level = np.random.default_rng(7), 0.25, 0.08
    predicted = expected("before", 60, 0.5, times * level, times * level * deviation * 1.645)
    both = [predicted, predicted.model_copy(update={"label": "after"})]
    seemed = 0
    for shares in level * chance.gamma(1 / deviation**2, deviation**2, size=(400, 2)):
        summaries = [
            SimpleNamespace(violation=SimpleNamespace(share=share), cost=SimpleNamespace(total_core_seconds=60.0))
            for share in shares
        ]
        runs = [
            SimpleNamespace(side=side, summary=summary) for side, summary in zip(("before", "after"), summaries, strict=True)
        ]
        noise = Noise.of(both, runs)
        difference = difference_estimate(shares[1:] - shares[:1], math.hypot(*noise.violation.values()))
        seemed += not difference.low <= 0 <= difference.high
    assert seemed <= 0.1 * 400


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_disturbed_run_gives_no_verdict(side):
    runs = [measured(s, replicas=r, marked=5 if s == side else 0) for s, r in (("before", 4), ("after", 2))]
    verdict = judge(runs)
    assert (verdict.decision, verdict.exit_code) == ("inconclusive", ExitCode.CANNOT_MEASURE)
    assert "could not measure" in verdict.reasons[0]


def test_two_marked_seconds_of_a_hundred_are_tolerated():
    assert judge([measured("before"), measured("after", replicas=2, marked=2)]).decision == "better"


def test_metrics_before_and_after_with_their_noise():
    verdict = judge([measured("before", bad=0.3, replicas=4), measured("after", replicas=2)])
    changes = {(change.metric, change.service): change for change in verdict.changes}
    assert set(changes) == {
        ("cost", None),
        ("replica_seconds", None),
        ("violation", None),
        ("violation", "orders"),
        ("violation", "dashboard"),
    }
    seconds = changes["replica_seconds", None]
    assert seconds.before == pytest.approx(4 * 99 + 100, abs=8)
    assert seconds.difference.low < seconds.difference.value < seconds.difference.high
    assert changes["cost", None].before == pytest.approx(0.15 * seconds.before)
    assert changes["violation", "orders"].before == pytest.approx(0.3)
    assert not changes["violation", "dashboard"].significant


def test_nothing_to_compare():
    assert unchanged(measured("before")).decision == "unchanged"
    assert unchanged(measured("before")).exit_code == ExitCode.OK
    assert unchanged(measured("before", marked=9)).exit_code == ExitCode.CANNOT_MEASURE


SHORT = Shape("ramp", ((0.0, 1.0), (40.0, 1.0)))


def verified(here, folder, *, pairs=None, after=BETTER, **more):
    return verify(here.rig, here.store, plan(shape=SHORT), policy(), after, pairs=pairs, run_root=folder, **more)


def test_a_better_policy_stays_in_the_stack_and_on_the_platform(tmp_path):
    here = world()
    verdict, runs = verified(here, tmp_path)
    assert verdict.decision == "better"
    assert (here.store.policy, here.platform.policy) == (BETTER, BETTER)
    assert [run.label for run in runs] == ["A1-before", "B1-after"]
    assert sorted(path.name[16:] for path in tmp_path.iterdir()) == ["A1-before", "B1-after"]
    assert all((tmp_path / run.folder).is_dir() for run in verdict.runs)


def test_both_sides_of_a_pair_see_the_same_load_and_no_two_pairs_do(tmp_path):
    here = world()
    verified(here, tmp_path, pairs=2)
    assert [sent.seed for sent in here.generator.plans] == [1, 1, 2, 2]
    assert here.platform.applied == [policy(), BETTER, policy(), BETTER]  # A | B B | A, and the better one stays


def test_a_worse_policy_goes_back(tmp_path):
    here = world(BETTER)
    verdict, _ = verify(here.rig, here.store, plan(shape=SHORT), BETTER, policy(), pairs=None, run_root=tmp_path)
    assert (verdict.decision, verdict.restored) == ("not better", True)
    assert (here.store.policy, here.platform.policy) == (BETTER, BETTER)


def test_a_disturbed_machine_leaves_the_old_policy(tmp_path):
    here = world()
    here.platform.host_cpu_share = 0.95
    verdict, _ = verified(here, tmp_path)
    assert verdict.exit_code == ExitCode.CANNOT_MEASURE
    assert (here.store.policy, here.platform.policy) == (policy(), policy())


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c_in_any_run_puts_the_old_policy_back(tmp_path, number):
    here = world()
    here.generator.interrupt_at = number
    with pytest.raises(KeyboardInterrupt):
        verified(here, tmp_path)
    assert (here.store.policy, here.platform.policy) == (policy(), policy())
    assert here.store.restored == 1


def test_an_error_while_settling_puts_the_old_policy_back(tmp_path):
    here = world()

    def never(timeout_seconds: float) -> None:
        if here.platform.policy == BETTER:
            raise CannotMeasureError("orders is not ready")

    here.platform.settle = never
    with pytest.raises(CannotMeasureError):
        verified(here, tmp_path)
    assert here.platform.policy == policy()


def test_a_run_already_made_is_not_repeated(tmp_path):
    here = world()
    first = measured("before", bad=0.4)
    verdict, runs = verified(here, tmp_path, measured=[first])
    assert runs[0] is first
    assert len(here.generator.plans) == 1
    assert verdict.runs[0].folder == "x-A1-before"
