"""What every verb is written with: the table of contents, options that several share, and refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scaleproof import __version__
from scaleproof.spec.errors import BadInputError

if TYPE_CHECKING:
    from scaleproof.wiring import Project

Verb = TypeVar("Verb", bound=Callable[..., Any])

CHAPTERS: dict[str, tuple[str, ...]] = {
    "The loop": ("prove",),
    "A platform": ("up", "preview", "refresh", "status", "watch", "logs", "down"),
    "One step of the loop": ("load", "calibrate", "simulate", "tune", "report"),
    "Your own service": ("init", "lint", "check", "export", "plan"),
    "Questions": ("hpa", "schema"),
    "The reference platform": ("demo",),
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


def project_of(project: Path, stack: str, target: str) -> Project:
    """The project in a folder, with a target to work on."""
    from scaleproof.wiring import Project

    return Project.open(project, stack=stack, target=target)
