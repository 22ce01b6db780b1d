"""`simulate --trace` and `--prometheus` as a person types them: what would the HPA have done?"""

import json
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes.command import typed
from fakes.prometheus_server import FakePrometheus
from fakes.sample_proof import sample_calibration
from scaleproof.cli import main
from scaleproof.spec.trace_file import read_trace

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "docs/examples/traffic"
FEW_RUNS = ("--seeds", "3")


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def simulate(folder, monkeypatch, capsys):
    """The verb in this process, which has imported everything after the first test; typed in `folder`."""

    def typed(*arguments, calibration="service.json"):
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            main(["simulate", "--calibration", calibration, *arguments])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code, stdout=printed.out, stderr=printed.err)

    return typed


def of_prometheus(simulate, server, *arguments):
    return simulate("--prometheus", server.url, "--query", "sum(rate(x[1m]))", "--policy", "now.yaml", *arguments)


def test_the_documentation_shows_what_is_printed(folder):
    page = (REPOSITORY / "docs/traffic.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("scaleproof simulate --trace day.csv"))
    done = typed(folder, *command.split()[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout in page, "docs/traffic.md shows other figures"
    assert (folder / "traffic.svg").read_text().startswith("<?xml")


def test_the_documented_service_is_the_examples():
    page = (REPOSITORY / "docs/traffic.md").read_text()
    assert json.loads(page.split("```json\n")[1].split("```")[0]) == json.loads((EXAMPLES / "service.json").read_text())


def test_no_policy_that_holds_is_the_verdict_no(simulate):
    done = simulate("--trace", "day.csv", "--policy", "small.yaml", *FEW_RUNS)
    assert done.returncode == 1
    assert "maxReplicas 4 holds at most 560 requests/s, the peak of day.csv is 866: needs 7" in done.stdout
    assert simulate("--trace", "day.csv", "--policy", "small.yaml", "--budget", "10%", *FEW_RUNS).returncode == 0


def test_json_is_all_that_is_printed_and_a_peak_scales(simulate):
    done = simulate("--trace", "day.csv", "--policy", "now.yaml", "--peak", "433", "--json", "--seed", "5", *FEW_RUNS)
    document = json.loads(done.stdout)
    assert document["seeds"] == [5, 6, 7]
    assert document["traces"][0]["peak_requests_per_second"] == pytest.approx(433)
    assert [policy["name"] for policy in document["traces"][0]["policies"]] == ["now.yaml"]
    assert "simulating 1 policy in 3 runs each" in done.stderr


def test_policies_of_the_same_name_are_told_apart_by_their_folder(folder, simulate):
    (folder / "other").mkdir()
    shutil.copy(folder / "tight.yaml", folder / "other/now.yaml")
    done = simulate("--trace", "day.csv", "--policy", "now.yaml", "--policy", "other/now.yaml", "--json", *FEW_RUNS)
    assert json.loads(done.stdout)["holding"] == ["now.yaml", "other/now.yaml"]


def test_a_measured_calibration_of_several_services_needs_a_name(folder, simulate):
    calibration = sample_calibration()
    (folder / "calibration.json").write_text(calibration.model_dump_json())
    arguments = ("--trace", "day.csv", "--policy", "now.yaml", *FEW_RUNS)
    without = simulate(*arguments, calibration="calibration.json")
    assert (without.returncode, "more than one service" in without.stderr) == (2, True)
    assert len(calibration.services) > 1
    for name in calibration.services:
        assert simulate(*arguments, "--service", name, calibration="calibration.json").returncode in {0, 1}


def test_out_of_a_prometheus_and_kept_as_a_file_that_is_played_alike(folder, simulate):
    with FakePrometheus(({}, lambda moment: None if moment % 7200 < 60 else 200.0 + moment % 3600 / 10)) as server:
        first = of_prometheus(simulate, server, "--since", "1d", "--save-trace", "kept.csv", "--json", *FEW_RUNS)
    assert first.returncode == 0, first.stderr
    (trace,) = json.loads(first.stdout)["traces"]
    assert (trace["name"], trace["interval_seconds"]) == ("sum(rate(x[1m]))", 60)
    assert trace["seconds"] in {86_340, 86_400}  # where a step without a value stands at an end
    assert trace["filled_intervals"] in {11, 12}
    assert read_trace(folder / "kept.csv").rates.size * 60 == trace["seconds"]
    again = simulate("--trace", "kept.csv", "--policy", "now.yaml", "--json", *FEW_RUNS)
    assert json.loads(again.stdout)["traces"][0]["policies"] == trace["policies"]


def test_a_prometheus_with_a_shorter_memory_says_how_short(simulate):
    since = time.time() - 3600
    with FakePrometheus(({}, lambda moment: 100.0 if moment > since else None)) as server:
        done = of_prometheus(simulate, server, "--since", "1d", *FEW_RUNS)
    assert done.returncode == 0
    assert re.search("Prometheus has values of (59 min|1 h) only, 1 d were asked for", done.stderr)


def test_a_token_is_read_from_a_file(folder, simulate):
    (folder / "token").write_text("secret\n")
    with FakePrometheus(({}, lambda moment: 100.0), token="secret") as server:
        refused = of_prometheus(simulate, server, "--since", "1h")
        done = of_prometheus(simulate, server, "--since", "1h", "--bearer-token-file", "token", *FEW_RUNS)
    assert (refused.returncode, "wants authentication" in refused.stderr) == (3, True)
    assert done.returncode == 0
    assert "secret" not in done.stdout + done.stderr


def test_a_query_of_several_series_names_them(folder, simulate):
    with FakePrometheus(({"pod": "a"}, lambda moment: 1.0), ({"pod": "b"}, lambda moment: 1.0)) as server:
        done = of_prometheus(simulate, server)
    assert done.returncode == 2
    assert 'has 2 series: {pod="a"}, {pod="b"}; expected one' in done.stderr
    assert "sum(sum(rate(x[1m])))" in done.stderr


DAY = ("--trace", "day.csv", "--policy", "now.yaml")
ASKS = ("--policy", "now.yaml", "--prometheus", "http://127.0.0.1:9")

BROKEN = {
    "no policy": ({}, ("--trace", "day.csv"), 2, ["no policy to simulate", "--policy FILE"]),
    "no trace": ({}, ("--trace", "ghost.csv", "--policy", "now.yaml"), 2, ["ghost.csv: no such file"]),
    "an empty trace": ({"day.csv": ""}, DAY, 2, ["day.csv: expected a header and at least two rows, found 0"]),
    "a negative rate": ({"day.csv": "t,rate\n0,1\n1,-3\n"}, DAY, 2, ["day.csv:3: expected a number", "found '-3'"]),
    "not a number": ({"day.csv": "t,rate\n0,1\n1,NaN\n"}, DAY, 2, ["day.csv:3: expected a number", "found 'NaN'"]),
    "half seconds": ({"day.csv": "t,rate\n0,0\n0.5,9\n1,0\n"}, DAY, 2, ["day.csv: an interval is 0.5 s"]),
    "no traffic": ({"day.csv": "t,rate\n0,0\n1,0\n"}, DAY, 2, ["day.csv: no request in it"]),
    "no such policy": ({}, ("--trace", "day.csv", "--policy", "ghost.yaml"), 2, ["ghost.yaml: no such file"]),
    "a policy's field": (
        {"now.yaml": "minReplicas: 1\nmaxReplicas: 0\n"},
        DAY,
        2,
        ["now.yaml:2: maxReplicas: expected greater than or equal to 1, found 0"],
    ),
    "an unknown field": (
        {"now.yaml": "minReplica: 1\nmaxReplicas: 3\n"},
        DAY,
        2,
        ["now.yaml:1", "did you mean 'minReplicas'?"],
    ),
    "a metric that is not simulated": (
        {
            "now.yaml": "maxReplicas: 3\nmetrics:\n- type: External\n  external: {metric: {name: queue}, "
            "target: {type: Value, value: 3}}\n"
        },
        DAY,
        2,
        ["now.yaml: ", "External queue cannot be simulated: expected Resource cpu, or Pods"],
    ),
    "no service": ({"service.json": None}, DAY, 2, ["service.json: no such file", "scaleproof schema service"]),
    "a service's field": ({"service.json": '{"version": 1}'}, DAY, 2, ["service.json: cpu_seconds_per_request"]),
    "a budget": ({}, (*DAY, "--budget", "many"), 2, ["--budget: expected a share", "found 'many'"]),
    "a picture's format": ({}, (*DAY, "--chart", "picture.gif"), 2, [".svg or .png, found 'picture.gif'"]),
    "a picture's folder": ({}, (*DAY, "--chart", "ghost/picture.svg"), 2, ["ghost/picture.svg: no such folder"]),
    "a load as well": ({}, (*DAY, "--users", "5"), 2, ["--users is for a load", "--peak"]),
    "both sources": ({}, (*DAY, "--prometheus", "http://127.0.0.1:9"), 2, ["exclude each other"]),
    "a step of a file": ({}, (*DAY, "--step", "5s"), 2, ["--step is for --prometheus"]),
    "a policy without traffic": ({}, ("--policy", "now.yaml"), 2, ["--policy is for recorded traffic", "--trace FILE"]),
    "Prometheus without a query": ({}, ASKS, 2, ["--prometheus needs --query"]),
    "Prometheus unreachable": ({}, (*ASKS, "--query", "up"), 3, ["http://127.0.0.1:9 cannot be reached"]),
    "a duration": ({}, (*ASKS, "--query", "up", "--since", "2 weeks"), 2, ["--since: expected a duration", "found '2 weeks'"]),
    "no token": ({}, (*ASKS, "--query", "up", "--bearer-token-file", "ghost"), 2, ["ghost: cannot be read"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_clear_message_and_nothing_written(folder, simulate, name):
    files, arguments, code, expected = BROKEN[name]
    for file, text in files.items():
        (folder / file).unlink() if text is None else (folder / file).write_text(text)
    before = sorted(folder.iterdir())
    done = simulate(*arguments)
    assert done.returncode == code, done.stderr
    for part in expected:
        assert part in done.stderr
    assert done.stdout == ""
    assert sorted(folder.iterdir()) == before


def test_a_trace_shorter_than_a_start_is_simulated_and_said_so(folder, simulate):
    (folder / "day.csv").write_text("second,requests_per_second\n" + "".join(f"{second},50\n" for second in range(20)))
    done = simulate(*DAY, *FEW_RUNS)
    assert done.returncode == 0
    assert "note: day.csv: 20 s long, and a replica takes up to 25 s to start" in done.stdout
