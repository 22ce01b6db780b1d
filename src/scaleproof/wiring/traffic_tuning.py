"""`tune --trace`: a policy for recorded traffic. Needs no project, no platform and no cluster."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from scaleproof.spec.errors import BadInputError, ExitCode


def tune_on_traces(
    traces: Sequence[Path],
    *,
    calibration: Path,
    service: str | None,
    current: Path | None,
    output: Literal["text", "json", "hpa"],
    budget: float,
    least_replicas: int,
    most_replicas: int | None,
    peak: float | None,
    metric: Literal["cpu", "requests"],
    seed: int,
) -> int:
    """Print the policy: as lines, as data, or as an `autoscaling/v2` spec alone."""
    from scaleproof.report.traffic_tuning import tuning_json, tuning_lines
    from scaleproof.simulator.traffic.service_file import read_service_model
    from scaleproof.spec.autoscaler_file import read_autoscaler
    from scaleproof.spec.trace_file import read_trace, scaled
    from scaleproof.tuner.traffic.question import TrafficQuestion
    from scaleproof.tuner.traffic.search import tune_on_traffic
    from scaleproof.wiring.session import open_progress

    known = [read_trace(file) for file in traces]
    careful = read_service_model(calibration, service, careful=True)
    in_force = read_service_model(calibration, service)
    with open_progress() as progress:
        for trace in known:
            if trace.absent:
                progress.say(
                    f"{trace.name}: {trace.absent} intervals are blank or missing; taken as a line between their neighbours"
                )
        question = TrafficQuestion(
            careful,
            [scaled(trace, peak) for trace in known] if peak is not None else known,
            budget=budget,
            least_replicas=least_replicas,
            most_replicas=most_replicas,
            of_requests=metric == "requests",
            seed=seed,
            current=read_autoscaler(current) if current is not None else None,
            service_in_force=in_force,
        )
        tuning = tune_on_traffic(question, progress, time.monotonic)
    if output == "text":
        click.echo("\n".join(tuning_lines(tuning)))
    else:
        data = tuning_json(tuning)
        click.echo(json.dumps(data["policy"] if output == "hpa" else data, indent=2))
    return ExitCode.OK


def budget_of(text: str) -> float:
    """`0.1%` or `0.001` as a share. Raises BadInputError."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise BadInputError(f"--budget: expected a share of requests such as 0.1% or 0.001, found {text!r}")
    return share
