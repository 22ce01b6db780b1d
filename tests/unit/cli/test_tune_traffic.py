"""`tune --trace` from a shell: what is printed is a policy that `simulate` finds holding, and stays when asked again."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fakes.output_readers import documents
from scaleproof.cli import main
from scaleproof.simulator.traffic.schedule import Schedule, Window
from scaleproof.spec.autoscaler_file import read_autoscaler
from scaleproof.tuner.traffic import scheduled_minimum
from scaleproof.tuner.traffic.daily_pattern import DailyPattern
from scaleproof.tuner.traffic.knobs import TrafficKnobs

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
    done = typed("tune", "--output", "hpa", "--resume", "search.npz")
    assert done.returncode == 0, done.stderr
    assert typed("tune", "--output", "hpa", "--resume", "search.npz").stdout == done.stdout  # nothing is played again
    assert "of another question" in typed("tune", "--seed", "3", "--resume", "search.npz").stderr
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
        (["--timezone", "Europe/Berlin"], 2, "--timezone is for a schedule"),
        (["--deployment", "orders"], 2, "--deployment is for --output keda-cron"),
        (["--output", "hpa", "--schedule"], 2, "--schedule is nothing that an HPA can say"),
        (["--output", "keda-cron"], 2, "does not name the service"),
        (
            ["--output", "keda-cron", "--deployment", "orders"],
            2,
            "trace.csv: its times do not say which time of the day it was",
        ),
        (
            ["--output", "keda-cron", "--deployment", "orders", "--policy", "now.yaml"],
            2,
            "--policy is for a policy without a schedule",
        ),
        (
            ["--output", "keda-cron", "--deployment", "orders", "--metric", "requests"],
            2,
            "needs --prometheus URL and --query PROMQL",
        ),
        (["--resume", "service.json"], 2, "service.json: is not the state of a search"),
        (["--resume", "nowhere/search.npz"], 2, "nowhere/search.npz: cannot be written"),
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


def test_where_no_day_is_like_another_there_is_no_scaled_object(folder: Path, typed) -> None:
    rates = np.repeat(np.random.default_rng(3).uniform(100, 900, 2 * 96), 15)
    rows = "\n".join(f"{1_780_272_000 + 60 * minute},{rate:.1f}" for minute, rate in enumerate(rates))
    (folder / "trace.csv").write_text(f"time,requests_per_second\n{rows}\n")
    done = typed("tune", "--output", "keda-cron", "--timezone", "Europe/Berlin", "--deployment", "orders")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no schedule: less than 20 % is no pattern to rely on" in done.stderr


def test_what_a_schedule_is_worth_is_told_below_the_policy(typed, monkeypatch) -> None:
    """Two days would take seconds to search: here nothing repeats itself, test_scheduled_minimum.py searches."""
    monkeypatch.setattr(scheduled_minimum, "check_for_schedule", lambda question, zone: None)
    monkeypatch.setattr(
        scheduled_minimum,
        "schedule_on_traffic",
        lambda question, zone, *_: scheduled_minimum.ScheduledMinimum(question, zone, DailyPattern(0.1, ((1,),), 3), 0.0, 0.0),
    )
    done = typed("tune", "--schedule", "--resume", "search.npz")
    assert done.returncode == 0, done.stderr
    assert "the time of day explains 10 % of the variance of 3 days" in done.stdout.partition("frontier")[2]
    data = json.loads(typed("tune", "--schedule", "--resume", "search.npz", "--output", "json").stdout)
    assert data["schedule"]["pays"] is False
    assert data["policy"]["minReplicas"] == 2


def test_the_scaled_object_alone_is_printed(typed, monkeypatch) -> None:
    window = Window((1, 2, 3, 4, 5), 479, 121, 6)

    def found(question, zone, *_):
        figures = [
            scheduled_minimum.OnLaterDays(TrafficKnobs(100_000, 2, 9, of_requests=True), cost, 0.0, 1.0) for cost in (1.3, 1.1)
        ]
        pattern = DailyPattern(0.9, (window.days,), 9)
        return scheduled_minimum.ScheduledMinimum(
            question, zone, pattern, 6 * 86_400.0, 3 * 86_400.0, figures[0], Schedule((window,), zone), figures[1]
        )

    monkeypatch.setattr(scheduled_minimum, "check_for_schedule", lambda question, zone: None)
    monkeypatch.setattr(scheduled_minimum, "schedule_on_traffic", found)
    read = ("--prometheus", "http://prometheus:9090", "--query", 'sum(rate(x{service="{service}"}[1m]))')
    done = typed("tune", "--output", "keda-cron", "--metric", "requests", "--deployment", "orders", *read)
    assert done.returncode == 0, done.stderr
    assert "it pays: 15 % cheaper on the later days" in done.stderr
    (document,) = documents(done.stdout)
    prometheus, cron = document["spec"]["triggers"]
    assert prometheus["metadata"]["query"] == 'sum(rate(x{service="orders"}[1m]))'
    assert (cron["metadata"]["start"], cron["metadata"]["timezone"]) == ("59 7 * * 1-5", "UTC")
