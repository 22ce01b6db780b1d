"""The verbs of the loop: all of it, and each step alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from scaleproof.cli.contents import cli, example, load_options, project_of, project_options, refuse, traffic_options
from scaleproof.spec.errors import BadInputError


@cli.command()
@project_options
@load_options
@click.option(
    "--indicative", is_flag=True, help="A coarse calibration, then one A and one B run instead of ABBA pairs; labelled so."
)
@click.option("--pairs", type=click.IntRange(1), default=1, show_default=True, help="ABBA pairs of the verification.")
@click.option(
    "--max-window",
    type=click.IntRange(0, 3600),
    default=300,
    show_default=True,
    help="Longest stabilisation window searched, seconds.",
)
@click.option("--quick", is_flag=True, help="Shorter calibration and load: a first impression.")
@click.option("--keep", is_flag=True, help="Leave the platform running afterwards.")
@example("scaleproof prove --stack dev --users 10000 --shape spike --indicative")
def prove(
    project: Path,
    stack: str,
    target: str,
    users: int | None,
    shape: str | None,
    seed: int,
    processes: int | None,
    *,
    indicative: bool,
    pairs: int,
    max_window: int,
    quick: bool,
    keep: bool,
) -> int:
    """The whole loop: provision, load, measure, tune, write back, verify, report.

    The stack's policy is replaced only where the verification says that the new one is better.
    """
    opened = project_of(project, stack, target)
    return opened.prove(
        opened.plan(users=users, shape=shape, seed=seed, processes=processes, quick=quick),
        pairs=None if indicative else pairs,
        quick=quick,
        keep=keep,
        max_window_seconds=max_window,
    )


@cli.command()
@project_options
@load_options
@click.option("--label", default="load", show_default=True, help="Part of the run folder's name.")
@click.option("--prometheus", metavar="URL", help="Read replicas, gateway and HPA from this Prometheus.")
@click.option(
    "--prometheus-token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the bearer token that Prometheus wants.",
)
@click.option(
    "--locustfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of platform.yaml's; one of ordinary Locust users is played as it is (a closed loop).",
)
@click.option("--tags", multiple=True, metavar="TAG", help="Ordinary users: only tasks with this tag; may be repeated.")
@click.option("--exclude-tags", multiple=True, metavar="TAG", help="Ordinary users: no task with this tag; may be repeated.")
@example(
    "scaleproof load --users 10000 --shape spike --seed 7",
    "scaleproof load --shape replay:trace.csv --processes 2",
    "scaleproof load --locustfile tests/locustfile.py --users 500 --shape ramp",
)
def load(
    project: Path,
    stack: str,
    target: str,
    users: int | None,
    shape: str | None,
    seed: int,
    processes: int | None,
    label: str,
    prometheus: str | None,
    prometheus_token_file: Path | None,
    locustfile: Path | None,
    tags: tuple[str, ...],
    exclude_tags: tuple[str, ...],
) -> int:
    """Send one load to the running platform and measure it; leaves a run folder.

    Exits 0 where every SLO held, 1 where one did not, 3 where the machine could not measure.
    """
    if prometheus is None:
        refuse("prometheus_token_file", why="is for --prometheus", hint="leave it out, or give --prometheus URL")
    opened = project_of(project, stack, target)
    plan = opened.plan(
        users=users,
        shape=shape,
        seed=seed,
        processes=processes,
        locustfile=locustfile,
        tags=tags,
        exclude_tags=exclude_tags,
    )
    return opened.load(plan, label=label, prometheus=prometheus, prometheus_token_file=prometheus_token_file)


@cli.command()
@project_options
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="[default: .scaleproof/<stack>/calibration.json]"
)
@click.option("--quick", is_flag=True, help="Fewer steps: wider intervals.")
@click.option("--seed", type=int, default=1, show_default=True)
@example("scaleproof calibrate --stack dev")
def calibrate(project: Path, stack: str, target: str, output: Path | None, seed: int, *, quick: bool) -> int:
    """Measure what a replica needs and holds: step load at 1, 2 and 4 replicas."""
    return project_of(project, stack, target).calibrate(output=output, quick=quick, seed=seed)


@cli.command()
@project_options
@load_options
@click.option(
    "--calibration", type=click.Path(dir_okay=False, path_type=Path), help="[default: .scaleproof/<stack>/calibration.json]"
)
@click.option(
    "--seeds", type=click.IntRange(2), default=20, show_default=True, help="Simulated repetitions, for the intervals."
)
@traffic_options
@click.option(
    "--policy",
    "policies",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="With recorded traffic: a HorizontalPodAutoscaler or its spec, JSON or YAML; may be repeated.",
)
@click.option("--prometheus", metavar="URL", help="Recorded traffic out of this Prometheus.")
@click.option("--query", metavar="PROMQL", help="Its requests/s: one expression, one series.")
@click.option("--since", default="14d", show_default=True, help="How far back.")
@click.option("--step", default="60s", show_default=True, help="Between two values.")
@click.option(
    "--bearer-token-file", type=click.Path(dir_okay=False, path_type=Path), help="A file with the token that Prometheus wants."
)
@click.option(
    "--save-trace", type=click.Path(dir_okay=False, path_type=Path), help="Keep what Prometheus answered, as CSV for --trace."
)
@click.option(
    "--chart", type=click.Path(dir_okay=False, path_type=Path), help="A picture of rate and replicas over time: .svg or .png."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@example(
    "scaleproof simulate --users 10000 --shape ramp",
    "scaleproof simulate --trace june.csv --calibration service.json --policy now.yaml --policy new.yaml",
    "scaleproof simulate --prometheus http://127.0.0.1:9090 --query 'sum(rate(http_requests_total[1m]))' --policy now.yaml",
)
def simulate(
    project: Path,
    stack: str,
    target: str,
    users: int | None,
    shape: str | None,
    seed: int,
    processes: int | None,
    calibration: Path | None,
    seeds: int,
    trace: tuple[Path, ...],
    service: str | None,
    peak: float | None,
    budget: str,
    policies: tuple[Path, ...],
    prometheus: str | None,
    query: str | None,
    since: str,
    step: str,
    bearer_token_file: Path | None,
    save_trace: Path | None,
    chart: Path | None,
    *,
    as_json: bool,
) -> int:
    """Predict replicas, latency, violation and cost of the stack's policy under a load. Sends nothing.

    With --trace or --prometheus: what would the HPA have done with recorded traffic? Any number of policies, no project needed;
    exits 0 where one keeps violation within the budget, 1 where none does.
    """
    if trace or prometheus is not None:
        if trace and prometheus is not None:
            raise BadInputError("--trace and --prometheus exclude each other", hint="leave one out")
        refuse(
            "users",
            "shape",
            "processes",
            why="is for a load, which recorded traffic replaces",
            hint="scale traffic with --peak",
        )
        if trace:
            refuse("query", "since", "step", "bearer_token_file", "save_trace", why="is for --prometheus", hint="leave it out")
        from scaleproof.wiring.traffic import PrometheusAsked, simulate_traffic
        from scaleproof.wiring.traffic_tuning import budget_of

        asked = None
        if prometheus is not None:
            asked = PrometheusAsked(prometheus, query, since, step, bearer_token_file, save_trace)
        return simulate_traffic(
            trace,
            asked,
            policies=policies,
            calibration=calibration or project / ".scaleproof" / stack / "calibration.json",
            service=service,
            peak=peak,
            budget=budget_of(budget),
            seeds=range(seed, seed + seeds),
            as_json=as_json,
            chart=chart,
        )
    of_traffic = ("policies", "service", "peak", "budget", "query", "since", "step", "bearer_token_file", "save_trace", "chart")
    refuse(*of_traffic, why="is for recorded traffic", hint="give --trace FILE or --prometheus URL")
    opened = project_of(project, stack, target)
    plan = opened.plan(users=users, shape=shape, seed=seed, processes=processes)
    return opened.simulate(plan, calibration=calibration, seeds=seeds, as_json=as_json)


@cli.command()
@project_options
@load_options
@click.option(
    "--calibration", type=click.Path(dir_okay=False, path_type=Path), help="[default: .scaleproof/<stack>/calibration.json]"
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the SLO budget kept free.",
)
@click.option(
    "--max-window",
    type=click.IntRange(0, 3600),
    default=300,
    show_default=True,
    help="Longest stabilisation window searched, seconds.",
)
@click.option("--dry-run", is_flag=True, help="Print the difference; change nothing.")
@click.option("--verify", is_flag=True, help="Measure old and new under the same load; keep the new one only if it is better.")
@click.option("--pairs", type=click.IntRange(1), default=1, show_default=True, help="ABBA pairs of the verification.")
@traffic_options
@click.option(
    "--metric", type=click.Choice(["cpu", "requests"]), default="cpu", show_default=True, help="What the policy looks at."
)
@click.option("--min-replicas", type=click.IntRange(1), default=2, show_default=True, help="The least minReplicas.")
@click.option("--max-replicas", type=click.IntRange(1), help="maxReplicas. [default: twice what the highest peak needs]")
@click.option(
    "--policy", type=click.Path(dir_okay=False, path_type=Path), help="The policy in force, which stays if it is as good."
)
@click.option(
    "--output",
    type=click.Choice(["text", "json", "hpa", "keda-cron"]),
    help="hpa: an autoscaling/v2 spec; keda-cron: a ScaledObject with a scheduled minimum. [default: text]",
)
@click.option("--schedule", is_flag=True, help="Also search a minimum at times of the day; says whether it pays.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the schedule's clock, such as Europe/Berlin.")
@click.option("--deployment", metavar="NAME", help="keda-cron: what it scales. [default: the calibration's service]")
@click.option("--prometheus", metavar="URL", help="keda-cron with --metric requests: where KEDA reaches Prometheus.")
@click.option("--query", metavar="PROMQL", help="keda-cron with --metric requests: the whole service's requests/s.")
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the search's state in this file; go on from it after an interruption.",
)
@example(
    "scaleproof tune --users 10000 --shape spike --dry-run",
    "scaleproof tune --verify --pairs 2",
    "scaleproof tune --trace june.csv --trace july.csv --calibration service.json --output hpa > policy.json",
    "scaleproof tune --trace june.csv --calibration service.json --output keda-cron --timezone Europe/Berlin --deployment orders",
)
def tune(
    project: Path,
    stack: str,
    target: str,
    users: int | None,
    shape: str | None,
    seed: int,
    processes: int | None,
    calibration: Path | None,
    margin: float,
    max_window: int,
    *,
    dry_run: bool,
    verify: bool,
    pairs: int,
    trace: tuple[Path, ...],
    service: str | None,
    budget: str,
    peak: float | None,
    metric: Literal["cpu", "requests"],
    min_replicas: int,
    max_replicas: int | None,
    policy: Path | None,
    output: Literal["text", "json", "hpa", "keda-cron"] | None,
    schedule: bool,
    timezone: str,
    deployment: str | None,
    prometheus: str | None,
    query: str | None,
    resume: Path | None,
) -> int:
    """Find the cheapest policy that keeps the SLO with a margin, and write it to the stack.

    With --verify: exits 0 better, 1 not better, 3 inconclusive; unless better, everything goes back.

    With --trace: for recorded traffic instead of a load; the policy is printed, and nothing else is needed or changed.
    """
    if dry_run and verify:
        raise BadInputError("--dry-run and --verify exclude each other", hint="leave one out")
    if trace:
        if verify:
            raise BadInputError("--verify needs a load; --trace sends none", hint="leave one out")
        refuse(
            *("users", "shape", "processes", "margin", "max_window", "dry_run", "pairs"),
            why="is for a load, which recorded traffic replaces",
            hint="leave it out; --trace changes no file, and --budget says how much may be violated",
        )
        if output != "keda-cron":
            refuse("deployment", "prometheus", "query", why="is for --output keda-cron", hint="leave it out")
        if output != "keda-cron" and not schedule:
            refuse("timezone", why="is for a schedule", hint="give --schedule or --output keda-cron")
        if output == "keda-cron":
            refuse("policy", why="is for a policy without a schedule", hint="leave it out")
        if output == "hpa":
            refuse("schedule", why="is nothing that an HPA can say", hint="--output keda-cron")
        from scaleproof.wiring.traffic_tuning import TuningAsked, budget_of, tune_on_traces

        asked = TuningAsked(
            calibration=calibration or project / ".scaleproof" / stack / "calibration.json",
            service=service,
            current=policy,
            output=output or "text",
            budget=budget_of(budget),
            least_replicas=min_replicas,
            most_replicas=max_replicas,
            peak=peak,
            metric=metric,
            seed=seed,
            schedule=schedule,
            zone=timezone,
            deployment=deployment,
            prometheus=prometheus,
            query=query,
            resume=resume,
        )
        return tune_on_traces(trace, asked)
    of_traffic = ("service", "peak", "budget", "metric", "min_replicas", "max_replicas", "policy", "output", "resume")
    of_schedules = ("schedule", "timezone", "deployment", "prometheus", "query")
    refuse(*of_traffic, *of_schedules, why="is for recorded traffic", hint="give --trace FILE")
    opened = project_of(project, stack, target)
    plan = opened.plan(users=users, shape=shape, seed=seed, processes=processes)
    return opened.tune(
        plan,
        calibration=calibration,
        margin=margin,
        max_window_seconds=max_window,
        dry_run=dry_run,
        pairs=pairs if verify else None,
    )


@cli.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["html", "md", "json"]), default="html", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="[default: report.<format> in the folder]"
)
@example("scaleproof report runs/latest", "scaleproof report runs/before runs/after --format md")
def report(folders: tuple[Path, ...], format_: Literal["html", "md", "json"], output: Path | None) -> int:
    """Render a proof, a run, or two runs compared, as one offline HTML file, markdown or JSON."""
    from scaleproof.wiring import report as render

    return render(folders or (Path("runs/latest"),), format_=format_, output=output)
