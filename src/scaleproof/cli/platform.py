"""The verbs of a platform: up, preview, refresh, status, logs, down."""

from __future__ import annotations

from pathlib import Path

import click

from scaleproof.cli.contents import cli, example, project_of, project_options


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
    return project_of(project, stack, target).target.up(attach=attach)


@cli.command()
@project_options
@click.option("--refresh", is_flag=True, help="Look for drift first: what somebody changed in the cluster by hand.")
@example("scaleproof preview --target kube --stack dev --refresh")
def preview(project: Path, stack: str, target: str, *, refresh: bool) -> int:
    """Show what `up --target kube` would change, and change nothing. Exits 1 where anything would."""
    return project_of(project, stack, target).target.preview(refresh=refresh)


@cli.command()
@project_options
@example("scaleproof refresh --target kube --stack dev")
def refresh(project: Path, stack: str, target: str) -> int:
    """Read the cluster into the stack's state. Exits 1 where it differed."""
    return project_of(project, stack, target).target.refresh()


@cli.command()
@project_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@example("scaleproof status --stack dev")
def status(project: Path, stack: str, target: str, *, as_json: bool) -> int:
    """Show services, replicas and the autoscaler's last words."""
    return project_of(project, stack, target).target.status(as_json=as_json)


@cli.command()
@project_options
@click.argument("component", required=False)
@click.option("--lines", type=click.IntRange(1), default=50, show_default=True, help="Last lines of each.")
@example("scaleproof logs orders --lines 100")
def logs(project: Path, stack: str, target: str, component: str | None, lines: int) -> int:
    """Show the last log lines of a service, envoy, redis, redis-state, postgres, autoscaler or supervisor."""
    return project_of(project, stack, target).target.logs(component, lines)


@cli.command()
@project_options
@example("scaleproof down --stack dev")
def down(project: Path, stack: str, target: str) -> int:
    """Stop the platform and remove what it left; doing it twice is fine."""
    return project_of(project, stack, target).target.down()
