from __future__ import annotations

import json

import pytest

from fakes.world import plan, policy, truth, world
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.load_model import DrawnLoad, back_at_steady_seconds, search_seeds
from scaleproof.tuner.prove import TuningLimits, predictions_of, prove, tune, verified
from scaleproof.tuner.results import read_proof

LIMITS = TuningLimits(budget_millicores=1200, max_window_seconds=60)


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    here = world()
    folder = tmp_path_factory.mktemp("proof")
    return here, prove(here.rig, here.store, plan(), LIMITS, pairs=None, folder=folder, quick=True), folder


def test_the_loop_finds_a_policy_that_holds(proven):
    here, proof, _ = proven
    assert (proof.verdict.decision, proof.holds, proof.in_force) == ("better", True, "after")
    assert not proof.verdict.keeps_slo_before
    assert here.store.policy == here.platform.policy == proof.tuning.after


def test_the_proof_is_read_back_from_its_folder(proven):
    _, proof, folder = proven
    assert read_proof(folder) == proof
    assert [run.label for run in proof.runs_of("after")] == ["B1-after"]
    for run in proof.verdict.runs:
        assert (folder / run.folder / "run.json").is_file()


def test_what_was_measured_lies_within_what_was_predicted(proven):
    _, proof, _ = proven
    for prediction, run in zip(proof.predictions, proof.verdict.runs, strict=True):
        assert prediction.cost.low * 0.95 <= run.cost <= prediction.cost.high * 1.05
        worst = max(run.violation_by_service.values())
        assert prediction.violation.low - 0.1 <= worst <= prediction.violation.high + 0.1


def test_predictions_are_series_on_one_grid(proven):
    _, proof, _ = proven
    before, after = proof.predictions
    assert [before.label, after.label] == ["before", "after"]
    assert set(before.replicas) == {"orders", "dashboard"}
    assert len(before.time_s) == len(before.replicas["orders"]) == len(before.replicas_high["orders"])
    assert all(low <= high for low, high in zip(before.replicas_low["orders"], before.replicas_high["orders"], strict=True))


def test_the_search_never_saw_the_seed_of_the_verification(proven):
    _, proof, _ = proven
    assert proof.seed not in proof.tuning.seeds
    assert search_seeds(frozenset({7_000_001}), 2) == [7_000_002, 7_000_003]


def test_proving_a_tuned_stack_changes_nothing(proven, tmp_path):
    _, proof, _ = proven
    here = world(proof.tuning.after)
    again = prove(here.rig, here.store, plan(), LIMITS, pairs=None, folder=tmp_path, calibration=proof.calibration, quick=True)
    assert (again.verdict.decision, again.verdict.exit_code, again.holds) == ("unchanged", 0, True)
    assert (again.tuning.changed, here.store.writes) == (False, [])
    assert len(here.generator.plans) == 1
    assert len(again.predictions) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c_in_either_run_leaves_everything_as_it_was(tmp_path, number):
    here = world()
    here.generator.interrupt_at = number
    with pytest.raises(KeyboardInterrupt):
        prove(here.rig, here.store, plan(), LIMITS, pairs=None, folder=tmp_path, calibration=truth())
    assert (here.store.policy, here.platform.policy) == (policy(), policy())
    assert not (tmp_path / "proof.json").exists()


@pytest.fixture(scope="module")
def tuned():
    """A world, and what tuning found in it."""
    here = world()
    return here, tune(here.rig, here.store, plan(), policy(), truth(), LIMITS)


def test_an_error_after_the_verdict_of_tuning_leaves_everything_as_it_was(tmp_path, tuned):
    here, (_, tuning) = world(), tuned
    broken = truth().model_copy(update={"services": {}})
    with pytest.raises(BadInputError):
        verified(here.rig, here.store, plan(), tuning, broken, pairs=None, folder=tmp_path)
    assert (here.store.policy, here.platform.policy) == (policy(), policy())


def test_tuning_changes_nothing_by_itself(tuned):
    here, result = tuned
    assert result.changed
    assert result.diff.startswith("---")
    assert (here.store.policy, here.store.writes, here.platform.applied) == (policy(), [], [])


def test_tuning_refuses_a_calibration_of_another_machine():
    here = world()
    foreign = truth().model_copy(update={"stamp": truth().stamp.model_copy(update={"machine": "elsewhere"})})
    with pytest.raises(BadInputError, match="another machine"):
        tune(here.rig, here.store, plan(), policy(), foreign, LIMITS)


def test_what_cannot_be_held_is_said():
    here = world()
    result = tune(here.rig, here.store, plan(), policy(), truth(), TuningLimits(budget_millicores=450, max_window_seconds=60))
    assert not result.feasible
    assert any("no policy within the bounds keeps the SLO" in line for line in here.progress.lines)


def test_predictions_are_the_same_each_time():
    here = world()
    first, second = (predictions_of(here.rig, plan(), truth(), [("before", policy())]) for _ in range(2))
    assert first == second


def test_a_load_is_drawn_once_a_seed():
    here = world()
    load = DrawnLoad(here.generator, plan())
    assert load(5) is load(5)
    assert here.generator.drawn == [5]


@pytest.mark.parametrize(("window", "seconds"), [(60, 200.0), (300, 95 + 300 + 45)])
def test_cost_counts_until_the_slowest_policy_is_back(window, seconds):
    assert back_at_steady_seconds(plan().shape, window) == pytest.approx(seconds, abs=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "cannot be read"),
        (json.dumps({"version": 9}), "newer than 1"),
        (json.dumps({"version": 1}), "not a proof"),
    ],
)
def test_what_is_no_proof(tmp_path, text, message):
    if text is not None:
        (tmp_path / "proof.json").write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_proof(tmp_path)
