"""The body of a pull request: evidence, and nothing that acts as anything but text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fakes.sample_proof import sample_proof
from fakes.sample_run import sample_run
from scaleproof.report.findings import find
from scaleproof.report.outputs.pull_request import pull_request, said
from scaleproof.report.subject import Subject
from scaleproof.spec.errors import BadInputError


@pytest.fixture(scope="module")
def body(findings):
    return pull_request(findings)


def test_it_begins_with_the_verdict_and_the_load(body):
    lines = body.splitlines()
    assert lines[0] == "## ✅ Better"
    assert "The new policy is better and is now in force. Holds 10,000 users? Yes." in lines[2]
    assert "Measured with 10,000 users, shape spike, seed 7, target local, stack dev: one run each, indicative." in lines[2]


def test_every_figure_has_both_sides_and_an_interval(body, sample):
    rows = [line for line in body.splitlines() if line.startswith(("| Re", "| p95"))]
    assert [row.split(" | ")[0] for row in rows] == [
        "| Requests not served well",
        "| Reserved CPU, core-seconds",
        "| Replica-seconds",
        "| p95 latency",
    ]
    violation = sample[0].verdict.changes[0]
    assert violation.difference.value < 0
    assert f"−{abs(violation.difference.value * 100):.1f}"[:3] in rows[0]
    assert " points (−" in rows[0]
    assert rows[0].endswith("| yes, less |")
    assert all(" to " in row for row in rows)


def test_the_change_stands_in_a_table_and_as_a_diff(body):
    assert "| orders | least replicas | 1 | 5 |" in body
    assert "+          minReplicas: 5" in body
    assert "```diff" in body


def test_it_can_be_measured_again(body):
    assert "scaleproof prove --target local --stack dev --users 10000 --shape spike --seed 7 --indicative" in body
    assert "### What this does not say" in body
    assert "Indicative: each policy was measured once." in body


@pytest.mark.parametrize(
    ("decision", "title"),
    [
        ("not better", "## ❌ Not better: nothing to merge"),
        ("inconclusive", "## ❔ Inconclusive: nothing to merge yet"),
    ],
)
def test_a_policy_that_is_not_better_is_not_proposed(sample, decision, title):
    proof, runs = sample
    verdict = proof.verdict.model_copy(update={"decision": decision, "restored": True})
    subject = Subject.of_proof(proof.model_copy(update={"verdict": verdict, "in_force": "before"}), runs)
    assert pull_request(find(subject)).startswith(title)


def test_where_nothing_was_compared_the_figures_are_those_of_the_one_run():
    proof, runs = sample_proof(users=300)
    verdict = proof.verdict.model_copy(update={"decision": "unchanged", "changes": [], "runs": proof.verdict.runs[:1]})
    tuning = proof.tuning.model_copy(update={"changed": False, "after": proof.tuning.before, "diff": ""})
    subject = Subject.of_proof(proof.model_copy(update={"verdict": verdict, "tuning": tuning, "in_force": "before"}), runs)
    body = pull_request(find(subject))
    assert "Unchanged: nothing to merge" in body
    assert "|  | Measured |" in body
    assert "stack dev: one run." in body
    assert "### What changes" not in body
    assert "```diff" not in body


def test_a_run_is_no_proof():
    with pytest.raises(BadInputError, match="rests on a proof"):
        pull_request(find(Subject.of_run(sample_run(users=300))))


def test_credentials_and_hostile_names_do_nothing(findings):
    diff = "+  scaleproof:databaseUrl: postgresql://shop:hunter2@db/shop\n+```\n+@team"
    hostile = replace(
        findings,
        headline="<img src=x onerror=alert(1)> | @everyone closes #1 [x](http://evil.example) &commat;you www.evil.example",
        diff=diff,
        facts={"Machine": "password=hunter2 `rm -rf /`\n\n# heading"},
    )
    body = pull_request(hostile)
    assert "hunter2" not in body
    assert "````diff\n+  scaleproof:databaseUrl: postgresql://***@db/shop\n+```\n+@team\n````" in body
    assert re.search(r"(?<!\\)<img", body) is None
    for acting in ("@everyone", "#1 ", "[x](", "http://evil", "&commat;", "www.evil", "\n# heading"):
        assert acting not in body, acting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@team", "@&#8203;team"),
        ("a @ b", "a @ b"),
        ("fixes #12", "fixes &#35;&#8203;12"),
        ("AT&amp;T", "AT&amp;amp;T"),
        ("https://x.y/z", "https:&#8203;//x.y/z"),
        ("one\ntwo  three", "one two three"),
    ],
)
def test_text_is_what_it_reads(text, expected):
    assert said(text) == expected
