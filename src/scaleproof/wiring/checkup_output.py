"""Where the findings of `lint` and `check` go: the terminal, files for other programs, GitHub."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scaleproof import __version__
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.yaml_document import write_text

if TYPE_CHECKING:
    from scaleproof.report.checkup import Checkup


@dataclass(frozen=True)
class CheckupOutput:
    """The formats that were asked for."""

    sarif: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    github: bool = False
    """Annotations on standard output, and the markdown in the job's summary."""

    def show(self, checkup: Checkup) -> int:
        """Print and write everything; the verb's exit code. Raises BadInputError where a file cannot be written."""
        from scaleproof.report.annotations import github_annotations
        from scaleproof.report.checkup_lines import checkup_lines
        from scaleproof.report.findings_markdown import findings_markdown
        from scaleproof.report.junit import junit_xml
        from scaleproof.report.sarif import sarif_log

        click.echo("\n".join(checkup_lines(checkup)))
        if self.sarif is not None:
            write_text(self.sarif, sarif_log(checkup, version=__version__))
        if self.junit is not None:
            write_text(self.junit, junit_xml(checkup))
        if self.markdown is not None:
            write_text(self.markdown, findings_markdown(checkup))
        if self.github:
            click.echo("\n".join(github_annotations(checkup)))
            _append_summary(findings_markdown(checkup))
        return ExitCode.VERDICT_NO if checkup.failed else ExitCode.OK


def _append_summary(text: str) -> None:
    """To the file that GitHub names; other steps of the job write there, too."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInputError(f"{name}: cannot be written ({error.strerror})", hint="see $GITHUB_STEP_SUMMARY") from None
