"""The verbs for a service of one's own: adopt it, check it, hand its policy on, plan its growth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from scaleproof.cli.contents import cli, example, refuse


@cli.command()
@click.option("--from-cluster", is_flag=True, help="Read what runs in the cluster of $KUBECONFIG; lists only, never Secrets.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NS",
    help="With --from-cluster; may be repeated. [default: the context's]",
)
@click.option("--context", metavar="NAME", help="With --from-cluster. [default: the current one]")
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, allow_dash=True),
    multiple=True,
    metavar="PATH",
    help="A file, a folder, or - for standard input (helm template, kustomize build); may be repeated.",
)
@click.option(
    "--openapi", multiple=True, metavar="[SERVICE=]FILE", help="An OpenAPI 3 document: what users do; may be repeated."
)
@click.option(
    "--locustfile", type=click.Path(dir_okay=False, path_type=Path), help="Your own, used as it is. [default: one is written]"
)
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files. [default: this one]",
)
@click.option("--stack", default="dev", show_default=True, help="Name of the stack: Pulumi.<stack>.yaml.")
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@example(
    "scaleproof init --manifests k8s/",
    "helm template charts/shop | scaleproof init --manifests -",
    "scaleproof init --from-cluster --namespace shop --openapi orders=openapi.json",
)
def init(
    namespaces: tuple[str, ...],
    context: str | None,
    manifests: tuple[Path, ...],
    openapi: tuple[str, ...],
    locustfile: Path | None,
    output: Path,
    stack: str,
    *,
    from_cluster: bool,
    force: bool,
) -> int:
    """Adopt your own service: write platform.yaml, a stack and a locustfile from what you have.

    What was in no source is a guess: it is listed, and a comment in the file. Nothing is provisioned and nothing is sent.
    """
    from scaleproof.wiring.adoption import init as adopt

    return adopt(
        from_cluster=from_cluster,
        namespaces=namespaces,
        context=context,
        manifests=manifests,
        openapi=openapi,
        locustfile=locustfile,
        output=output,
        stack=stack,
        force=force,
    )


@cli.command()
@click.option(
    "--project",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder of the stack's file. [default: this one]",
)
@click.option("--stack", default="dev", show_default=True, help="Whose policy: Pulumi.<stack>.yaml.")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    help="A proof or a run below runs/: its policy instead of the stack's.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["pulumi", "hpa", "json-patch", "kustomize", "helm-values", "keda", "vpa", "pull-request"]),
    required=True,
    help="What it is to be.",
)
@click.option("--service", help="Only this service. [default: all]")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="A file, or a folder for a file a service. [default: printed]"
)
@click.option(
    "--against", type=click.Path(dir_okay=False, path_type=Path), help="json-patch: the autoscaler that is there, JSON or YAML."
)
@click.option("--namespace", help="Of every object. [default: none named]")
@click.option("--container", help="kustomize, vpa: the container that the resources are for. [default: the service's name]")
@click.option(
    "--update-mode",
    type=click.Choice(["Off", "Initial", "Recreate", "InPlaceOrRecreate"]),
    default="Initial",
    show_default=True,
    help="vpa: what it may do to pods.",
)
@click.option("--prometheus", metavar="URL", help="keda: where KEDA, in the cluster, reaches Prometheus.")
@click.option("--query", metavar="PROMQL", help="keda: a whole service's requests/s; {service} is its name.")
@example(
    "scaleproof export --stack dev --format hpa | kubectl apply --server-side -f -",
    "scaleproof export --stack dev --format kustomize --output deploy/scaleproof",
    "scaleproof export --stack dev --format json-patch --service orders --against hpa.json",
    "scaleproof export --from runs/latest --format pull-request --output body.md",
)
def export(
    project: Path,
    stack: str,
    folder: Path | None,
    format_: Literal["pulumi", "hpa", "json-patch", "kustomize", "helm-values", "keda", "vpa", "pull-request"],
    service: str | None,
    output: Path | None,
    against: Path | None,
    namespace: str | None,
    container: str | None,
    update_mode: Literal["Off", "Initial", "Recreate", "InPlaceOrRecreate"],
    prometheus: str | None,
    query: str | None,
) -> int:
    """Print a policy as an HPA, a patch, Helm values, KEDA, or a pull request's body.

    What the format cannot say goes to standard error. A pull request exits with its verdict: 0 better, 1 not better, 3 inconclusive.
    """
    own: dict[str, tuple[str, ...]] = {
        "against": ("json-patch",),
        "update_mode": ("vpa",),
        "container": ("kustomize", "vpa"),
        "prometheus": ("keda",),
    }
    own |= {"query": ("keda",), "namespace": ("hpa", "kustomize", "keda", "vpa")}
    for option, formats in own.items():
        if format_ not in formats:
            refuse(option, why=f"is for --format {' or '.join(formats)}", hint="leave it out")
    if folder is not None:
        refuse("stack", why="is known from --from", hint="leave it out")
    if format_ == "pull-request":
        refuse("service", why="is not for a pull request, which has the whole proof", hint="leave it out")
    from scaleproof.wiring.export import ExportAsked
    from scaleproof.wiring.export import export as write

    return write(
        ExportAsked(
            format=format_,
            project=project,
            stack=stack,
            folder=folder,
            service=service,
            output=output,
            against=against,
            namespace=namespace,
            container=container,
            update_mode=update_mode,
            prometheus=prometheus,
            query=query,
        )
    )


@cli.command()
@click.option("--stack", default="dev", show_default=True, help="Whose policy: Pulumi.<stack>.yaml.")
@click.option(
    "--project",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder of platform.yaml. [default: this one]",
)
@click.option("--users", required=True, metavar="LIST", help="Milestones, users at the peak: 10k,25k,100k. At most 1M.")
@click.option("--growth", metavar="RATE", help="Such as 5%/month or 500/week, from --current-users on.")
@click.option("--growth-file", type=click.Path(dir_okay=False, path_type=Path), help="Instead: CSV with date,users.")
@click.option("--current-users", metavar="N", help="Users at the peak on --start. [default: load.users of platform.yaml]")
@click.option("--start", metavar="DATE", help="First day of growth and of work. [default: today]")
@click.option("--prices", type=click.Path(dir_okay=False, path_type=Path), help="What a core, a GiB or a node costs an hour.")
@click.option("--team", type=click.Path(dir_okay=False, path_type=Path), help="Who lifts which bottleneck: gives the schedule.")
@click.option(
    "--assumptions", type=click.Path(dir_okay=False, path_type=Path), help="What nobody has measured: pools, node size …"
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="A measured run: its mix of requests, gateway and datastores.",
)
@click.option(
    "--calibration", type=click.Path(dir_okay=False, path_type=Path), help="[default: .scaleproof/<stack>/calibration.json]"
)
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the intervals.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "md", "html", "json"]), help="[default: as --output ends, else text]"
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of the terminal.")
@example(
    "scaleproof plan --users 10k,25k,50k,100k",
    "scaleproof plan --users 10k,100k,1M --growth 5%/month --prices prices.yaml --team team.yaml --output plan.html",
)
def plan(
    stack: str,
    project: Path,
    users: str,
    growth: str | None,
    growth_file: Path | None,
    current_users: str | None,
    start: str | None,
    prices: Path | None,
    team: Path | None,
    assumptions: Path | None,
    run_folder: Path | None,
    calibration: Path | None,
    seed: int,
    format_: Literal["text", "md", "html", "json"] | None,
    output: Path | None,
) -> int:
    """Plan growth: what each part needs at so many users, when, and at which cost.

    Sends nothing; all of it rests on the calibration. Exits 1 where a milestone is reached before the team can be ready for it.
    """
    from scaleproof.wiring.plan import GrowthAsked, PlanFiles
    from scaleproof.wiring.plan import plan as make

    return make(
        project,
        stack,
        users=users,
        growth=GrowthAsked(growth, growth_file, current_users, start),
        files=PlanFiles(calibration, prices, team, assumptions, run_folder),
        seed=seed,
        format_=format_,
        output=output,
    )
