"""`tune --trace` from a shell: what is printed is a policy that `simulate` finds holding, and stays when asked again."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scaleproof.cli import main
from scaleproof.spec.autoscaler_file import read_autoscaler

SERVICE = {
    "version": 1,
    "cpu_seconds_per_request": 0.0025,
    "capacity_per_second": 140,
    "request_millicores": 250,
    "limit_millicores": 500,
    "start_seconds": [15, 25],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "service.json").write_text(json.dumps(SERVICE))
    seconds = np.arange(900)
    rates = 500 + 300 * np.sin(seconds / 150) + 10 * np.random.default_rng(1).standard_normal(900)
    rows = "\n".join(f"{second},{rate:.1f}" for second, rate in zip(seconds, rates, strict=True))
    (tmp_path / "trace.csv").write_text(f"second,requests_per_second\n{rows}\n")
    return tmp_path


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    """A verb in this process, which has imported everything after the first test; typed in `folder`."""

    def run(verb: str, *more: str):
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            main([verb, "--trace", "trace.csv", "--calibration", "service.json", *more])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code, stdout=printed.out, stderr=printed.err)

    return run


def test_the_policy_is_an_autoscaling_v2_spec_that_holds_and_stays(folder: Path, typed) -> None:
    done = typed("tune", "--output", "hpa")
    assert done.returncode == 0, done.stderr
    policy = json.loads(done.stdout)
    assert policy["minReplicas"] == 2
    (metric,) = policy["metrics"]
    assert metric["resource"]["name"] == "cpu"
    (folder / "policy.json").write_text(done.stdout)
    judged = typed("simulate", "--policy", "policy.json", "--seeds", "5")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    again = typed("tune", "--policy", "policy.json", "--output", "json", "--seed", "2")
    answer = json.loads(again.stdout)
    assert answer["changed"] is False
    assert read_autoscaler(folder / "policy.json").model_dump(mode="json", by_alias=True, exclude_none=True) == answer["policy"]


def test_the_summary_says_what_it_costs_and_why(typed) -> None:
    done = typed("tune", "--metric", "requests")
    assert done.returncode == 0, done.stderr
    for words in ("policy: ", "requests/s", "times the clairvoyant's", "trace.csv", "left at the default", "frontier"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--verify"], 2, "--verify needs a load"),
        (["--users", "500"], 2, "--users is for a load"),
        (["--dry-run"], 2, "--dry-run is for a load"),
        (["--margin", "0.1"], 2, "--margin is for a load"),
        (["--budget", "many"], 2, "--budget: expected a share of requests"),
        (["--max-replicas", "3"], 2, "maxReplicas 3 hold 420 requests/s within the SLO"),
        (["--service", "orders"], 2, "service.json: describes one service without a name"),
        (["--policy", "none.json"], 2, "none.json: no such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(typed, more: list[str], code: int, says: str) -> None:
    done = typed("tune", *more)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_options_of_traffic_without_traffic_are_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as left:
        main(["tune", "--project", str(tmp_path), "--output", "hpa"])
    assert left.value.code == 2
    assert "--output is for recorded traffic" in capsys.readouterr().err


def test_a_wrong_policy_file_is_told_with_line_and_field(folder: Path, typed) -> None:
    (folder / "wrong.yaml").write_text("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec:\n  maxReplica: 4\n")
    done = typed("tune", "--policy", "wrong.yaml")
    assert done.returncode == 2
    assert "wrong.yaml:4: spec.maxReplica" in done.stderr


def test_where_nothing_holds_the_verdict_is_no(folder: Path, typed) -> None:
    rates = ["1400" if second in (400, 401) else "140" for second in range(900)]
    rows = "\n".join(f"{second},{rate}" for second, rate in enumerate(rates))
    (folder / "trace.csv").write_text(f"second,requests_per_second\n{rows}\n")
    done = typed("tune", "--max-replicas", "10")
    assert done.returncode == 1
    assert "no policy with at most 10 replicas keeps violation within 0.1 % on trace.csv" in done.stderr
    assert done.stdout == ""
