"""Calls a request in a report."""

import json
from dataclasses import replace

from fakes.sample_run import sample_run
from scaleproof.report.findings import find
from scaleproof.report.html import html_report
from scaleproof.report.json_report import json_report
from scaleproof.report.markdown import markdown_report
from scaleproof.report.subject import Subject
from scaleproof.telemetry.run import read_run, write_run
from scaleproof.telemetry.spans import Span, span_table

ENTRY = "GET /api/v1/dashboard/overview"
SENTENCE = f"dashboard calls orders 4.0 times to serve one {ENTRY}"


def run_with(calls):
    """A small run in which serving one request made so many calls."""
    run = sample_run(users=300)
    start = run.meta.started_at
    spans = [Span("t", "e", "", "dashboard", ENTRY, "server", start + 1, 0.1, 200, False, "")]
    spans += [
        Span("t", f"c{number}", "e", "dashboard", "GET orders", "client", start + 1, 0.01, 200, False, "orders")
        for number in range(calls)
    ]
    return replace(run, tables={**run.tables, "spans": span_table(spans, start)})


def test_a_chatty_edge_is_named_everywhere(tmp_path):
    written = read_run(write_run(run_with(4), tmp_path / "run"))
    findings = find(Subject.of_run(written))
    (chatty,) = [finding for finding in findings.findings if finding.code == "chatty-edge"]
    assert chatty.sentence.startswith(SENTENCE)
    assert chatty.tone == "caution"
    for text in (markdown_report(findings), html_report(findings)):
        assert SENTENCE in text
        assert "Calls between services" in text
        assert "dashboard → orders" in text
    (table,) = [table for table in json.loads(json_report(findings))["tables"] if table["code"] == "calls"]
    assert table["rows"] == [["Measured", ENTRY, "dashboard → orders", "4.0", "1", "0", "yes"]]


def test_two_calls_are_told_and_nobody_is_warned():
    findings = find(Subject.of_run(run_with(2)))
    assert not [finding for finding in findings.findings if finding.code == "chatty-edge"]
    (table,) = [table for table in findings.tables if table.code == "calls"]
    assert table.rows == (("Measured", ENTRY, "dashboard → orders", "2.0", "1", "0", "no"),)


def test_without_traces_there_is_no_file_and_no_table(tmp_path):
    run = sample_run(users=300)
    folder = write_run(run, tmp_path / "run")
    assert not (folder / "spans.parquet").exists()
    findings = find(Subject.of_run(read_run(folder)))
    assert not [table for table in findings.tables if table.code == "calls"]
    assert "Calls between services" not in html_report(findings)
