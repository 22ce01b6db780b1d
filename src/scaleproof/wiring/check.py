"""`scaleproof check`: lint, simulate against the committed calibration, compare with the committed baseline; measure where asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scaleproof import __version__
from scaleproof.spec.errors import BadInputError
from scaleproof.wiring.check_measurement import measured_runs
from scaleproof.wiring.checkup_output import CheckupOutput
from scaleproof.wiring.lint_facts import COMMITTED_CALIBRATION, Asked, Gathered, gather
from scaleproof.wiring.outcome import relative

if TYPE_CHECKING:
    from scaleproof.report.explanation import Attribution
    from scaleproof.rules.facts import Facts
    from scaleproof.simulator.calibration import Calibration
    from scaleproof.simulator.model import Arrivals
    from scaleproof.spec.platform import Platform
    from scaleproof.spec.policy import Policy
    from scaleproof.tuner.baseline import Baseline, BaselineLoad, Figures, Measured
    from scaleproof.tuner.ports import LoadPlan
    from scaleproof.wiring.project import Project


@dataclass(frozen=True)
class Question:
    """How `check` was asked."""

    asked: Asked
    baseline: Path | None = None
    write_baseline: bool = False
    explain: bool = False
    seeds: int = 10
    """Simulated runs."""
    runs: int | None = None
    """Measured runs; None: nothing is sent."""


@dataclass(frozen=True)
class _Now:
    """Everything that a check is about, whole."""

    project: Project
    plan: LoadPlan
    arrivals: Arrivals
    platform: Platform
    policy: Policy
    calibration: Calibration
    seeds: tuple[int, ...]


def check(question: Question, output: CheckupOutput) -> int:
    """The gate of a pull request. Exit code 1 where a rule, an SLO or the comparison says no; `--write-baseline` compares nothing.

    Raises BadInputError where there is no project or no calibration, CannotMeasureError where a measured run is disturbed.
    """
    from scaleproof.report.checkup import Checkup
    from scaleproof.report.explanation import explain
    from scaleproof.rules.catalogue import ALL, FAMILIES
    from scaleproof.rules.rule import apply
    from scaleproof.tuner.baseline import BASELINE_NAME, read_baseline
    from scaleproof.tuner.check_figures import load_of, outcome_of

    gathered = gather(question.asked, now=time.time(), root=Path.cwd(), meanwhile=_load_simulator)
    now = _whole(gathered, question)
    file = question.baseline or now.project.folder / BASELINE_NAME
    before = None if question.write_baseline else read_baseline(file)
    facts = replace(gathered.facts, files={**gathered.facts.files, "baseline": gathered.facts.shown(file)})
    notes = list(gathered.notes)
    if before is None and not question.write_baseline:
        notes.append(f"no {relative(file)}: nothing to compare with; `scaleproof check --write-baseline` writes it")
    load = load_of(now.plan, now.arrivals)
    simulated, refused = _simulated(now, now.platform, now.policy, now.calibration)
    measured = None
    if question.runs is not None:
        measured, said = measured_runs(now.project, now.plan, now.calibration, question.runs, load)
        notes += said
    outcomes = [outcome_of(simulated, "simulated")] if simulated is not None else []
    outcomes += [outcome_of(measured.figures, "measured")] if measured is not None else []
    facts = replace(facts, outcomes=tuple(outcomes), refused=refused)
    if before is not None:
        facts = _compared(facts, now, before, load, simulated, measured, notes)
    findings = apply(ALL, facts, ignored=gathered.ignored)
    explanation: tuple[str, ...] = ()
    if question.explain:
        parts = _attributions(now, before) if before is not None and simulated is not None and not facts.incomparable else []
        explanation = explain(before, facts, findings, parts, version=__version__)
    code = output.show(
        Checkup(
            verb="check",
            findings=tuple(findings),
            families=FAMILIES,
            ignored=gathered.ignored,
            figures=_table(facts),
            notes=tuple(notes),
            explanation=explanation,
        )
    )
    if question.write_baseline:
        if simulated is None:
            raise BadInputError(f"{relative(file)}: not written, for there is nothing to compare with later", hint=refused)
        _write(now, question, file, load, simulated, measured)
    return code


def _load_simulator() -> None:
    import scaleproof.tuner.check_figures  # noqa: F401  what takes longest to import


def _whole(gathered: Gathered, question: Question) -> _Now:
    project, facts = gathered.project, gathered.facts
    if project is None:
        raise BadInputError(
            f"{question.asked.project / 'platform.yaml'}: no such file",
            hint="check needs a project; `scaleproof lint` does without",
        )
    if facts.calibration is None:
        raise BadInputError(
            f"{project.folder / COMMITTED_CALIBRATION}: no such file",
            hint="run `scaleproof calibrate` and commit its file under this name, or give --calibration FILE",
        )
    if gathered.plan is None or gathered.arrivals is None:
        raise BadInputError("\n".join(gathered.notes), hint="check simulates the load of platform.yaml")
    seeds = tuple(range(1, question.seeds + 1))
    return _Now(project, gathered.plan, gathered.arrivals, project.platform, project.policy, facts.calibration, seeds)


def _simulated(now: _Now, platform: Platform, policy: Policy, calibration: Calibration) -> tuple[Figures | None, str | None]:
    """The figures, or why there are none."""
    from scaleproof.tuner.check_figures import simulated_figures

    try:
        return simulated_figures(platform, policy, calibration, now.arrivals, now.plan.shape, now.seeds), None
    except BadInputError as error:
        return None, error.message


def _compared(
    facts: Facts,
    now: _Now,
    before: Baseline,
    load: BaselineLoad,
    simulated: Figures | None,
    measured: Measured | None,
    notes: list[str],
) -> Facts:
    """The facts with what differs from the baseline."""
    from scaleproof.tuner.baseline import load_differences
    from scaleproof.tuner.regression import calibration_growths, figure_growths

    gate = now.platform.check
    growths = calibration_growths(before.calibration, now.calibration, gate)
    differences = list(load_differences(before.load, load))
    if before.stack != now.project.stack:
        differences.append(f"stack {before.stack} → {now.project.stack}")
    if not differences and simulated is not None and before.simulated.seeds != simulated.seeds:
        differences.append(f"{len(before.simulated.seeds)} seeds → {len(simulated.seeds)}")
    if not differences and simulated is not None:
        growths += figure_growths(before.simulated, simulated, gate, "simulated")
    if measured is not None:
        was = before.measured
        if was is None:
            notes.append("the baseline has no measured runs: `scaleproof check --measure --write-baseline` writes them")
        elif (was.machine, was.target) != (measured.machine, measured.target):
            notes.append("the baseline was measured on another machine: the measured runs were not compared")
        elif load_differences(was.load, measured.load) or was.figures.seeds != measured.figures.seeds:
            notes.append("the baseline was measured under another load: the measured runs were not compared")
        else:
            growths += figure_growths(was.figures, measured.figures, gate, "measured")
    return replace(facts, growths=tuple(growths), incomparable=tuple(differences))


def _attributions(now: _Now, before: Baseline) -> list[Attribution]:
    """What each part alone is responsible for: simulated with that part as it was."""
    from scaleproof.report.explanation import Attribution
    from scaleproof.tuner.baseline import without_environment, without_steps
    from scaleproof.tuner.check_figures import outcome_of

    current = (now.platform, now.policy, now.calibration)
    parts: Sequence[tuple[str, bool, tuple[Platform, Policy, Calibration]]] = (
        ("policy", before.policy != now.policy, (now.platform, before.policy, now.calibration)),
        ("calibration", before.calibration != without_steps(now.calibration), (now.platform, now.policy, before.calibration)),
        ("platform", before.platform != without_environment(now.platform), (before.platform, now.policy, now.calibration)),
    )
    found = []
    for name, differs, mixed in parts:
        if differs and mixed != current and set(mixed[0].services) == set(now.platform.services):
            figures, _ = _simulated(now, *mixed)
            if figures is not None:
                found.append(Attribution(name, outcome_of(figures, "simulated")))
    return found


def _write(
    now: _Now, question: Question, file: Path, load: BaselineLoad, simulated: Figures, measured: Measured | None
) -> None:
    from scaleproof.tuner.baseline import Baseline, without_environment, without_steps, write_baseline

    baseline = Baseline(
        written_by=__version__,
        stack=question.asked.stack,
        load=load,
        platform=without_environment(now.platform),
        policy=now.policy,
        calibration=without_steps(now.calibration),
        simulated=simulated,
        measured=measured,
    )
    click.echo(f"baseline: {relative(write_baseline(baseline, file))}")


def _table(facts: Facts) -> tuple[tuple[str, ...], ...]:
    """What the policy came to, beside the baseline."""
    from scaleproof.report.wording import MISSING, amount, percent

    rows = [("", "now (90 % interval)", "baseline")]
    was = {(growth.origin, growth.metric, growth.service): growth.before for growth in facts.growths}
    for outcome in facts.outcomes:
        cost = outcome.cost
        before = was.get((outcome.origin, "cost", None))
        rows.append(
            (
                f"cost, core-seconds ({outcome.origin})",
                f"{amount(cost.value)} ({amount(cost.low)} to {amount(cost.high)})",
                MISSING if before is None else amount(before),
            )
        )
        for name, found in outcome.violation.items():
            before = was.get((outcome.origin, "violation", name))
            rows.append(
                (
                    f"violation of {name} ({outcome.origin})",
                    f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})",
                    MISSING if before is None else percent(before),
                )
            )
    return tuple(rows) if len(rows) > 1 else ()
