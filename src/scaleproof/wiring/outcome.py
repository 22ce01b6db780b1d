"""What a verb prints and leaves: status and logs, run folders and proofs, `runs/latest`, and the report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from scaleproof.spec.errors import ExitCode

ReportFormat = Literal["html", "md", "json"]


def show_status(state: Mapping[str, Any] | None, *, as_json: bool, absent: str) -> int:
    """Print what runs; `absent` is what to say to a person where nothing does, which is exit code 1."""
    from scaleproof.report.status import status_lines

    if as_json:
        click.echo(json.dumps(state, indent=2))
    else:
        click.echo(absent if state is None else "\n".join(status_lines(state)))
    return ExitCode.OK if state is not None else ExitCode.VERDICT_NO


def show_logs(found: Mapping[str, Sequence[str]]) -> int:
    """Print the last lines of each component."""
    from scaleproof.report.log_line import readable

    for name, last in found.items():
        click.secho(f"== {name}", bold=True)
        click.echo("\n".join(readable(line) for line in last))
    return ExitCode.OK


def report(folders: tuple[Path, ...], *, format_: ReportFormat, output: Path | None) -> int:
    """Render a proof, a run, or two runs."""
    click.echo(f"report: {relative(write_report(folders, format_, output))}")
    return ExitCode.OK


def write_report(folders: tuple[Path, ...], format_: ReportFormat, output: Path | None) -> Path:
    """The report's file, beside the last folder unless `output` says where."""
    from scaleproof.report.render import render_report
    from scaleproof.report.subject import read_subject
    from scaleproof.spec.yaml_document import write_text

    text = render_report(read_subject(list(folders)), format=format_)
    file = output or folders[-1] / f"report.{format_}"
    write_text(file, text)
    return file


def proof_folder(runs: Path) -> Path:
    """A new folder for a proof, named by the time."""
    folder = runs / datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S-proof")
    folder.mkdir(parents=True)
    return folder


def relative(file: Path) -> Path:
    """As a person in this folder would name it."""
    try:
        return file.absolute().relative_to(Path.cwd())
    except ValueError:
        return file


def point_latest_at(runs: Path, folder: Path | None) -> None:
    """`runs/latest` names the newest run or proof."""
    if folder is None:
        return
    link, unfinished = runs / "latest", runs / f".latest.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(folder.name)
    unfinished.replace(link)
