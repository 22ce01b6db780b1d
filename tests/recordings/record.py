"""`make record`: runs the reference platform under several loads and policies on the cluster for tests, and writes the recordings."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cluster.reference_stack import STACK, ReferenceStack

from recordings.recording import CALIBRATION, FOLDER, Recording, distil, recordings
from scaleproof.cluster.kube_platform import KubernetesPlatform
from scaleproof.spec.shapes import named
from scaleproof.telemetry.assemble import assemble_run
from scaleproof.telemetry.run import Run, RunMeta
from scaleproof.tuner.calibrate import calibrate
from scaleproof.tuner.calibration_file import write_calibration
from scaleproof.tuner.measure import settle_seconds
from scaleproof.tuner.ports import LoadPlan
from scaleproof.wiring.kube import KubeTarget
from scaleproof.wiring.target import Session

LOG = logging.getLogger("record")
USERS = 8000
Autoscaling = dict[str, Any]


def cpu(target: int, *, low: int, high: int, **behavior: Any) -> Autoscaling:
    """An `autoscaling/v2` spec on CPU."""
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
    spec: Autoscaling = {"minReplicas": low, "maxReplicas": high, "metrics": [metric]}
    return {**spec, "behavior": behavior} if behavior else spec


@dataclass(frozen=True)
class Scenario:
    """One recording. Orders and dashboard have policies of their own; identity, which is asked for little, keeps the stack's."""

    name: str
    shape: str
    seed: int
    orders: Autoscaling = field(hash=False)
    dashboard: Autoscaling = field(hash=False)


SLOWLY_UP = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}}
SOON_DOWN = {"scaleDown": {"stabilizationWindowSeconds": 45}}
STEPWISE_DOWN = {
    "scaleDown": {"stabilizationWindowSeconds": 20, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}
}
PLAIN = cpu(80, low=1, high=6)
SCENARIOS = (
    Scenario("spike-plain", "spike", 1, PLAIN, cpu(60, low=1, high=3)),
    Scenario("spike-behaviour", "spike", 2, cpu(70, low=1, high=6, **SOON_DOWN), cpu(80, low=1, high=3, **STEPWISE_DOWN)),
    Scenario("ramp-plain", "ramp", 3, PLAIN, cpu(70, low=1, high=3)),
    Scenario(
        "ramp-behaviour", "ramp", 4, cpu(60, low=1, high=6, **SLOWLY_UP, **STEPWISE_DOWN), cpu(60, low=1, high=3, **SOON_DOWN)
    ),
    Scenario("diurnal-plain", "diurnal", 5, cpu(70, low=2, high=6), cpu(80, low=1, high=3)),
    Scenario(
        "diurnal-behaviour",
        "diurnal",
        6,
        cpu(80, low=1, high=6, **SOON_DOWN),
        cpu(70, low=1, high=3, **SLOWLY_UP, **STEPWISE_DOWN),
    ),
)


def write_policy(file: Path, scenario: Scenario) -> None:
    """The scenario's autoscaling into the stack file; nothing else changes."""
    document = yaml.safe_load(file.read_text())
    services = document["config"]["scaleproof:policy"]["services"]
    services["orders"]["autoscaling"], services["dashboard"]["autoscaling"] = scenario.orders, scenario.dashboard
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def record(session: Session, scenario: Scenario, folder: Path) -> Recording:
    """One load, from the steady count; the way back to it is not waited for."""
    rig, policy = session.rig, session.running
    assert isinstance(rig.target, KubernetesPlatform)
    rig.target.hold({name: service.autoscaling.min_replicas for name, service in policy.services.items()})
    rig.target.release()
    rig.target.settle(settle_seconds(policy))
    shape = named(scenario.shape)
    rig.progress.stage(f"{scenario.name}: {USERS:,} users", seconds=shape.duration_seconds)
    plan = LoadPlan(USERS, shape, scenario.seed, rig.spec.load.think_seconds, folder / rig.spec.load.locustfile)
    load = rig.generator.run(plan, rig.progress)
    end = rig.clock()
    meta = RunMeta(
        id=scenario.name, started_at=load.started_at, duration_seconds=load.duration_seconds, target="kube", stack=STACK,
        users=USERS, shape_name=shape.name, shape_points=list(shape.points), seed=plan.seed, platform=rig.spec, policy=policy,
    )  # fmt: skip
    run = assemble_run(meta, load.tables, rig.target.observe(load.started_at, end).tables)
    samples = rig.target.metric_samples(load.started_at - 60, end)
    moved = samples.assign(time_s=samples["time_s"] - 60, sampled_s=samples["sampled_s"] - 60)
    return distil(Run(meta=run.meta, tables=run.tables), moved, scenario.name)


def main(names: list[str]) -> int:
    """Record these scenarios, all where none is named."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = [each for each in SCENARIOS if not names or each.name in names]
    unknown = set(names) - {each.name for each in SCENARIOS}
    if unknown or (names and not recordings()):
        LOG.error("expected some of %s, after all have been recorded once", ", ".join(each.name for each in SCENARIOS))
        return 2
    with tempfile.TemporaryDirectory(prefix="record-") as temporary:
        stack = ReferenceStack(Path(temporary) / "project", dict(os.environ))
        os.chdir(stack.folder)
        try:
            for number, scenario in enumerate(chosen):
                write_policy(stack.stack_file, scenario)
                stack.scaleproof("up")
                with KubeTarget.of(stack.folder, STACK, stack.folder / ".scaleproof").session() as session:
                    if number == 0:
                        found = calibrate(
                            session.rig,
                            session.running,
                            locustfile=stack.folder / session.rig.spec.load.locustfile,
                            budget_millicores=session.budget_millicores,
                        )
                        for old in recordings() if not names else []:
                            old.unlink()
                        FOLDER.mkdir(exist_ok=True)
                        write_calibration(found, CALIBRATION)
                    recording = record(session, scenario, stack.folder)
                LOG.info(
                    "%s: %s", recording.write().name, {name: seen.replica_seconds for name, seen in recording.services.items()}
                )
        finally:
            stack.scaleproof("down")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
