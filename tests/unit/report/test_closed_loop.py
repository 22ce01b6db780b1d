"""A closed loop says of itself what it is, wherever its figures are shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from fakes.sample_run import sample_run
from scaleproof.report.findings import find
from scaleproof.report.html import html_report
from scaleproof.report.json_report import json_report
from scaleproof.report.markdown import markdown_report
from scaleproof.report.subject import Subject
from scaleproof.report.terminal import summary_lines
from scaleproof.spec.errors import BadInputError
from scaleproof.telemetry.run import read_run, write_run
from scaleproof.telemetry.summary import summarise
from scaleproof.tuner.growth_plan.shared_costs import shares_of_run


def closed(run, **changes):
    meta = run.meta.model_copy(update={"closed_loop": True, "locustfile": "tests/locustfile.py", **changes})
    return replace(run, meta=meta)


@pytest.fixture(scope="module")
def run():
    return sample_run()


@pytest.fixture(scope="module")
def findings(run):
    return find(Subject.of_run(closed(run)))


def test_the_run_keeps_it(run, tmp_path):
    write_run(closed(run), tmp_path / "run")
    meta = read_run(tmp_path / "run").meta
    assert (meta.closed_loop, meta.locustfile) == (True, "tests/locustfile.py")
    write_run(run, tmp_path / "drawn")
    assert read_run(tmp_path / "drawn").meta.closed_loop is False


def test_the_terminal_says_it(run):
    said = "\n".join(summary_lines(summarise(closed(run))))
    assert "closed loop: users waited for their answers, so a slow moment meant fewer requests" in said
    assert "closed loop" not in "\n".join(summary_lines(summarise(run)))


def test_every_report_says_it(findings):
    assert "closed loop" in findings.labels
    assert "sent requests were served well" in findings.headline
    for text in (markdown_report(findings), html_report(findings), json_report(findings)):
        assert "closed loop" in text.lower()
        assert "coordinated omission" in text
    assert "closed loop" in json.loads(json_report(findings))["labels"]


def test_the_load_can_be_sent_again(findings):
    assert any("--locustfile tests/locustfile.py" in command for command in findings.commands)


def test_it_is_not_compared_with_a_load_that_was_drawn(run):
    with pytest.raises(BadInputError, match="one is a closed loop, the other was drawn in advance"):
        Subject.of_two(run, closed(run))
    assert Subject.of_two(closed(run), closed(run)).kind == "comparison"


def test_requests_that_no_service_serves_are_counted_apart(run):
    requests = run.tables["requests"]
    schedule = run.tables["schedule"].assign(service=lambda frame: frame["service"].where(frame.index >= 7, None))
    lost = replace(run, tables={**run.tables, "schedule": schedule, "requests": pd.DataFrame(requests)})
    summary = summarise(lost)
    assert summary.unrouted == 7
    assert any(line.startswith("7 requests went to paths that no service's routes serve") for line in summary_lines(summary))
    assert summarise(run).unrouted == 0


def test_a_plan_takes_its_mix_from_what_services_served(run):
    lost = run.tables["requests"].assign(service=lambda frame: frame["service"].where(frame.index >= 7, ""))
    shares = shares_of_run(replace(closed(run), tables={**run.tables, "requests": lost}))
    assert set(shares) == {"orders", "dashboard"}
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
