"""The verbs that answer questions and need no platform."""

from __future__ import annotations

from typing import Any

import click

from scaleproof.cli.contents import cli, example
from scaleproof.spec.errors import ExitCode

FORMATS = ("platform", "policy", "calibration", "service", "run", "hpa-case", "prices", "team", "plan-assumptions")
"""As in `scaleproof.wiring`, which is not imported for a help text."""


@cli.group()
def hpa() -> None:
    """Ask the HPA v2 algorithm what it would do, and why."""


@hpa.command()
@click.argument("file", type=click.File("r"), default="-")
@click.option("--batch", is_flag=True, help="FILE is JSON Lines: one case a line, one answer a line.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@example(
    "scaleproof hpa explain case.json",
    "scaleproof hpa explain --batch cases.jsonl > answers.jsonl",
    "scaleproof schema hpa-case   # the format: Kubernetes' own objects plus `now`",
)
def explain(file: Any, *, batch: bool, as_json: bool) -> int:
    """Desired replicas and, step by step, why."""
    from scaleproof.wiring import explain_hpa

    return explain_hpa(file, batch=batch, as_json=as_json)


@cli.command()
@click.argument("name", type=click.Choice(FORMATS))
@example("scaleproof schema platform > platform.schema.json")
def schema(name: str) -> int:
    """Print the JSON schema of a file format, for editors and other programs."""
    from scaleproof.wiring import schema_of

    click.echo(schema_of(name), nl=False)
    return ExitCode.OK
