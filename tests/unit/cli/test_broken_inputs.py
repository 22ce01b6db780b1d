"""Broken inputs: one clear message each, the exit code of the design, nothing changed, no traceback."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from fakes.command import scaleproof, typed
from scaleproof.spec.shapes import SHAPE_NAMES

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY / "tests/unit/spec/data"


@pytest.fixture
def project(tmp_path):
    """The reference platform's two files in a folder of their own."""
    for name in ("platform.yaml", "Pulumi.dev.yaml"):
        shutil.copy(DATA / name, tmp_path / name)
    return tmp_path


def snapshot(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and ".scaleproof" not in file.parts
    }


def edit(project, name, was, becomes):
    text = (project / name).read_text()
    assert was in text
    (project / name).write_text(text.replace(was, becomes, 1))


def taken_port(project):
    listener = socket.create_server(("127.0.0.1", 0))
    edit(project, "platform.yaml", "port: 8080", f"port: {listener.getsockname()[1]}")
    return listener


CASES = {
    "no platform.yaml": (lambda p: (p / "platform.yaml").unlink(), ["up"], 2, ["platform.yaml", "no such file"]),
    "bad YAML": (
        lambda p: edit(p, "platform.yaml", "name: reference", "name: [a"),
        ["up"],
        2,
        ["platform.yaml:6", "not valid YAML"],
    ),
    "unknown field": (
        lambda p: edit(p, "platform.yaml", "readiness:", "readyness:"),
        ["status"],
        2,
        ["platform.yaml:10", "services.orders.readyness", "did you mean 'readiness'?"],
    ),
    "newer version": (
        lambda p: edit(p, "platform.yaml", "version: 1", "version: 9"),
        ["up"],
        2,
        ["version 9 is newer than 1", "upgrade"],
    ),
    "min above max": (
        lambda p: edit(p, "Pulumi.dev.yaml", "minReplicas: 1", "minReplicas: 6"),
        ["tune"],
        2,
        ["Pulumi.dev.yaml", "minReplicas 6 is greater than maxReplicas 5"],
    ),
    "stack file is not text": (
        lambda p: (p / "Pulumi.dev.yaml").write_bytes(b"\xff\xfe\x00"),
        ["up"],
        2,
        ["Pulumi.dev.yaml", "not UTF-8"],
    ),
    "stack file is a folder": (
        lambda p: ((p / "Pulumi.dev.yaml").unlink(), (p / "Pulumi.dev.yaml").mkdir()),
        ["up"],
        2,
        ["Pulumi.dev.yaml", "cannot be read"],
    ),
    "no such stack": (lambda p: None, ["up", "--stack", "prod"], 2, ["Pulumi.prod.yaml", "no such file"]),
    "no policy for a service": (
        lambda p: edit(p, "Pulumi.dev.yaml", "      dashboard:", "      dashbored:"),
        ["up"],
        2,
        ["no policy for dashboard"],
    ),
    "gateway's port taken": (taken_port, ["up"], 2, ["port", "taken"]),
    "larger than the machine": (
        lambda p: edit(p, "Pulumi.dev.yaml", "maxReplicas: 5", "maxReplicas: 5000"),
        ["up"],
        2,
        ["does not fit this machine", "orders 5000 x 150m", "lower maxReplicas"],
    ),
    "unknown shape": (lambda p: None, ["load", "--shape", "wave"], 2, ["'wave' is not known", *SHAPE_NAMES]),
    "broken trace": (
        lambda p: (p / "trace.csv").write_text("t,rate\n0,1\n1,-5\n"),
        ["load", "--shape", "replay:trace.csv"],
        2,
        ["trace.csv:3", "at least 0, found '-5'"],
    ),
    "no calibration": (lambda p: None, ["tune"], 2, ["calibration.json", "no such file", "scaleproof calibrate"]),
    "calibration is not one": (
        lambda p: (p / "c.json").write_text('{"version": 1}'),
        ["simulate", "--calibration", "c.json"],
        2,
        ["c.json"],
    ),
    "run folder without a run": (lambda p: (p / "runs").mkdir(), ["report", "runs"], 2, ["runs", "neither a proof"]),
    "damaged run": (
        lambda p: ((p / "r").mkdir(), (p / "r/run.json").write_text('{"version": 1}')),
        ["report", "r"],
        2,
        ["r: damaged run"],
    ),
    "nothing runs": (lambda p: None, ["load"], 3, ["no platform of stack dev runs", "scaleproof up"]),
    "Prometheus unreachable": (
        lambda p: None,
        ["load", "--prometheus", "http://127.0.0.1:9"],
        3,
        ["http://127.0.0.1:9"],
    ),
    "Prometheus without an address": (lambda p: None, ["load", "--prometheus", "prom"], 2, ["'prom'", "such as http"]),
    "logs of nothing": (lambda p: None, ["logs", "ghost"], 2, ["no logs of 'ghost'"]),
    "two options that exclude each other": (lambda p: None, ["tune", "--dry-run", "--verify"], 2, ["exclude each other"]),
    "unknown verb": (lambda p: None, ["prov"], 2, ["No such command"]),
    "unknown option": (lambda p: None, ["up", "--now"], 2, ["No such option"]),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_message_and_nothing_changed(project, name):
    breaks, arguments, code, expected = CASES[name]
    kept = breaks(project)
    before = snapshot(project)
    done = typed(project, *arguments)
    assert done.returncode == code, done.stderr
    for part in expected:
        assert part in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert snapshot(project) == before
    if isinstance(kept, socket.socket):
        kept.close()


def test_a_process_says_and_ends_the_same(project):
    breaks, arguments, code, expected = CASES["unknown field"]
    breaks(project)
    done = scaleproof(project, *arguments)
    assert done.returncode == code
    for part in expected:
        assert part in done.stderr
    assert (done.stdout, done.stderr) == ((again := typed(project, *arguments)).stdout, again.stderr)


def test_hpa_explain_says_what_is_wrong_with_a_case(project):
    done = scaleproof(project, "hpa", "explain", stdin="{not json")
    assert (done.returncode, "not JSON" in done.stderr) == (2, True)
    done = typed(project, "hpa", "explain", stdin='{"version": 1, "hpaa": {}}')
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_batch_answers_every_line_and_goes_on_after_a_broken_one(project):
    done = typed(project, "hpa", "explain", "--batch", stdin='{"version": 1}\nnot json\n')
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in answers] == [["error"], ["error"]]


def test_an_internal_error_keeps_its_traceback_in_a_file(project, monkeypatch, capsys):
    from scaleproof import cli

    def broken(*_, **__):
        message = "a bug"
        raise RuntimeError(message)

    monkeypatch.setattr(cli.platform, "project_of", broken)
    with pytest.raises(SystemExit) as left:
        cli.main(["status"])
    assert left.value.code == 4
    text = capsys.readouterr().err
    assert "internal error: RuntimeError: a bug" in text
    file = Path(text.split("report it with ")[1].strip())
    assert "Traceback" in file.read_text()
    file.unlink()


def test_ctrl_c_is_130(monkeypatch, capsys):
    from scaleproof import cli

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.platform, "project_of", interrupted)
    with pytest.raises(SystemExit) as left:
        cli.main(["status"])
    assert left.value.code == 130
