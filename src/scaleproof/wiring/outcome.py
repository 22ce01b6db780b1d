"""What a verb leaves: run folders and proofs, `runs/latest`, and the report."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from scaleproof.spec.errors import ExitCode

ReportFormat = Literal["html", "md", "json"]


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
