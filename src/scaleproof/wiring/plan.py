"""`scaleproof plan`: reads the files, draws the load's mix, and prints what growth needs. Sends nothing, and needs no platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.wiring.outcome import relative
from scaleproof.wiring.project import Project

if TYPE_CHECKING:
    from scaleproof.spec.plan_files import PlanAssumptions
    from scaleproof.tuner.growth_plan.growth import Growth
    from scaleproof.tuner.growth_plan.shared_costs import SharedCosts

PlanFormat = Literal["text", "md", "html", "json"]

_DRAWN_USERS: Final = 10_000
_DRAWN_ACTIONS: Final = 20
"""Of each: enough that the mix of requests is known to a fraction of a per cent, however many users a milestone has."""
_BY_SUFFIX: Final[dict[str, PlanFormat]] = {".html": "html", ".md": "md", ".json": "json"}


@dataclass(frozen=True)
class GrowthAsked:
    """How users grow, as options say it."""

    growth: str | None
    growth_file: Path | None
    current_users: str | None
    start: str | None


@dataclass(frozen=True)
class PlanFiles:
    """Files beside the project's own, as options name them."""

    calibration: Path | None
    prices: Path | None
    team: Path | None
    assumptions: Path | None
    run: Path | None


def plan(
    folder: Path,
    stack: str,
    *,
    users: str,
    growth: GrowthAsked,
    files: PlanFiles,
    seed: int,
    format_: PlanFormat | None,
    output: Path | None,
) -> int:
    """Print or write the plan. Exits 1 where a milestone is reached before what it needs can be done."""
    from scaleproof.report.plan.render import render_plan
    from scaleproof.spec.plan_files import PlanAssumptions, read_assumptions, read_prices, read_team
    from scaleproof.spec.yaml_document import write_text
    from scaleproof.tuner.calibration_file import read_calibration
    from scaleproof.tuner.growth_plan.limits import check_team
    from scaleproof.tuner.growth_plan.milestones import parse_users
    from scaleproof.tuner.growth_plan.plan import PlanQuestion, make_plan

    milestones = parse_users(users)
    start = _start(growth.start)
    project = Project.open(folder, stack=stack, target="local")
    trend = _growth(growth, start, project.platform.load.users)
    prices = None if files.prices is None else read_prices(files.prices)
    assumptions = PlanAssumptions() if files.assumptions is None else read_assumptions(files.assumptions)
    team = None
    if files.team is not None:
        team = read_team(files.team)
        check_team(team, project.platform.services, str(files.team))
    calibration = read_calibration(files.calibration or project.state / "calibration.json")
    shares, costs = _mix_and_costs(project, assumptions, files.run, seed)
    made = make_plan(
        PlanQuestion(
            platform=project.platform,
            policy=project.policy,
            calibration=calibration,
            shares=shares,
            milestones=milestones,
            assumptions=assumptions,
            costs=costs,
            start=start,
            growth=trend,
            team=team,
            prices=prices,
            seed=seed,
        )
    )
    chosen = format_ or (_BY_SUFFIX.get(output.suffix.lower(), "text") if output is not None else "text")
    text = render_plan(made, format=chosen)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
        click.echo(f"plan: {relative(output)}")
    return ExitCode.VERDICT_NO if made.at_risk else ExitCode.OK


def _start(text: str | None) -> date:
    from scaleproof.spec.growth_file import EARLIEST, LATEST

    if text is None:
        return datetime.now(tz=UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= LATEST:
        raise BadInputError(f"--start: expected a date such as 2026-12-01, found {text!r}")
    return day


def _growth(asked: GrowthAsked, start: date, platform_users: int) -> Growth | None:
    from scaleproof.spec.growth_file import read_growth_file
    from scaleproof.tuner.growth_plan.growth import parse_growth, recorded_growth
    from scaleproof.tuner.growth_plan.milestones import parse_users

    if asked.growth is not None and asked.growth_file is not None:
        raise BadInputError("--growth and --growth-file exclude each other", hint="leave one out")
    if asked.current_users is not None and asked.growth is None:
        raise BadInputError("--current-users is where --growth begins", hint="give --growth, or leave it out")
    if asked.growth_file is not None:
        return recorded_growth(read_growth_file(asked.growth_file), asked.growth_file.name)
    if asked.growth is None:
        return None
    users = platform_users
    if asked.current_users is not None:
        try:
            (users,) = parse_users(asked.current_users)
        except (BadInputError, ValueError):
            raise BadInputError(
                f"--current-users: expected one number of users such as 8k, found {asked.current_users!r}"
            ) from None
    return parse_growth(asked.growth, start=start, users=users)


def _mix_and_costs(
    project: Project, assumptions: PlanAssumptions, run: Path | None, seed: int
) -> tuple[dict[str, float], SharedCosts]:
    """Requests to each service an action of a user, and what gateway and datastores cost: from a run, or drawn and assumed."""
    from scaleproof.tuner.growth_plan.shared_costs import assumed_costs, measured_costs, shares_of_run, shares_of_schedule

    if run is not None:
        from scaleproof.telemetry.run import read_run

        measured = read_run(run)
        return shares_of_run(measured), measured_costs(measured, assumptions)
    from scaleproof.load.local_generator import LocalGenerator
    from scaleproof.spec.shapes import Shape
    from scaleproof.tuner.ports import LoadPlan

    load = project.platform.load
    steady = Shape("steady", ((0.0, 1.0), (_DRAWN_ACTIONS * load.mean_think_seconds, 1.0)))
    # Only draws a schedule, so it needs no running platform.
    generator = LocalGenerator("http://127.0.0.1", project.platform, project.state / "load")
    drawn = generator.draw(
        LoadPlan(
            users=_DRAWN_USERS,
            shape=steady,
            seed=seed,
            think_seconds=load.think_seconds,
            locustfile=project.folder / load.locustfile,
        )
    )
    return shares_of_schedule(drawn), assumed_costs(assumptions)
