"""`tune --trace`: a policy for recorded traffic. Needs no project, no platform and no cluster."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from scaleproof.spec.errors import BadInputError, ExitCode

if TYPE_CHECKING:
    from scaleproof.simulator.traffic.service_file import KnownService
    from scaleproof.tuner.ports import Progress
    from scaleproof.tuner.traffic.question import TrafficQuestion
    from scaleproof.tuner.traffic.race import Player
    from scaleproof.tuner.traffic.scheduled_minimum import ScheduledMinimum
    from scaleproof.tuner.traffic.search import TrafficTuning

Format = Literal["text", "json", "hpa", "keda-cron"]
_COMPILING_SECONDS = 20


@dataclass(frozen=True)
class TuningAsked:
    """What the options say."""

    calibration: Path
    service: str | None
    current: Path | None
    output: Format
    budget: float
    least_replicas: int
    most_replicas: int | None
    peak: float | None
    metric: Literal["cpu", "requests"]
    seed: int
    schedule: bool
    zone: str
    deployment: str | None
    prometheus: str | None
    query: str | None
    resume: Path | None

    @property
    def wants_schedule(self) -> bool:
        """Whether a scheduled minimum is to be searched."""
        return self.schedule or self.output == "keda-cron"


def tune_on_traces(traces: Sequence[Path], asked: TuningAsked) -> int:
    """Print the policy: as lines, as data, as an `autoscaling/v2` spec alone, or with its schedule as a ScaledObject.

    Exits 1 where a ScaledObject was asked for and no schedule pays.
    """
    from scaleproof.simulator.traffic.service_file import read_service
    from scaleproof.simulator.warm import warm_traffic
    from scaleproof.tuner.traffic.scheduled_minimum import check_for_schedule, schedule_on_traffic
    from scaleproof.tuner.traffic.search import tune_on_traffic
    from scaleproof.wiring.session import open_progress

    service = read_service(asked.calibration, asked.service)
    name = _deployment(asked, service)
    tuning: TrafficTuning | None = None
    minimum: ScheduledMinimum | None = None
    with open_progress() as progress:
        question = _question(traces, asked, service, progress)
        if asked.wants_schedule:
            check_for_schedule(question, asked.zone)
        player = _player(asked, question)
        progress.stage("compiling the simulator (once)", _COMPILING_SECONDS)
        warm_traffic()
        if asked.output != "keda-cron":
            tuning = tune_on_traffic(question, progress, time.monotonic, player)
        if asked.wants_schedule:
            minimum = schedule_on_traffic(question, asked.zone, progress, time.monotonic, player)
    if tuning is not None:
        return _print_tuning(tuning, minimum, asked)
    assert minimum is not None  # a ScaledObject is a schedule's
    return _print_scaled_object(minimum, asked, name)


def _question(traces: Sequence[Path], asked: TuningAsked, service: KnownService, progress: Progress) -> TrafficQuestion:
    from scaleproof.spec.autoscaler_file import read_autoscaler
    from scaleproof.spec.trace_file import read_trace, scaled
    from scaleproof.tuner.traffic.question import TrafficQuestion

    known = [read_trace(file) for file in traces]
    for trace in known:
        if trace.absent:
            progress.say(
                f"{trace.name}: {trace.absent} intervals are blank or missing; taken as a line between their neighbours"
            )
    return TrafficQuestion(
        service.careful,
        [scaled(trace, asked.peak) for trace in known] if asked.peak is not None else known,
        budget=asked.budget,
        least_replicas=asked.least_replicas,
        most_replicas=asked.most_replicas,
        of_requests=asked.metric == "requests",
        seed=asked.seed,
        current=read_autoscaler(asked.current) if asked.current is not None else None,
        service_in_force=service.model,
    )


def _player(asked: TuningAsked, question: TrafficQuestion) -> Player:
    from scaleproof.simulator.traffic.evaluate import evaluate
    from scaleproof.wiring.search_file import open_checkpoint

    return evaluate if asked.resume is None else open_checkpoint(asked.resume, question)


def _print_tuning(tuning: TrafficTuning, minimum: ScheduledMinimum | None, asked: TuningAsked) -> int:
    from scaleproof.report.scheduled_minimum import schedule_json, schedule_lines
    from scaleproof.report.traffic_tuning import tuning_json, tuning_lines

    if asked.output == "text":
        lines = tuning_lines(tuning)
        if minimum is not None:
            lines += ["", *schedule_lines(minimum)]
        click.echo("\n".join(lines))
        return ExitCode.OK
    data = tuning_json(tuning)
    if minimum is not None:
        data["schedule"] = schedule_json(minimum)
    click.echo(json.dumps(data["policy"] if asked.output == "hpa" else data, indent=2))
    return ExitCode.OK


def _print_scaled_object(minimum: ScheduledMinimum, asked: TuningAsked, name: str) -> int:
    from scaleproof.report.outputs.keda import RequestRate
    from scaleproof.report.outputs.keda_cron import keda_cron
    from scaleproof.report.scheduled_minimum import schedule_lines

    for line in schedule_lines(minimum):
        click.echo(line, err=True)
    if not minimum.pays:
        return ExitCode.VERDICT_NO
    rate = None
    if asked.prometheus is not None and asked.query is not None:
        rate = RequestRate(asked.prometheus, asked.query.replace("{service}", name))
    click.echo(keda_cron(minimum, name, rate).text, nl=False)
    return ExitCode.OK


def _deployment(asked: TuningAsked, service: KnownService) -> str:
    """What a ScaledObject is for, and whether all is known that it needs: before anything is searched."""
    if asked.output != "keda-cron":
        return ""
    if asked.metric == "requests" and (asked.prometheus is None or asked.query is None):
        raise BadInputError(
            "--output keda-cron with --metric requests needs --prometheus URL and --query PROMQL",
            hint="where KEDA, in the cluster, reads the requests/s of the whole service",
        )
    name = asked.deployment or service.name
    if name is None:
        raise BadInputError(
            f"{asked.calibration}: does not name the service; a ScaledObject is for one Deployment",
            hint="--deployment NAME",
        )
    return name


def budget_of(text: str) -> float:
    """`0.1%` or `0.001` as a share. Raises BadInputError."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise BadInputError(f"--budget: expected a share of requests such as 0.1% or 0.001, found {text!r}")
    return share
