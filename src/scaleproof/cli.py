"""The verbs: parse, call, exit code. Imports of what a verb needs happen in the verb, so that --help stays quick."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import click

from scaleproof import __version__
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode, ScaleproofError

if TYPE_CHECKING:
    from scaleproof.wiring import Project

Verb = TypeVar("Verb", bound=Callable[..., Any])

CHAPTERS: dict[str, tuple[str, ...]] = {
    "The loop": ("prove",),
    "A platform": ("up", "preview", "refresh", "status", "logs", "down"),
    "One step of the loop": ("load", "calibrate", "simulate", "tune", "report"),
    "Questions": ("hpa", "schema"),
}


class TableOfContents(click.Group):
    """A group whose help lists the verbs by chapter."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  Click's signature
        """Verbs in the order of the chapters."""
        ordered = [name for names in CHAPTERS.values() for name in names]
        return [name for name in ordered if name in self.commands]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  Click's signature
        """One section a chapter."""
        for chapter, names in CHAPTERS.items():
            with formatter.section(chapter):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(90)) for name in names])


def example(*lines: str) -> Callable[[Verb], Verb]:
    """Examples under a verb's help."""

    def add(verb: Verb) -> Verb:
        verb.__doc__ = inspect.cleandoc(verb.__doc__ or "") + "\n\n\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
        return verb

    return add


def project_options(verb: Verb) -> Verb:
    """--project, --stack and --target, which every verb about a platform takes."""
    folder = click.Path(file_okay=False, path_type=Path)
    where = "local: processes on this machine; kube: the cluster of $KUBECONFIG."
    choice = click.Choice(["local", "kube"])
    verb = click.option("--target", type=choice, default="local", show_default=True, help=where)(verb)
    verb = click.option("--stack", default="dev", show_default=True, help="Whose policy: Pulumi.<stack>.yaml.")(verb)
    return click.option("--project", type=folder, default=Path(), help="Folder of platform.yaml. [default: this one]")(verb)


def load_options(verb: Verb) -> Verb:
    """--users, --shape, --seed and --processes; what is not given comes from platform.yaml."""
    verb = click.option("--processes", type=click.IntRange(1), help="Generator processes. [default: platform.yaml]")(verb)
    verb = click.option("--seed", type=int, default=1, show_default=True, help="Draws every user's actions in advance.")(verb)
    verb = click.option(
        "--shape", help="spike, ramp, diurnal, steps or replay:FILE (CSV of requests/s). [default: platform.yaml]"
    )(verb)
    return click.option("--users", type=click.IntRange(1), help="Users at the peak. [default: platform.yaml]")(verb)


def traffic_options(verb: Verb) -> Verb:
    """--trace, --service, --peak and --budget, of verbs that can do without a load."""
    verb = click.option(
        "--budget", default="0.1%", show_default=True, help="Share of requests that may be violated, in each trace."
    )(verb)
    verb = click.option("--peak", type=click.FloatRange(0, min_open=True), help="Scale each trace to this peak, requests/s.")(
        verb
    )
    verb = click.option("--service", help="Which service of the calibration. [default: its only one]")(verb)
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--trace", type=file, multiple=True, help="Recorded traffic (CSV) instead of a load; may be repeated.")(
        verb
    )


def refuse(*names: str, why: str, hint: str) -> None:
    """Raise BadInputError where one of these options was typed."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name in names and context.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE:
            raise BadInputError(f"{parameter.opts[0]} {why}", hint=hint)


@click.group(cls=TableOfContents, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="scaleproof")
def cli() -> None:
    """Prove a Kubernetes scaling policy under load before users do."""


def _project(project: Path, stack: str, target: str) -> Project:
    from scaleproof.wiring import Project

    return Project.open(project, stack=stack, target=target)


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
    opened = _project(project, stack, target)
    return opened.prove(
        opened.plan(users=users, shape=shape, seed=seed, processes=processes, quick=quick),
        pairs=None if indicative else pairs,
        quick=quick,
        keep=keep,
        max_window_seconds=max_window,
    )


@cli.command()
@project_options
@click.option("--attach", is_flag=True, help="Stay in the foreground; Ctrl-C takes everything down.")
@example(
    "scaleproof up --stack dev",
    "curl http://127.0.0.1:8080/api/v1/orders",
    "scaleproof up --target kube --stack dev   # the same as pulumi up --stack dev",
)
def up(project: Path, stack: str, target: str, *, attach: bool) -> int:
    """Start the platform: gateway, datastores, replicas, autoscaler."""
    return _project(project, stack, target).target.up(attach=attach)


@cli.command()
@project_options
@click.option("--refresh", is_flag=True, help="Look for drift first: what somebody changed in the cluster by hand.")
@example("scaleproof preview --target kube --stack dev --refresh")
def preview(project: Path, stack: str, target: str, *, refresh: bool) -> int:
    """Show what `up --target kube` would change, and change nothing. Exits 1 where anything would."""
    return _project(project, stack, target).target.preview(refresh=refresh)


@cli.command()
@project_options
@example("scaleproof refresh --target kube --stack dev")
def refresh(project: Path, stack: str, target: str) -> int:
    """Read the cluster into the stack's state. Exits 1 where it differed."""
    return _project(project, stack, target).target.refresh()


@cli.command()
@project_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@example("scaleproof status --stack dev")
def status(project: Path, stack: str, target: str, *, as_json: bool) -> int:
    """Show services, replicas and the autoscaler's last words."""
    return _project(project, stack, target).target.status(as_json=as_json)


@cli.command()
@project_options
@click.argument("component", required=False)
@click.option("--lines", type=click.IntRange(1), default=50, show_default=True, help="Last lines of each.")
@example("scaleproof logs orders --lines 100")
def logs(project: Path, stack: str, target: str, component: str | None, lines: int) -> int:
    """Show the last log lines of a service, envoy, redis, postgres, autoscaler or supervisor."""
    return _project(project, stack, target).target.logs(component, lines)


@cli.command()
@project_options
@example("scaleproof down --stack dev")
def down(project: Path, stack: str, target: str) -> int:
    """Stop the platform and remove what it left; doing it twice is fine."""
    return _project(project, stack, target).target.down()


@cli.command()
@project_options
@load_options
@click.option("--label", default="load", show_default=True, help="Part of the run folder's name.")
@click.option("--prometheus", metavar="URL", help="Read replicas, gateway and HPA from this Prometheus.")
@example(
    "scaleproof load --users 10000 --shape spike --seed 7",
    "scaleproof load --shape replay:trace.csv --processes 2",
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
) -> int:
    """Send one load to the running platform and measure it; leaves a run folder.

    Exits 0 where every SLO held, 1 where one did not, 3 where the machine could not measure.
    """
    opened = _project(project, stack, target)
    return opened.load(
        opened.plan(users=users, shape=shape, seed=seed, processes=processes), label=label, prometheus=prometheus
    )


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
    return _project(project, stack, target).calibrate(output=output, quick=quick, seed=seed)


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
    opened = _project(project, stack, target)
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
@click.option("--output", type=click.Choice(["text", "json", "hpa"]), help="hpa: an autoscaling/v2 spec. [default: text]")
@example(
    "scaleproof tune --users 10000 --shape spike --dry-run",
    "scaleproof tune --verify --pairs 2",
    "scaleproof tune --trace june.csv --trace july.csv --calibration service.json --output hpa > policy.json",
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
    output: Literal["text", "json", "hpa"] | None,
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
        from scaleproof.wiring.traffic_tuning import budget_of, tune_on_traces

        return tune_on_traces(
            trace,
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
        )
    of_traffic = ("service", "peak", "budget", "metric", "min_replicas", "max_replicas", "policy", "output")
    refuse(*of_traffic, why="is for recorded traffic", hint="give --trace FILE")
    opened = _project(project, stack, target)
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
@click.argument("name", type=click.Choice(["platform", "policy", "calibration", "service", "run", "hpa-case"]))
@example("scaleproof schema platform > platform.schema.json")
def schema(name: str) -> int:
    """Print the JSON schema of a file format, for editors and other programs."""
    from scaleproof.wiring import schema_of

    click.echo(schema_of(name), nl=False)
    return ExitCode.OK


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script. Exit codes: 0 ok, 1 verdict no, 2 bad input, 3 could not measure, 4 internal error, 130 interrupted."""
    # SIGTERM ends like Ctrl-C, so that a CI job that is cancelled leaves nothing running either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(args=arguments, prog_name="scaleproof", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader is gone; closing at exit must not fail again
        code = ExitCode.OK
    except (BadInputError, CannotMeasureError, ScaleproofError) as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except Exception:  # noqa: BLE001  the last resort: a user never sees a traceback, the file keeps it for us
        code = _internal_error()
    sys.exit(int(code or ExitCode.OK))


def _internal_error() -> ExitCode:
    descriptor, name = tempfile.mkstemp(prefix="scaleproof-error-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"scaleproof {__version__}, Python {sys.version}\n{traceback.format_exc()}")
    last = traceback.format_exc().strip().splitlines()[-1]
    click.echo(f"error: internal error: {last}\n  → please report it with {name}", err=True)
    return ExitCode.INTERNAL_ERROR
