"""The whole loop on a platform that is up: calibrate, measure, tune, write back, verify. Anything but a better policy goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.policy import Policy
from scaleproof.tuner.calibrate import calibrate
from scaleproof.tuner.calibration_file import check_calibration
from scaleproof.tuner.load_model import DrawnLoad, predict, search_evaluator, search_seeds
from scaleproof.tuner.measure import Rig
from scaleproof.tuner.optimise import Question, frontier_table, optimise, within_measured
from scaleproof.tuner.ports import LoadPlan, PolicyStore
from scaleproof.tuner.results import Prediction, Proof, TuningResult, Verdict, write_proof
from scaleproof.tuner.verify import MeasuredRun, measured_run, unchanged, verify


@dataclass(frozen=True)
class TuningLimits:
    """What a search may do."""

    budget_millicores: int
    """The most that all replicas' limits may add up to."""
    margin: float = 0.2
    """Share of each SLO's budget that is kept free."""
    max_window_seconds: int = 300
    """Longest stabilisation window searched."""


def tune(
    rig: Rig,
    store: PolicyStore,
    plan: LoadPlan,
    before: Policy,
    calibration: Calibration,
    limits: TuningLimits,
    *,
    pairs: int | None = None,
) -> TuningResult:
    """Search a better policy for the plan's load. Changes nothing: the result has the diff that `store.write` would make.

    `pairs` is that of the verification to come, whose seeds the search must not see. Raises BadInputError where the
    calibration does not fit this platform, policy or SLO.
    """
    check_calibration(calibration, rig.target.stamp(), before, rig.spec, now=rig.clock())
    seeds = search_seeds(frozenset(plan.seed + pair for pair in range(pairs or 1)))
    load = DrawnLoad(rig.generator, plan)
    question = Question(
        before=before,
        spec=rig.spec,
        calibration=calibration,
        arrivals=load(seeds[0]),
        budget_millicores=limits.budget_millicores,
        margin=limits.margin,
        max_window_seconds=limits.max_window_seconds,
    )
    with search_evaluator(
        load, plan, calibration, rig.spec, seeds=seeds, max_window_seconds=limits.max_window_seconds
    ) as evaluator:
        result = optimise(question, evaluator, rig.progress, seeds=seeds, preview=store.preview)
    for line in frontier_table(result):
        rig.progress.say(line)
    if result.infeasible_reason is not None:
        rig.progress.say(f"no policy within the bounds keeps the SLO: {result.infeasible_reason}")
    return result


def predictions_of(
    rig: Rig, plan: LoadPlan, calibration: Calibration, policies: Sequence[tuple[str, Policy]]
) -> list[Prediction]:
    """What the simulator expects of the labelled policies under exactly this plan; none is extrapolated (see `within_measured`)."""
    known = [(label, within_measured(policy, calibration)) for label, policy in policies]
    return predict(DrawnLoad(rig.generator, plan), plan, calibration, rig.spec, known)


def verified(
    rig: Rig,
    store: PolicyStore,
    plan: LoadPlan,
    tuning: TuningResult,
    calibration: Calibration,
    *,
    pairs: int | None,
    folder: Path,
    measured: Sequence[MeasuredRun] = (),
) -> Proof:
    """Verify a tuning result and write `proof.json` to the folder, beside the runs.

    The stack's policy and the running one are `tuning.after` afterwards if that is better, otherwise `tuning.before`; also
    after an error or Ctrl-C, which are raised again.
    """
    verdict: Verdict
    if tuning.changed:
        predictions = predictions_of(rig, plan, calibration, [("before", tuning.before), ("after", tuning.after)])
        verdict, _ = verify(
            rig,
            store,
            plan,
            tuning.before,
            tuning.after,
            pairs=pairs,
            run_root=folder,
            predictions=predictions,
            measured=measured,
        )
    else:
        predictions = predictions_of(rig, plan, calibration, [("before", tuning.before)])
        only = measured[0] if measured else measured_run(rig, plan, tuning.before, side="before", pair=0, run_root=folder)
        verdict = unchanged(only, root=folder)
    in_force = "after" if verdict.decision == "better" else "before"
    rests_on = [run for run in verdict.runs if run.policy == in_force]
    proof = Proof(
        created_at=rig.clock(),
        target=rig.target.name,
        stack=rig.stack,
        users=plan.users,
        shape_name=plan.shape.name,
        seed=plan.seed,
        holds=bool(rests_on) and (verdict.keeps_slo_after if in_force == "after" else verdict.keeps_slo_before),
        in_force=in_force,
        calibration=calibration,
        tuning=tuning,
        predictions=predictions,
        verdict=verdict,
        versions=dict(rig.versions),
    )
    write_proof(proof, folder)
    return proof


def prove(
    rig: Rig,
    store: PolicyStore,
    plan: LoadPlan,
    limits: TuningLimits,
    *,
    pairs: int | None,
    folder: Path,
    calibration: Calibration | None = None,
    quick: bool = False,
) -> Proof:
    """Calibrate (unless a calibration is given), measure the stack's policy, search, write back, apply, verify.

    The platform is up and runs the stack's policy. `folder` receives the runs and `proof.json`. Whatever ends this before a
    policy was found better (an error, Ctrl-C), the stack file and the running policy are as they were.
    """
    before = store.read()
    if calibration is None:
        calibration = calibrate(
            rig, before, locustfile=plan.locustfile, budget_millicores=limits.budget_millicores, quick=quick, seed=plan.seed
        )
    first = measured_run(rig, plan, before, side="before", pair=0, run_root=folder)
    tuning = tune(rig, store, plan, before, calibration, limits, pairs=pairs)
    return verified(rig, store, plan, tuning, calibration, pairs=pairs, folder=folder, measured=[first])
