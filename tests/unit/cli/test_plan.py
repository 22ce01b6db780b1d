"""`scaleproof plan` as a person types it, on the shop of docs/examples/plan."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes.sample_run import sample_run
from scaleproof.cli import main
from scaleproof.load import inspection
from scaleproof.telemetry.run import write_run

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "docs/examples"
PAGES = ("planning.md", "scaling.md")
BARE = ("--users", "10k,25k", "--calibration", "calibration.json", "--start", "2026-12-01")


@pytest.fixture
def shop(tmp_path):
    shutil.copytree(EXAMPLES / "plan", tmp_path, dirs_exist_ok=True)
    for name in ("prices.yaml", "team.yaml", "growth.csv", "plan-assumptions.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def casts():
    """What was found in a locustfile, by the bytes of its folder."""
    return {}


@pytest.fixture
def typed(monkeypatch, capsys, casts):
    """The verb in this process, which has imported everything after the first test. Locust, a second in a process of its own, looks
    once at the same file."""
    really = inspection.inspected

    def inspected(file):
        if not file.is_file():
            return really(file)
        key = tuple(each.read_bytes() for each in sorted(file.parent.rglob("*.py")))
        if key not in casts:
            casts[key] = really(file)
        return replace(casts[key], locustfile=file)

    monkeypatch.setattr(inspection, "inspected", inspected)

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            main(["plan", *arguments])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code, stdout=printed.out, stderr=printed.err)

    return run


def test_a_plan_of_the_shop(shop, typed):
    done = typed(
        shop,
        *BARE,
        "--growth",
        "5%/month",
        "--prices",
        "prices.yaml",
        "--team",
        "team.yaml",
        "--assumptions",
        "plan-assumptions.yaml",
    )
    assert done.returncode == 1, done.stderr  # 10,000 users are there on the first day
    assert done.stdout.startswith("Growth plan of shop: 10,000 and 25,000 users\n")
    for words in ("AT RISK: 10,000 users", "max-replicas:orders", "2026-W49", "EUR a month", "Ben"):
        assert words in done.stdout


def test_without_a_team_nothing_is_at_risk(shop, typed):
    done = typed(shop, *BARE, "--growth-file", "growth.csv")
    assert done.returncode == 0, done.stderr
    assert "growth.csv: 9,900 users on 2026-12-01" in done.stdout


@pytest.mark.parametrize(
    ("name", "begins"), [("p.html", "<!doctype html>"), ("p.md", "# Growth plan"), ("p.json", "{"), ("p.txt", "Growth")]
)
def test_the_format_follows_the_files_name(shop, typed, name, begins):
    done = typed(shop, *BARE, "--output", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"plan: {name}\n"
    assert (shop / name).read_text().startswith(begins)


def test_the_same_twice_is_the_same(shop, typed):
    first, again = (typed(shop, *BARE, "--format", "json").stdout for _ in range(2))
    assert first == again
    document = json.loads(first)
    assert document["requests_an_action"]["orders"] == pytest.approx(0.8, abs=0.01)
    # users / think time, a fifth of them to the dashboard, which asks orders 0.67 times
    rates = {
        name: needs["requests_per_second"]["value"] for name, needs in document["milestones"][0]["needs"]["services"].items()
    }
    assert rates["orders"] == pytest.approx(333.3 * (0.8 + 0.2 * 0.67), rel=0.01)


def test_a_run_tells_the_mix_and_what_the_gateway_costs(shop, typed):
    write_run(sample_run(users=300), shop / "run")
    (shop / "loadtests/locustfile.py").unlink()
    document = json.loads(typed(shop, *BARE, "--run", "run", "--format", "json").stdout)
    assert document["requests_an_action"]["orders"] == pytest.approx(0.75, abs=0.06)  # later steps of its actions go there too
    cores = document["milestones"][0]["needs"]["gateway"]["cores"]
    assert (cores["assumed"], cores["extrapolated"]) == (False, True)
    assert cores["low"] < cores["value"] < cores["high"]
    assert any("measured in run" in note for note in document["notes"])


BROKEN = {
    "no milestone": (["--users", "many"], "--users: expected numbers of users"),
    "growth twice": ([*BARE, "--growth", "5%/month", "--growth-file", "growth.csv"], "exclude each other"),
    "no growth": ([*BARE, "--growth", "fast"], "--growth: expected a growth above 0"),
    "users now without growth": ([*BARE, "--current-users", "8k"], "--current-users is where --growth begins"),
    "two numbers of users now": ([*BARE, "--growth", "5%/month", "--current-users", "8k,9k"], "expected one number of users"),
    "no date": ([*BARE, "--start", "tomorrow"], "--start: expected a date such as 2026-12-01, found 'tomorrow'"),
    "no calibration": (["--users", "10k"], "calibration.json: no such file"),
    "no prices": ([*BARE, "--prices", "absent.yaml"], "absent.yaml: no such file"),
    "a team that names what there is not": ([*BARE, "--team", "wrong.yaml"], "wrong.yaml: work: 'max-replicas:ordrs' is not"),
    "assumptions with a slip": ([*BARE, "--assumptions", "slip.yaml"], "slip.yaml:2: database.pols: unknown field"),
    "no run": ([*BARE, "--run", "runs/latest"], "not a run folder"),
    "a folder that is not there": ([*BARE, "--output", "absent/plan.html"], "cannot be written"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_clear_message_and_nothing_written(shop, typed, name):
    (shop / "wrong.yaml").write_text((shop / "team.yaml").read_text().replace("max-replicas:orders", "max-replicas:ordrs"))
    (shop / "slip.yaml").write_text("version: 1\ndatabase: {pols: 4}\n")
    before = sorted(shop.iterdir())
    arguments, message = BROKEN[name]
    done = typed(shop, *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert sorted(path for path in shop.iterdir() if path.name != ".scaleproof") == before


def commands():
    for page in PAGES:
        for line in (REPOSITORY / "docs" / page).read_text().replace("\\\n", " ").splitlines():
            if line.startswith("scaleproof plan "):
                yield pytest.param(shlex.split(line, comments=True)[2:], id=" ".join(line.split())[:80])


@pytest.mark.parametrize("arguments", list(commands()))
def test_every_command_of_the_pages_works(tmp_path, typed, arguments):
    """In a copy of what the pages use, so that nothing is written into the repository."""
    shutil.copytree(EXAMPLES, tmp_path / "docs/examples")
    done = typed(tmp_path, *arguments)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout


def test_the_page_shows_what_is_printed(tmp_path, typed):
    """The beginning of the first example of docs/planning.md."""
    shutil.copytree(EXAMPLES, tmp_path / "docs/examples")
    page = (REPOSITORY / "docs/planning.md").read_text().replace("\\\n", " ")
    done = typed(tmp_path, *shlex.split(page.split("```sh\n", 1)[1].split("```")[0])[2:])
    excerpt = page.split("```text\n", 1)[1].split("```")[0]
    for line in excerpt.splitlines():
        assert line in done.stdout.splitlines(), f"docs/planning.md shows another line: {line}"
