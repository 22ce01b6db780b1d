"""`watch`: readings of a running platform, one after the other, on a screen of their own or as lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from scaleproof.spec.errors import CannotMeasureError, ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from scaleproof.report.live import Heading
    from scaleproof.telemetry.live import History, Reading, Snapshot
    from scaleproof.wiring.project import Project


@dataclass(frozen=True)
class WatchAsked:
    """The verb's options."""

    interval_seconds: float = 1.0
    once: bool = False
    as_json: bool = False


def watch(
    project: Project,
    asked: WatchAsked,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Show what runs until Ctrl-C, until the platform ends, or once. Raises CannotMeasureError where nothing runs."""
    from rich.console import Console

    from scaleproof.report.live import Heading
    from scaleproof.telemetry.live import History

    console = Console()
    history = History(project.platform)
    with project.target.watching() as look:
        # Two readings make a rate; and what does not run is said at once.
        for pause in (0.0, asked.interval_seconds):
            sleep(pause)
            reading = look(clock())
            if reading is None:
                raise CannotMeasureError(
                    f"no platform of stack {project.stack} runs", hint=f"start it with: {project.target.start_command}"
                )
            history.add(reading)
        heading = Heading(project.platform.name, project.stack, project.target.name, project.target.url)
        whole_screen = console.is_terminal and not (console.is_dumb_terminal or asked.once or asked.as_json)
        view: _Screen | _Lines = _Screen(console, heading) if whole_screen else _Lines(heading, asked)
        with view:
            view.show(history.snapshot())
            while not asked.once:
                sleep(asked.interval_seconds)
                if not _look_again(lambda: look(clock()), history, view):
                    break
    if not asked.once:
        click.echo(f"the platform of stack {project.stack} has ended", err=True)
    return ExitCode.OK


def _look_again(look: Callable[[], Reading | None], history: History, view: _Screen | _Lines) -> bool:
    """Whether the platform is still there. One that does not answer for a moment is shown as it was, with the reason."""
    try:
        reading = look()
    except CannotMeasureError as error:
        view.show(history.snapshot(), trouble=error.message)
        return True
    if reading is None:
        return False
    history.add(reading)
    view.show(history.snapshot())
    return True


class _Screen:
    """The terminal's second screen, which vanishes with the context: what was typed before is there again."""

    def __init__(self, console: Console, heading: Heading) -> None:
        from rich.live import Live

        self._console = console
        self._heading = heading
        self._live = Live(console=console, screen=True, auto_refresh=False, transient=True)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot, trouble: str | None = None) -> None:
        """Replace what is shown."""
        from rich.console import Group

        from scaleproof.report.live import screen_lines

        lines = screen_lines(snapshot, replace(self._heading, trouble=trouble), self._console.width)
        self._live.update(Group(*lines), refresh=True)


class _Lines:
    """Lines on standard output: for a pipe, a log, or a program."""

    def __init__(self, heading: Heading, asked: WatchAsked) -> None:
        self._heading = heading
        self._asked = asked

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return

    def show(self, snapshot: Snapshot, trouble: str | None = None) -> None:
        """Add to what was said."""
        from scaleproof.report.live import json_line, plain_lines

        if trouble is not None:
            click.echo(f"not seen: {trouble}", err=True)
            return
        if self._asked.as_json:
            click.echo(json_line(snapshot, self._heading))
        else:
            click.echo("\n".join(plain_lines(snapshot)))
        sys.stdout.flush()
