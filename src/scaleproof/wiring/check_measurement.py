"""The measured part of `check`: the load of platform.yaml, sent several times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaleproof.simulator.calibration import Calibration
    from scaleproof.tuner.baseline import BaselineLoad, Measured
    from scaleproof.tuner.ports import LoadPlan
    from scaleproof.wiring.project import Project


def measured_runs(
    project: Project, plan: LoadPlan, calibration: Calibration, runs: int, load: BaselineLoad
) -> tuple[Measured, list[str]]:
    """Real runs of the stack's policy on the running platform, or on one that is started for them, and what is to be said of them.

    The policy that was in force comes back. A run in which too much fails is the last one. Raises CannotMeasureError where a run is
    disturbed: it gives no figure.
    """
    from scaleproof.report.wording import percent
    from scaleproof.telemetry.marks import assert_measurable
    from scaleproof.tuner.baseline import Measured
    from scaleproof.tuner.measure import measure
    from scaleproof.tuner.measured_figures import failed_share, measured_figures

    found, notes = [], []
    with project.target.session(start=True) as session:
        rig = session.rig
        other = session.running != project.policy
        try:
            if other:
                rig.target.apply(project.policy)
            for number in range(runs):
                drawn = replace(plan, seed=plan.seed + number)
                run = measure(rig, drawn, project.policy, label=f"check-{number + 1}", run_root=project.runs)
                assert_measurable(run)
                found.append(run)
                share = failed_share(run)
                if share > project.platform.check.max_error_share:
                    notes.append(f"measuring ended after run {number + 1} of {runs}: {percent(share)} of its requests failed")
                    break
        finally:
            if other:
                rig.target.apply(session.running)
    figures = measured_figures(found, calibration)
    return Measured(machine=str(found[0].meta.machine["digest"]), target=rig.target.name, load=load, figures=figures), notes
