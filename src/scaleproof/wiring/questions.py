"""Verbs that need no platform: what the HPA would do, and what a file format is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TextIO

import click

from scaleproof.spec.errors import BadInputError, ExitCode

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMA_NAMES: Final = (
    *("platform", "policy", "calibration", "service", "run", "hpa-case"),
    *("prices", "team", "plan-assumptions"),
)


def explain_hpa(file: TextIO, *, batch: bool, as_json: bool) -> int:
    """Answer one case, or one a line."""
    from scaleproof.hpa.explain import explain, explain_batch, render

    if batch:
        for line in explain_batch(file):
            click.echo(line)
        return ExitCode.OK
    name = getattr(file, "name", "<stdin>")
    try:
        case = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{name}: not JSON ({error})", hint="see `scaleproof schema hpa-case`") from None
    answer = explain(case)
    click.echo(json.dumps(answer, indent=2) if as_json else render(answer))
    return ExitCode.OK


def schema_of(name: str) -> str:
    """JSON schema of a file format, as text with a final newline."""
    from scaleproof.hpa.explain import explain_schema
    from scaleproof.simulator.calibration import Calibration
    from scaleproof.simulator.traffic.service_model import ServiceModel
    from scaleproof.spec.plan_files import PLAN_MODELS
    from scaleproof.spec.schemas import SPEC_MODELS, json_schema
    from scaleproof.telemetry.run import RunMeta

    if name == "hpa-case":
        schema = explain_schema()
    else:
        models: dict[str, type[BaseModel]] = {
            **SPEC_MODELS,
            **PLAN_MODELS,
            "calibration": Calibration,
            "service": ServiceModel,
            "run": RunMeta,
        }
        schema = json_schema(models[name], f"scaleproof {name}")
    return json.dumps(schema, indent=2) + "\n"
