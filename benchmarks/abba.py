"""Whether the tuned policy is better, and whether the simulator predicts what is measured.

On three shapes: Kubernetes' defaults (CPU 80 %, from one replica, windows of 300 s) against the tuned policy, measured in ABBA order
under seeds that the search never saw. Then every measured run is compared with the simulator's 90 % interval, and p95 in windows of
15 s below 80 % load, its own and that of the services it calls, with the simulator's median. The peer beside ours is Kubernetes'
default policy.

Run: `.venv/bin/python benchmarks/abba.py [SHAPE …]` (about 35 minutes a shape). Leaves runs/bench/<shape>/ and prints a table.
`--calibrated` takes the calibration of the run before, of the same day and machine: for going on with further shapes.
`--again` judges what runs/bench holds once more, without measuring; with `--calibrated`, by runs/bench/calibration.json.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scaleproof.report.terminal import calibration_lines, proof_lines, tuning_lines
from scaleproof.simulator.calibration import Calibration
from scaleproof.simulator.simulate import simulate
from scaleproof.spec.stack_file import StackFile
from scaleproof.telemetry.cost import cost
from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.marks import MARKED_SHARE_LIMIT, marked_share
from scaleproof.telemetry.percentiles import quantiles
from scaleproof.telemetry.run import Run, read_run
from scaleproof.telemetry.slo import violation
from scaleproof.tuner.calibrate import calibrate
from scaleproof.tuner.calibration_file import read_calibration, write_calibration
from scaleproof.tuner.prove import TuningLimits, tune, verified
from scaleproof.tuner.results import Proof, read_proof
from scaleproof.wiring import Project

SHAPES = ("spike", "ramp", "diurnal")
USERS = 5_000
"""With 10,000, the generator, the gateway and the replicas take more than 85 % of two slow cores: the machine would be measured."""
STACK = "bench"
CALIBRATION = Path("runs/bench/calibration.json")
WINDOW_SECONDS = 15.0
HIGHEST_LOAD = 0.8
FEWEST_REQUESTS = 100
SIMULATED_SEEDS = range(1, 21)
"""As many as `scaleproof simulate` has by default."""


def start_from_defaults() -> None:
    """`Pulumi.bench.yaml`: the dev stack with Kubernetes' own windows."""
    text = Path("Pulumi.dev.yaml").read_text()
    Path(f"Pulumi.{STACK}.yaml").write_text(text.replace("stabilizationWindowSeconds: 60", "stabilizationWindowSeconds: 300"))


def prove_shape(shape: str, calibration: Calibration | None, folder: Path) -> tuple[Calibration, Proof]:
    """Tune for the shape, verify in ABBA order; everything lands in the folder."""
    start_from_defaults()
    project = Project.open(Path(), stack=STACK, target="local")
    plan = project.plan(users=USERS, shape=shape, seed=4001, processes=None)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with project.target.session(start=True) as session:
        rig, limits = session.rig, TuningLimits(session.budget_millicores)
        if calibration is None:
            budget = limits.budget_millicores
            calibration = calibrate(rig, project.policy, locustfile=plan.locustfile, budget_millicores=budget)
            write_calibration(calibration, CALIBRATION)
            print("\n".join(calibration_lines(calibration)))
        result = tune(rig, project.store, plan, project.policy, calibration, limits, pairs=2)
        print("\n".join(tuning_lines(result)))
        proof = verified(rig, project.store, plan, result, calibration, pairs=2, folder=folder)
    StackFile.of(Path(), STACK).file.unlink()
    print("\n".join(proof_lines(proof)), flush=True)
    return calibration, proof


def inside(run: Run, calibration: Calibration) -> tuple[Mapping[str, bool], list[float]]:
    """Whether the run's replica-seconds and violation lie in the 90 % interval, and measured/simulated p95 by window."""
    arrivals = {name: np.sort(rows["intended_s"].to_numpy()) for name, rows in run.schedule.groupby("service")}
    duration = run.meta.duration_seconds
    result = simulate(
        calibration,
        run.meta.platform,
        run.meta.policy,
        arrivals,
        duration_seconds=duration,
        seeds=SIMULATED_SEEDS,
        until_steady=True,
    )
    spent, broken = result.replica_seconds, result.violation
    measured = max(violation(run, name).share for name in run.meta.platform.services)
    verdicts = {
        "replica-seconds": spent.low <= cost(run).total_replica_seconds <= spent.high,
        "violation": broken.low <= measured <= broken.high,
    }
    ratios: list[float] = []
    loads = {
        name: result.load_windows(name, WINDOW_SECONDS, service.limit_millicores / 1000).high
        for name, service in calibration.services.items()
    }
    for name, service in calibration.services.items():
        starts, simulated = result.p95_windows(name, WINDOW_SECONDS)
        # Who waits for a service that is overloaded answers late, however little it has to do itself.
        load = np.max([loads[name], *(loads[callee] for callee in service.calls)], axis=0)
        for start, expected, share in zip(starts, simulated.median, load, strict=True):
            latencies = intended_requests(run, name, start, start + WINDOW_SECONDS)["latency_s"]
            if share < HIGHEST_LOAD and len(latencies) >= FEWEST_REQUESTS and np.isfinite(expected):
                ratios.append(float(quantiles(latencies, [0.95])[0]) / float(expected))
    print(
        f"  {run.meta.label}: replica-seconds {cost(run).total_replica_seconds:.0f} in [{spent.low:.0f}, {spent.high:.0f}] "
        f"{verdicts['replica-seconds']}; violation {measured:.2%} in [{broken.low:.2%}, {broken.high:.2%}] {verdicts['violation']}; "
        f"p95 measured/simulated over {len(ratios)} windows: median {np.median(ratios) if ratios else float('nan'):.2f}",
        flush=True,
    )
    return verdicts, ratios


def claim(proof: Proof) -> str:
    """What the measured pairs show outside the noise; empty where it is neither cheaper nor less violation for free."""
    spent = next(change for change in proof.verdict.changes if change.metric == "cost")
    violations = [change for change in proof.verdict.changes if change.metric == "violation"]
    if proof.verdict.decision != "better" or spent.rose or any(change.rose for change in violations):
        return ""
    if spent.fell:
        return "cheaper at no more violation"
    return "less violation at no more cost" if any(change.fell for change in violations) else ""


def main(arguments: list[str]) -> int:
    """All shapes, then the table; 1 where a claim does not hold."""
    unknown = [word for word in arguments if word not in (*SHAPES, "--again", "--calibrated")]
    if unknown:
        print(f"{unknown[0]}: expected one of {', '.join(SHAPES)}, --again or --calibrated", file=sys.stderr)
        return 2
    again = "--again" in arguments
    shapes = [name for name in arguments if name not in ("--again", "--calibrated")] or list(SHAPES)
    calibration = read_calibration(CALIBRATION) if "--calibrated" in arguments else None
    shown: dict[str, str] = {}
    inside_by_metric: list[Mapping[str, bool]] = []
    ratios: list[float] = []
    for shape in shapes:
        print(f"== {shape}", flush=True)
        folder = Path("runs/bench") / shape
        if again:
            proof = read_proof(folder / "proof.json")
            print("\n".join(proof_lines(proof)))
        else:
            calibration, proof = prove_shape(shape, calibration, folder)
        shown[shape] = claim(proof) or f"nothing ({proof.verdict.decision})"
        for reference in proof.verdict.runs:
            run = read_run(folder / reference.folder)
            if marked_share(run) > MARKED_SHARE_LIMIT:
                print(
                    f"  {run.meta.label}: could not be measured ({marked_share(run):.0%} of its seconds are marked), says nothing"
                )
                continue
            verdicts, windows = inside(run, calibration or proof.calibration)
            inside_by_metric.append(verdicts)
            ratios += windows
    near = float(np.mean([0.8 <= ratio <= 1.25 for ratio in ratios])) if ratios else 0.0  # noqa: PLR2004  25 % either way
    print(f"\nshown: {shown}")
    count, both = len(inside_by_metric), sum(all(verdicts.values()) for verdicts in inside_by_metric)
    for metric in inside_by_metric[0] if inside_by_metric else ():
        print(f"{metric} inside the 90 % interval: {sum(verdicts[metric] for verdicts in inside_by_metric)} of {count} runs")
    print(f"both inside: {both} of {count} runs (claim: 8 of 10)")
    print(
        f"p95 within 25 % in {near:.0%} of {len(ratios)} windows below 80 % load; median ratio {np.median(ratios or [np.nan]):.2f}"
    )
    held = not any(words.startswith("nothing") for words in shown.values())
    return 0 if held and 0 < 0.8 * count <= both else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
