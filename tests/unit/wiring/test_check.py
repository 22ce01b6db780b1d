"""`scaleproof check`: pull requests that break the platform are refused with the right rule or figure; unchanged ones pass."""

from __future__ import annotations

import json

import pytest

from fakes.gate_project import PLATFORM, POLICY, dearer, write_project
from fakes.world import policy
from scaleproof.spec.errors import BadInputError
from scaleproof.wiring.check import Question, check
from scaleproof.wiring.checkup_output import CheckupOutput
from scaleproof.wiring.lint_facts import Asked

SEEDS = 4


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """The text of the baseline of the project as it is."""
    folder = tmp_path_factory.mktemp("baseline")
    write_project(folder)
    code = check(Question(Asked(project=folder), write_baseline=True, seeds=SEEDS), CheckupOutput())
    assert code == 0
    return (folder / "scaleproof-baseline.json").read_text()


@pytest.fixture
def project(tmp_path, monkeypatch, baseline):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    (tmp_path / "scaleproof-baseline.json").write_text(baseline)
    return tmp_path


def ask(project, **options):
    return Question(Asked(project=project), **{"seeds": SEEDS, **options})


def rules_of(project, **options) -> tuple[int, set[str]]:
    """The exit code, and the ids of the errors."""
    code = check(ask(project, **options), CheckupOutput(sarif=project / "out.sarif"))
    results = json.loads((project / "out.sarif").read_text())["runs"][0]["results"]
    return code, {result["ruleId"] for result in results if result["level"] == "error"}


def test_nothing_changed(project, capsys):
    assert rules_of(project) == (0, set())
    assert "cost, core-seconds (simulated)" in capsys.readouterr().out


def test_half_the_replicas(project):
    write_project(project, stack=policy(orders=(2, 2), dashboard=(2, 3), target=70))
    code, errors = rules_of(project)
    assert code == 1
    assert {"max-replicas-below-need", "slo-missed", "violation-regression"} <= errors


def test_twice_the_cpu_a_request(project, capsys):
    write_project(project, known=dearer(2.0))
    code, errors = rules_of(project, explain=True)
    assert code == 1
    assert "cpu-per-request-regression" in errors
    text = capsys.readouterr().out
    assert "orders: cpu per request 6 ms → 12 ms" in text
    assert "calibration: orders: cpu per request 6 ms → 12 ms, capacity of a replica 20 requests/s → 10 requests/s" in text
    assert "with the baseline's calibration and everything else as it is now" in text


def test_a_connection_leak(project):
    services = {**PLATFORM["services"], "orders": {**PLATFORM["services"]["orders"], "postgres_connections": 40}}
    write_project(project, platform={**PLATFORM, "services": services})
    assert rules_of(project) == (1, {"connections-over-database-limit"})


def test_a_dearer_policy(project):
    write_project(project, stack=policy(orders=(6, 6), dashboard=(3, 3), target=70))
    code, errors = rules_of(project)
    assert code == 1
    assert "cost-regression" in errors
    assert "violation-regression" not in errors


def test_a_limit_that_was_never_measured(project):
    orders = POLICY.services["orders"]
    limits = orders.resources.limits.model_copy(update={"cpu": "300m"})
    orders = orders.model_copy(update={"resources": orders.resources.model_copy(update={"limits": limits})})
    write_project(project, stack=POLICY.model_copy(update={"services": {**POLICY.services, "orders": orders}}))
    code, errors = rules_of(project)
    assert code == 1
    assert {"simulation-refused", "calibration-of-other-limits"} <= errors


def test_another_load_is_not_compared(project, capsys):
    write_project(project, platform={**PLATFORM, "load": {**PLATFORM["load"], "users": 900}})
    assert rules_of(project) == (1, {"baseline-of-another-load"})
    assert "users 1,200 → 900" in capsys.readouterr().out


def test_no_baseline_is_no_comparison(project, capsys):
    (project / "scaleproof-baseline.json").unlink()
    assert rules_of(project) == (0, set())
    assert "nothing to compare with" in capsys.readouterr().out


def test_a_baseline_that_was_written_accepts_what_it_holds(project, capsys):
    write_project(project, stack=policy(orders=(6, 6), dashboard=(3, 3), target=70))
    assert rules_of(project, write_baseline=True)[0] == 0
    assert "baseline: scaleproof-baseline.json" in capsys.readouterr().out
    assert rules_of(project) == (0, set())


def test_what_a_check_needs(project, tmp_path):
    (project / "scaleproof-calibration.json").unlink()
    with pytest.raises(BadInputError, match=r"scaleproof-calibration.json: no such file"):
        check(ask(project), CheckupOutput())
    write_project(project)
    (project / "locustfile.py").unlink()
    with pytest.raises(BadInputError, match="the load could not be drawn"):
        check(ask(project), CheckupOutput())
