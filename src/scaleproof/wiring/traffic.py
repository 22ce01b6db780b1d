"""`simulate --trace` and `--prometheus`: what would the HPA have done? Needs no project, no platform and no cluster."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from scaleproof.spec.duration import parse_duration_seconds
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.trace_file import Trace, read_trace, scaled, write_trace
from scaleproof.wiring.token_file import read_token

if TYPE_CHECKING:
    from scaleproof.report.traffic import Compared, OnTrace
    from scaleproof.tuner.ports import Progress

_COMPILED_PER_SECOND = 100e6
"""Policy-seconds that a core plays; for the time left alone."""
_INTERPRETED_PER_SECOND = 300e3


@dataclass(frozen=True)
class PrometheusAsked:
    """Traffic that a Prometheus has recorded, as options say it."""

    url: str
    query: str | None
    since: str
    step: str
    bearer_token_file: Path | None
    save_trace: Path | None


def simulate_traffic(
    traces: Sequence[Path],
    asked: PrometheusAsked | None,
    *,
    policies: Sequence[Path],
    calibration: Path,
    service: str | None,
    peak: float | None,
    budget: float,
    seeds: Sequence[int],
    as_json: bool,
    chart: Path | None,
) -> int:
    """Print what each policy would have done. Exits 1 where none keeps the budget in every run."""
    from scaleproof.report.traffic import Compared, comparison_json, comparison_lines, holding
    from scaleproof.simulator.traffic.policies import pack_policies
    from scaleproof.simulator.traffic.service_file import read_service
    from scaleproof.spec.autoscaler_file import read_autoscaler
    from scaleproof.tuner.traffic.question import playable
    from scaleproof.wiring.session import open_progress

    if not policies:
        raise BadInputError(
            "no policy to simulate", hint="--policy FILE: a HorizontalPodAutoscaler, or its spec; may be repeated"
        )
    picture = None if chart is None else _picture(chart)
    model = read_service(calibration, service).model
    names = _names(policies)
    specs = [read_autoscaler(file) for file in policies]
    compared = Compared(names, pack_policies(specs, model, [str(file) for file in policies]), model, budget)
    least = min(spec.min_replicas for spec in specs)
    known = [read_trace(file) for file in traces]
    with open_progress() as progress:
        if asked is not None:
            known.append(_recorded(asked, progress))
        known = [playable(trace) if peak is None else scaled(playable(trace), peak) for trace in known]
        found = _simulated(compared, known, seeds, least, progress)
    if chart is not None and picture is not None:
        from scaleproof.report.charts.traffic import traffic_picture

        _write(chart, traffic_picture(compared, found, picture, least_replicas=least))
    if as_json:
        click.echo(json.dumps(comparison_json(compared, found), indent=2))
    else:
        click.echo("\n".join(comparison_lines(compared, found)))
    return ExitCode.OK if holding(compared, found) else ExitCode.VERDICT_NO


def _simulated(
    compared: Compared, traces: Sequence[Trace], seeds: Sequence[int], least: int, progress: Progress
) -> list[OnTrace]:
    from scaleproof.hpa.compiled import COMPILED
    from scaleproof.report.traffic import OnTrace, traffic_notes
    from scaleproof.report.wording import plural
    from scaleproof.simulator.traffic.compare import compare
    from scaleproof.simulator.warm import warm_traffic
    from scaleproof.tuner.traffic.question import rates_by_second

    progress.stage("compiling the simulator (once)", 20)
    warm_traffic()
    played = [rates_by_second(trace) for trace in traces]
    whole = sum(rates.shape[0] for rates in played) * len(compared.names) * len(seeds)
    speed = _COMPILED_PER_SECOND * (os.cpu_count() or 1) if COMPILED else _INTERPRETED_PER_SECOND
    expected = max(1.0, whole / speed)
    progress.stage(f"simulating {plural(len(compared.names), 'policy', 'policies')} in {len(seeds)} runs each", expected)
    done = 0

    def advance(policy_seconds: int) -> None:
        nonlocal done
        done += policy_seconds
        progress.advance(expected * done / whole, f"{done / whole:.0%}")

    return [
        OnTrace(
            trace,
            rates,
            compare(rates, compared.policies, compared.service, seeds=seeds, least_replicas=least, advance=advance),
            traffic_notes(compared, trace, rates),
        )
        for trace, rates in zip(traces, played, strict=True)
    ]


def _recorded(asked: PrometheusAsked, progress: Progress) -> Trace:
    from scaleproof.report.traffic import span
    from scaleproof.sources.prometheus_rate import read_rate

    if asked.query is None:
        raise BadInputError(
            "--prometheus needs --query: one PromQL expression of requests/s",
            hint="such as --query 'sum(rate(http_requests_total{service=\"orders\"}[1m]))'",
        )
    since, step = _seconds("--since", asked.since), _seconds("--step", asked.step)
    progress.stage(f"asking Prometheus for {span(since)}")
    trace = read_rate(
        asked.url,
        asked.query,
        end=time.time(),
        since_seconds=since,
        step_seconds=step,
        bearer_token=None if asked.bearer_token_file is None else read_token(asked.bearer_token_file),
        advance=lambda share: progress.advance(0.0, f"{share:.0%}"),
    )
    missing = since - trace.rates.size * step
    if missing >= step:
        progress.say(f"Prometheus has values of {span(trace.rates.size * step)} only, {span(since)} were asked for")
    if asked.save_trace is not None:
        write_trace(trace, asked.save_trace)
    return trace


def _names(files: Sequence[Path]) -> tuple[str, ...]:
    """Each file's name; with its folder where two are called the same."""
    names = [file.name for file in files]
    return tuple(name if names.count(name) == 1 else str(file) for name, file in zip(names, files, strict=True))


def _seconds(option: str, text: str) -> int:
    try:
        return parse_duration_seconds(text)
    except ValueError as error:
        raise BadInputError(f"{option}: {error}") from None


def _picture(file: Path) -> Literal["svg", "png"]:
    """The format; known before anything is simulated."""
    if not file.parent.is_dir():
        raise BadInputError(f"{file}: no such folder", hint="make it first")
    if file.suffix.lower() == ".svg":
        return "svg"
    if file.suffix.lower() == ".png":
        return "png"
    raise BadInputError(f"--chart: expected a name that ends in .svg or .png, found {file.name!r}")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadInputError(f"{file}: cannot be written ({error.strerror})", hint="check the folder's permissions") from None
