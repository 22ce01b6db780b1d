"""What a report says, as data."""

from dataclasses import replace

import pytest

from fakes.sample_proof import sample_proof
from fakes.sample_run import Crash, sample_policy, sample_run
from scaleproof.report.findings import find
from scaleproof.report.subject import Subject

STRONG = sample_policy(target=60, min_replicas=5)


def by_code(findings, code):
    return [finding for finding in findings.findings if finding.code == code]


@pytest.mark.parametrize(
    ("gloss", "options", "answer", "headline"),
    [
        ("enough replicas from the start", {"policy": STRONG}, "yes", "every service kept its promise"),
        ("too few for the spike", {}, "no", "orders and dashboard did not keep their promise"),
        (
            "the machine was overloaded for 20 s",
            {"policy": STRONG, "overloaded_seconds": 20},
            "could not measure",
            "No verdict",
        ),
        ("overloaded for 2 s of 230", {"policy": STRONG, "overloaded_seconds": 2}, "yes", "every service"),
    ],
)
def test_one_run_answers_the_question(gloss, options, answer, headline):
    findings = find(Subject.of_run(sample_run(**options)))
    assert findings.question == "Holds 10,000 users?"
    assert (findings.answer, headline in findings.headline) == (answer, True), gloss


def test_an_interrupted_run_gives_no_verdict():
    run = sample_run(policy=STRONG, users=300)
    run = replace(run, meta=run.meta.model_copy(update={"interrupted": True}))
    findings = find(Subject.of_run(run))
    assert findings.answer == "could not measure"
    assert "interrupted" in findings.headline
    assert findings.labels == ("interrupted",)
    assert any("interrupted" in note for note in findings.not_measured)


def test_a_better_policy(findings):
    assert findings.answer == "yes"
    assert findings.labels == ("indicative",)
    assert findings.headline == "The new policy is better and is now in force."
    assert "least replicas 1 → 5" in findings.change
    violation, spent, p95, served = findings.key_figures
    assert (violation.code, violation.better) == ("violation", True)
    assert violation.before > 0.5 > violation.after
    assert spent.better is (spent.after < spent.before)
    assert p95.after_text.endswith("ms")
    assert served.better is True


def test_a_figure_within_the_noise_is_neither_better_nor_worse(sample):
    proof, runs = sample
    changes = [change.model_copy(update={"significant": False}) for change in proof.verdict.changes]
    proof = proof.model_copy(update={"verdict": proof.verdict.model_copy(update={"changes": changes})})
    figures = {figure.code: figure.better for figure in find(Subject.of_proof(proof, runs)).key_figures}
    assert figures["violation"] is None
    assert figures["cost"] is None


@pytest.mark.parametrize(
    ("decision", "restored", "headline"),
    [
        ("not better", True, "The new policy was not better; the old one is back in force."),
        ("not better", False, "The new policy was not better."),
        ("inconclusive", True, "Whether the new policy is better could not be decided; the old one is back in force."),
        ("unchanged", False, "The policy stays as it is."),
    ],
)
def test_every_decision_has_its_headline(sample, decision, restored, headline):
    proof, runs = sample
    verdict = proof.verdict.model_copy(update={"decision": decision, "restored": restored})
    assert find(Subject.of_proof(proof.model_copy(update={"verdict": verdict}), runs)).headline == headline


def test_a_disturbed_run_in_force_means_no_answer(sample):
    proof, runs = sample
    disturbed = [run.model_copy(update={"marked_share": 0.03}) for run in proof.verdict.runs]
    proof = proof.model_copy(update={"verdict": proof.verdict.model_copy(update={"runs": disturbed})})
    findings = find(Subject.of_proof(proof, runs))
    assert findings.answer == "could not measure"
    assert "disturbed" in findings.headline


def test_an_infeasible_goal_is_said(sample):
    proof, runs = sample
    tuning = proof.tuning.model_copy(update={"feasible": False, "infeasible_reason": "orders needs 9 replicas, 6 fit"})
    tuning = tuning.model_copy(update={"changed": False, "after": tuning.before, "diff": ""})
    findings = find(Subject.of_proof(proof.model_copy(update={"tuning": tuning}), runs))
    (finding,) = by_code(findings, "infeasible")
    assert finding.sentence == "orders needs 9 replicas, 6 fit."
    assert findings.headline == "No policy was found that keeps the SLO with the margin; the policy stays as it is."
    assert findings.change is None


def test_a_crash_is_a_sentence_with_its_evidence():
    (dip,) = by_code(find(Subject.of_run(sample_run(crash=Crash(60.0)))), "dip")
    assert dip.sentence.startswith("orders-0 crashed at 1:00 and was back after 6 s;")
    assert dip.evidence["bad"] > 0


def test_sentences_of_two_runs_say_which_one(findings):
    assert {finding.side for finding in by_code(findings, "peak")} == {"Before", "After"}
    assert {finding.side for finding in by_code(findings, "capacity")} == {None}
    (bottleneck,) = by_code(findings, "bottleneck")
    assert "PostgreSQL" in bottleneck.sentence


def test_what_the_instruments_took_is_said_where_it_was_measured():
    run = sample_run(policy=STRONG)
    (instrument,) = by_code(find(Subject.of_run(run)), "instrument")
    assert instrument.sentence.startswith("The load generator and the gateway took 0.37 cores (p95) and 360 MiB; from sending")
    bare = {name: frame.iloc[:0] if name in {"host", "gateway"} else frame for name, frame in run.tables.items()}
    assert by_code(find(Subject.of_run(replace(run, tables=bare))), "instrument") == []


def test_cost_counts_for_both_until_the_same_time(findings):
    until = {side.summary.cost.until_s for side in findings.sides}
    assert len(until) == 1


def test_tables_hold_what_the_charts_show(findings):
    tables = {table.code: table for table in findings.tables}
    assert set(tables) == {
        "promises", "policy", "predictions", "frontier", "sensitivity", "calibration", "runs", "events", "decisions",
    }  # fmt: skip
    for table in findings.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.code
    inside = [row[-1] for row in tables["predictions"].rows]
    assert set(inside) == {"yes", "no"}
    assert [row[:2] for row in tables["promises"].rows] == [
        ("orders", "Before"), ("orders", "After"), ("dashboard", "Before"), ("dashboard", "After"),
    ]  # fmt: skip


def test_commands_repeat_the_report(findings):
    assert findings.commands == (
        "scaleproof prove --target local --stack dev --users 10000 --shape spike --seed 7 --indicative",
        "scaleproof report runs/latest",
    )
    proof, runs = sample_proof(users=300)
    proof = proof.model_copy(update={"verdict": proof.verdict.model_copy(update={"indicative": False})})
    assert "--pairs 1" in find(Subject.of_proof(proof, runs)).commands[0]
    alone = find(Subject.of_run(sample_run(users=300, label="it's"), folder="runs/a b"))
    assert alone.commands[-1] == "scaleproof report 'runs/a b'"


def test_only_the_verdict_itself_is_good_news_and_not_each_of_its_figures():
    proof, runs = sample_proof()
    found = [finding for finding in find(Subject.of_proof(proof, runs)).findings if finding.code == "verdict-reason"]
    assert proof.verdict.decision == "better"
    assert [finding.tone for finding in found] == ["good", *["neutral"] * (len(proof.verdict.reasons) - 1)]
