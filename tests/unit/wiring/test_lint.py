"""`scaleproof lint`: what is read, what it prints and writes, its exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from fakes import rule_facts
from fakes.gate_project import PLATFORM, write_project
from fakes.world import policy
from scaleproof.spec.errors import BadInputError
from scaleproof.wiring.checkup_output import CheckupOutput
from scaleproof.wiring.lint import lint
from scaleproof.wiring.lint_facts import Asked


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    write_project(tmp_path)
    return tmp_path


def asked(project, **options):
    return Asked(project=project, **options)


def test_a_project_that_holds(project, capsys):
    assert lint(asked(project), CheckupOutput()) == 0
    assert "lint: 0 errors" in capsys.readouterr().out


def test_too_few_replicas_for_the_spec_s_users(project, capsys):
    write_project(project, stack=policy(orders=(2, 2), dashboard=(2, 3)))
    assert lint(asked(project), CheckupOutput()) == 1
    text = capsys.readouterr().out
    assert "error: Pulumi.dev.yaml:" in text
    assert "[max-replicas-below-need]" in text


def test_more_users_than_the_spec_s(project, capsys):
    assert lint(asked(project, users=6000), CheckupOutput()) == 1
    assert "the peak of 6,000 users" in capsys.readouterr().out


def test_without_a_calibration_other_rules_are_still_asked(project, capsys):
    (project / "scaleproof-calibration.json").unlink()
    broken = {**PLATFORM, "postgres": {"max_connections": 20}}
    write_project(project, platform=broken)
    (project / "scaleproof-calibration.json").unlink()
    assert lint(asked(project), CheckupOutput()) == 1
    text = capsys.readouterr().out
    assert "[connections-over-database-limit]" in text
    assert "note: no scaleproof-calibration.json" in text


def test_without_a_locustfile_rules_about_the_peak_are_not_asked(project, capsys):
    (project / "locustfile.py").unlink()
    assert lint(asked(project), CheckupOutput()) == 0
    assert "the load could not be drawn" in capsys.readouterr().out


def test_manifests_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rule_facts.write(tmp_path, manifests={"deployment.spec.replicas": 3})
    (tmp_path / "platform.yaml").unlink()
    assert lint(asked(tmp_path, manifests=(tmp_path / "manifests.yaml",)), CheckupOutput()) == 1
    text = capsys.readouterr().out
    assert "error: manifests.yaml:" in text
    assert "[replicas-beside-autoscaler]" in text
    assert "note: no platform.yaml" in text


def test_nothing_to_look_at(tmp_path):
    with pytest.raises(BadInputError, match=r"platform.yaml: no such file"):
        lint(asked(tmp_path), CheckupOutput())


def test_a_rule_that_is_meant_to_be_broken(project, capsys):
    reason = "a shop for trying out, which nobody relies on"
    write_project(
        project, platform={**PLATFORM, "check": {"ignore": {"max-replicas-below-need": reason}}}, stack=policy(orders=(2, 2))
    )
    assert lint(asked(project), CheckupOutput(junit=project / "j.xml")) == 0
    assert "1 ignored" in capsys.readouterr().out
    assert any(skipped.attrib["message"] == reason for skipped in ET.parse(project / "j.xml").iter("skipped"))
    assert lint(asked(project, ignore=("single-replica",)), CheckupOutput()) == 0


def test_an_unknown_rule_cannot_be_ignored(project):
    with pytest.raises(BadInputError, match="'single-replicas' is no rule") as caught:
        lint(asked(project, ignore=("single-replicas",)), CheckupOutput())
    assert caught.value.hint == "did you mean single-replica?"
    write_project(project, platform={**PLATFORM, "check": {"ignore": {"no-such": "because of this"}}})
    with pytest.raises(BadInputError, match=r"check\.ignore: 'no-such' is no rule"):
        lint(asked(project), CheckupOutput())


def test_all_formats(project, monkeypatch, capsys):
    summary = project / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write_project(project, stack=policy(orders=(2, 2)))
    files = {name: project / f"out.{name}" for name in ("sarif", "junit", "markdown")}
    assert lint(asked(project), CheckupOutput(**files, github=True)) == 1
    log = json.loads(files["sarif"].read_text())
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in log["runs"][0]["results"]}
    assert "Pulumi.dev.yaml" in uris
    assert int(ET.parse(files["junit"]).getroot().attrib["failures"]) >= 1
    assert "scaleproof lint: no" in files["markdown"].read_text()
    assert summary.read_text().startswith("before\n")
    assert "scaleproof lint: no" in summary.read_text()
    assert "::error file=Pulumi.dev.yaml,line=" in capsys.readouterr().out


def test_a_folder_that_is_not_there_to_write_to(project):
    with pytest.raises(BadInputError, match="cannot be written"):
        lint(asked(project), CheckupOutput(sarif=project / "none/out.sarif"))
