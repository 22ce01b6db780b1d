"""The gate of a pull request: rules over files, and the comparison with what was accepted."""

from __future__ import annotations

from pathlib import Path

import click

from scaleproof.cli.contents import Verb, cli, example, project_options, refuse


def checkup_options(verb: Verb) -> Verb:
    """What `lint` and `check` look at, and where their findings go."""
    file = click.Path(dir_okay=False, path_type=Path)
    paths = click.Path(path_type=Path)
    verb = click.option("--github", is_flag=True, help="GitHub annotations on standard output, and a summary of the job.")(verb)
    verb = click.option("--markdown", type=file, help="Findings as markdown.")(verb)
    verb = click.option("--junit", type=file, help="Findings as JUnit XML.")(verb)
    verb = click.option("--sarif", type=file, help="Findings as SARIF 2.1.0.")(verb)
    verb = click.option("--ignore", multiple=True, metavar="RULE", help="Do not ask this rule; may be repeated.")(verb)
    verb = click.option("--users", type=click.IntRange(1), help="Users at the peak. [default: platform.yaml]")(verb)
    verb = click.option("--calibration", type=file, help="[default: scaleproof-calibration.json, or the stack's own]")(verb)
    manifests = "Rendered Kubernetes manifests: files or folders; may be repeated."
    return click.option("--manifests", type=paths, multiple=True, help=manifests)(verb)


@cli.command()
@project_options
@checkup_options
@example(
    "scaleproof lint --stack dev",
    "scaleproof lint --manifests deploy/ --users 10000 --sarif lint.sarif",
    "kubectl get deploy,hpa,pdb,quota,nodes -A -o yaml > all.yaml; scaleproof lint --manifests all.yaml --users 10000",
)
def lint(
    project: Path,
    stack: str,
    target: str,
    manifests: tuple[Path, ...],
    calibration: Path | None,
    users: int | None,
    ignore: tuple[str, ...],
    sarif: Path | None,
    junit: Path | None,
    markdown: Path | None,
    *,
    github: bool,
) -> int:
    """Find settings that break under load, in the files alone. Exits 1 where an error was found."""
    from scaleproof.wiring.checkup_output import CheckupOutput
    from scaleproof.wiring.lint import lint as look
    from scaleproof.wiring.lint_facts import Asked

    return look(
        Asked(project, stack, target, manifests, calibration, users, ignore), CheckupOutput(sarif, junit, markdown, github)
    )


@cli.command()
@project_options
@checkup_options
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), help="[default: scaleproof-baseline.json]")
@click.option("--write-baseline", is_flag=True, help="Accept what is: write the baseline instead of comparing with it.")
@click.option("--explain", is_flag=True, help="What changed, which part is responsible, what would mend it.")
@click.option("--seeds", type=click.IntRange(2), default=10, show_default=True, help="Simulated runs.")
@click.option("--measure", is_flag=True, help="Send the load as well, and compare with the baseline's measured runs.")
@click.option("--runs", type=click.IntRange(2), default=3, show_default=True, help="Measured runs.")
@example(
    "scaleproof check --stack prod --explain",
    "scaleproof check --write-baseline        # commit scaleproof-baseline.json",
    "scaleproof check --github --sarif scaleproof.sarif --junit scaleproof-junit.xml",
)
def check(
    project: Path,
    stack: str,
    target: str,
    manifests: tuple[Path, ...],
    calibration: Path | None,
    users: int | None,
    ignore: tuple[str, ...],
    sarif: Path | None,
    junit: Path | None,
    markdown: Path | None,
    baseline: Path | None,
    seeds: int,
    runs: int,
    *,
    github: bool,
    write_baseline: bool,
    explain: bool,
    measure: bool,
) -> int:
    """Lint, simulate against the committed calibration, and compare with the committed baseline. Sends nothing without --measure.

    Exits 1 where a rule, an SLO or the comparison says no, 3 where a measured run was disturbed.
    """
    if not measure:
        refuse("runs", why="is for --measure", hint="leave it out")
    from scaleproof.wiring.check import Question
    from scaleproof.wiring.check import check as ask
    from scaleproof.wiring.checkup_output import CheckupOutput
    from scaleproof.wiring.lint_facts import Asked

    question = Question(
        Asked(project, stack, target, manifests, calibration, users, ignore),
        baseline=baseline,
        write_baseline=write_baseline,
        explain=explain,
        seeds=seeds,
        runs=runs if measure else None,
    )
    return ask(question, CheckupOutput(sarif, junit, markdown, github))
