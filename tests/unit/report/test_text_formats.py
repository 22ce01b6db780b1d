"""The report as markdown and as JSON, and what verbs print."""

import json
from dataclasses import replace

from fakes.sample_proof import sample_calibration
from fakes.sample_run import sample_policy, sample_run
from scaleproof.report.findings import find
from scaleproof.report.json_report import json_report
from scaleproof.report.markdown import markdown_report
from scaleproof.report.subject import Subject
from scaleproof.report.terminal import (
    calibration_lines,
    prediction_lines,
    proof_lines,
    summary_lines,
    tuning_lines,
    verdict_lines,
)
from scaleproof.telemetry.summary import summarise


def test_markdown_begins_with_the_answer(findings):
    lines = markdown_report(findings).splitlines()
    assert lines[0] == "# ✅ Holds 10,000 users? Yes (indicative)"
    assert lines[2] == "The new policy is better and is now in force."
    assert any(line.startswith("| Reserved CPU, core-seconds | 187 |") for line in lines)
    assert "```diff" in lines


def test_markdown_of_one_run_has_one_column_of_figures():
    assert "|  | Measured |" in markdown_report(find(Subject.of_run(sample_run(users=300))))


def test_markdown_escapes_and_outgrows_fences(findings):
    hostile = replace(findings, headline="a | b <script> `x` *y*", diff="+```\n+text")
    text = markdown_report(hostile)
    assert r"a \| b \<script\> \`x\` \*y\*" in text
    assert "````diff\n+```\n+text\n````" in text


def test_json_has_codes_and_no_nan(findings):
    document = json.loads(json_report(findings), parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert (document["version"], document["kind"], document["answer"]) == (1, "proof", "yes")
    assert [figure["code"] for figure in document["key_figures"]] == ["violation", "cost", "p95_seconds", "served_at_peak"]
    assert {"verdict-reason", "peak", "dip", "capacity"} <= {finding["code"] for finding in document["findings"]}
    assert document["runs"][1]["summary"]["violation"]["intended"] > 30_000


def test_json_of_a_run_without_answers_is_still_json():
    run = sample_run(users=300)
    empty = replace(run, tables={name: frame.iloc[:0] for name, frame in run.tables.items()})
    document = json.loads(json_report(find(Subject.of_run(empty))))
    assert document["runs"][0]["summary"]["latency"]["p95_s"] is None


def test_a_run_on_the_terminal():
    lines = summary_lines(summarise(sample_run(overloaded_seconds=20)))
    assert lines[0].split() == ["service", "served", "well", "promise", "p50", "p95", "core-s", "most", "replicas"]
    assert "MISSED" in lines[1]
    assert lines[3].startswith("peak: 10,000 users, 332 requests/s")
    assert lines[4].startswith("cost: 187 core-seconds")
    assert any(line.startswith("errors: HTTP 504") for line in lines)
    assert lines[-1] == "disturbed: 8.7 % of the seconds (host-cpu 20 s): too many for a verdict"
    assert not any("\x1b" in line for line in lines)


def test_an_interrupted_run_on_the_terminal():
    run = sample_run(users=300, policy=sample_policy(min_replicas=5))
    run = replace(run, meta=run.meta.model_copy(update={"interrupted": True}))
    lines = summary_lines(summarise(run))
    assert lines[-1] == "interrupted before its end"
    assert "kept" in lines[1]


def test_columns_are_aligned():
    lines = calibration_lines(sample_calibration())
    at = lines[0].index("capacity")
    assert lines[1][at:].startswith("52 (49.9 to 54.1) /s")
    assert lines[2][at:].startswith("44 (42.2 to 45.8) /s")
    assert lines[-1] == "orders: more replicas stop helping because they share PostgreSQL"


def test_tuning_on_the_terminal(sample):
    tuning = sample[0].tuning
    lines = tuning_lines(tuning)
    assert lines[1].split() == ["dashboard", "least", "replicas", "1", "2"]
    assert "expected cost: 148 (144 to 152) → 134 (131 to 137) core-seconds" in lines
    assert tuning_lines(tuning.model_copy(update={"changed": False})) == [
        "The policy stays as it is: no change is worth more than the measurement's noise."
    ]
    assert tuning_lines(tuning.model_copy(update={"feasible": False, "infeasible_reason": "too small"})) == ["Too small."]


def test_a_verdict_on_the_terminal(sample):
    proof, _ = sample
    lines = proof_lines(proof)
    assert lines[:2] == ["Holds 10,000 users? Yes", "verdict: better (indicative)"]
    assert any(line.startswith("violation") and "points" in line for line in lines)
    restored = proof.verdict.model_copy(update={"restored": True})
    assert verdict_lines(restored)[-1].startswith("The stack file and the running policy went back")
    marked = [run.model_copy(update={"marked_share": 0.1}) for run in proof.verdict.runs]
    disturbed = proof.model_copy(update={"verdict": proof.verdict.model_copy(update={"runs": marked})})
    assert proof_lines(disturbed)[0] == "Holds 10,000 users? Could not measure"


def test_a_prediction_on_the_terminal(sample):
    lines = prediction_lines(sample[0].predictions[0])
    assert lines[0].split() == ["simulated", "90", "%", "interval"]
    assert any(line.startswith("p95 of orders") for line in lines)
