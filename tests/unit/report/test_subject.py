"""What a report is about, read from folders."""

from dataclasses import replace

import pytest

from fakes.sample_proof import sample_proof
from fakes.sample_run import sample_run
from scaleproof.report.render import render_report
from scaleproof.report.subject import Subject, read_subject
from scaleproof.spec.errors import BadInputError
from scaleproof.telemetry.run import write_run
from scaleproof.tuner.results import write_proof


def test_a_proof_folder_is_read_with_its_runs(sample, tmp_path):
    proof, runs = sample
    write_proof(proof, tmp_path)
    for folder, run in runs.items():
        write_run(run, tmp_path / folder)
    subject = read_subject([tmp_path])
    assert subject.kind == "proof"
    assert [side.name for side in subject.sides] == ["before", "after"]
    assert subject.sides[1].prediction.label == "after"
    assert "Holds 10,000 users? Yes" in render_report(subject, format="md").replace("\\", "")


def test_a_proof_whose_before_run_is_gone_shows_the_other(sample):
    proof, runs = sample
    (side,) = Subject.of_proof(proof, {"B1": runs["B1"]}).sides
    assert side.run is runs["B1"]
    with pytest.raises(BadInputError, match="none of the proof's runs"):
        Subject.of_proof(proof, {})


def test_run_folders(sample, tmp_path):
    _, runs = sample
    folders = [write_run(run, tmp_path / name) for name, run in runs.items()]
    assert read_subject(folders[:1]).kind == "run"
    assert read_subject(folders).kind == "comparison"


def test_what_cannot_be_read_says_so(tmp_path):
    with pytest.raises(BadInputError, match=r"neither a proof .* nor a run"):
        read_subject([tmp_path])
    with pytest.raises(BadInputError, match="3 folders given"):
        read_subject([tmp_path] * 3)


def test_runs_of_different_loads_are_not_compared():
    run = sample_run(users=300)
    other = replace(run, meta=run.meta.model_copy(update={"users": 301, "seed": 8}))
    with pytest.raises(BadInputError, match="differ in users, seed"):
        Subject.of_two(run, other)


def test_a_proof_that_changed_nothing_has_one_side():
    proof, runs = sample_proof(users=300)
    verdict = proof.verdict.model_copy(update={"decision": "unchanged", "runs": proof.verdict.runs[:1], "changes": []})
    tuning = proof.tuning.model_copy(update={"changed": False, "after": proof.tuning.before, "diff": ""})
    proof = proof.model_copy(update={"verdict": verdict, "tuning": tuning, "in_force": "before"})
    text = render_report(Subject.of_proof(proof, runs), format="html")
    assert "The policy stays as it is" in text
    assert 'id="policy"' not in text
