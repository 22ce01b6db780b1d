"""One call for every format of the report."""

from __future__ import annotations

from typing import Final, Literal

from scaleproof.report.findings import find
from scaleproof.report.html import html_report
from scaleproof.report.json_report import json_report
from scaleproof.report.markdown import markdown_report
from scaleproof.report.subject import Subject

Format = Literal["html", "md", "json"]
FORMATS: Final[tuple[Format, ...]] = ("html", "md", "json")


def render_report(subject: Subject, *, format: Format = "html") -> str:  # noqa: A002  the verb's own option is --format
    """The report about the subject (`Subject.of_proof`, `.of_run`, `.of_two`, or `read_subject(folders)`) as text."""
    findings = find(subject)
    if format == "json":
        return json_report(findings)
    if format == "md":
        return markdown_report(findings)
    return html_report(findings)
