"""The verb that looks on."""

from __future__ import annotations

from pathlib import Path

import click

from scaleproof.cli.contents import cli, example, project_of, project_options


@cli.command()
@project_options
@click.option("--interval", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
@example(
    "scaleproof watch --stack dev                # in a second terminal, while load or prove runs",
    "scaleproof watch --target kube --stack dev",
    "scaleproof watch --once --json",
)
def watch(project: Path, stack: str, target: str, interval: float, *, once: bool, as_json: bool) -> int:
    """Watch what runs: load, latency, replicas, the autoscaler's reasons, the SLO, now. Ctrl-C ends it.

    On a terminal it takes the whole screen; elsewhere it prints a line a service. Exits 3 where nothing runs.
    """
    from scaleproof.wiring.live import WatchAsked
    from scaleproof.wiring.live import watch as look_on

    return look_on(project_of(project, stack, target), WatchAsked(interval, once, as_json))
