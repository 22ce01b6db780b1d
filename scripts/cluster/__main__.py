"""`python -m scripts.cluster up|down|status|build|bin|exec`: a real one-node Kubernetes for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import click

from scripts.cluster import cluster, engine, node, programs
from scripts.cluster.commands import ClusterError
from scripts.cluster.places import NAMESPACE, default_places

STARTED = time.monotonic()


def say(line: str) -> None:
    """Progress, with the seconds so far."""
    print(f"[{time.monotonic() - STARTED:4.0f} s] {line}", file=sys.stderr, flush=True)


@click.group(help=__doc__)
def main() -> None:
    """The group."""


@main.command()
def up() -> None:
    """Build what the cache lacks, start the cluster, wait until it is ready."""
    places = default_places()
    cluster.require_root()
    with cluster.alone(places):
        cluster.up(places, say)
    print(f"Inside the network namespace {NAMESPACE}: python -m scripts.cluster exec -- kubectl get pods --all-namespaces")


@main.command()
def down() -> None:
    """End the cluster; fails where a process, mount, namespace or cgroup of it is left."""
    places = default_places()
    cluster.require_root()
    with cluster.alone(places):
        cluster.remove(places)
        left = cluster.leftovers(places)
    if left:
        raise ClusterError("left behind:\n" + "\n".join(left))
    print("the cluster is down; nothing is left of it")


@main.command()
def status() -> None:
    """Nodes and pods; exit code 1 where the cluster is not ready."""
    places = default_places()
    print(cluster.status(places))
    sys.exit(0 if cluster.is_ready(places) else 1)


@main.command()
@click.option("--judges", is_flag=True, help="kube-score and kubeconform instead of the cluster's programs.")
def build(*, judges: bool) -> None:
    """Build the programs alone (no root needed)."""
    programs.build(programs.JUDGES if judges else programs.NODE, default_places(), say)


@main.command("bin")
def bin_() -> None:
    """Print the folder of the built programs."""
    print(default_places().programs)


@main.command("exec", context_settings={"ignore_unknown_options": True})
@click.option(
    "--pulumi", is_flag=True, help="With Pulumi's engine ready for use: a place for its state, and a Kubernetes provider."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(command: tuple[str, ...], *, pulumi: bool) -> None:
    """Run a command in the cluster's network, with KUBECONFIG and the programs on PATH."""
    places = default_places()
    if node.anchor_of(places) is None:
        raise ClusterError("the cluster is down; start it with `make cluster-up`")
    environment = engine.environment_of(places)
    if not pulumi:
        inside = engine.inside(command)
        os.execvpe(inside[0], inside, environment)  # noqa: S606 - no shell is wanted
    with (
        engine.attached(environment, engine.inside(())) as complete,
        subprocess.Popen(engine.inside(command), env=complete) as running,
    ):
        # Ctrl-C reaches the command by itself; this one waits for how it ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = running.wait()
    sys.exit(code)


if __name__ == "__main__":
    try:
        main()
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
