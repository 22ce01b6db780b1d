"""A load seen from another process: by its files, while they are young."""

from __future__ import annotations

import json
import math
import os

import pytest

from scaleproof.load.config import LoadConfig
from scaleproof.load.live import LoadWatch, load_reading
from scaleproof.load.locust_process import write_config
from scaleproof.load.recorder import Recorder
from scaleproof.load.status import ServiceLine, StatusLine, append_line, read_lines, write_signal

NOW = 1_790_000_000.0


@pytest.fixture
def config(shop):
    return LoadConfig(
        platform=shop,
        host_url="http://127.0.0.1:1",
        users=100,
        shape_name="ramp",
        shape_points=((0, 0), (100, 1)),
        seed=1,
        think_seconds=(1, 2),
        folder="/tmp",
    )


def line(second, completed=10, *, errors=0, good=9, p95_s=0.2, cpu=0.0):
    services = {"orders": ServiceLine(completed, errors, good, p95_s)} if completed else {}
    return StatusLine(second, cpu, 100, completed=completed, errors=errors, p95_s=p95_s, services=services)


def a_load(workdir, config, name="load-1", *, started=True, lines=()):
    folder = workdir / name
    folder.mkdir(parents=True)
    write_config(config, folder)
    if started:
        write_signal(folder, "started.json", {"started_at": NOW - 40, "players": 1})
    for each in lines:
        append_line(folder, "local", each)
    os.utime(folder, (NOW - 1, NOW - 1))
    return folder


def test_nothing_is_played(tmp_path, config):
    watch = LoadWatch(tmp_path)
    assert watch.read(NOW) is None
    folder = a_load(tmp_path, config, lines=[line(39.0)])
    write_signal(folder, "finished.json", {"ended_s": 40.0})
    assert watch.read(NOW) is None


def test_what_is_played_now(tmp_path, config):
    a_load(tmp_path, config, lines=[line(second, cpu=second / 2) for second in (36.0, 37.0, 38.0, 39.0)])
    load = LoadWatch(tmp_path).read(NOW)
    assert (load.users, load.most_users, load.shape, load.elapsed_s, load.duration_s) == (40, 100, "ramp", 40.0, 100.0)
    assert load.generator_cores == pytest.approx(0.5)
    orders = load.services["orders"]
    assert (orders.rate, orders.p95_s, orders.error_share) == (10.0, 0.2, 0.0)
    assert (orders.completed, orders.good) == (40, 36)


def test_a_load_that_was_broken_off_is_not_shown(tmp_path, config):
    a_load(tmp_path, config, lines=[line(30.0)])
    assert LoadWatch(tmp_path).read(NOW) is None


def test_users_are_being_made_ready(tmp_path, config):
    a_load(tmp_path, config, started=False)
    load = LoadWatch(tmp_path).read(NOW)
    assert load.elapsed_s < 0
    assert load.most_users == 100
    assert math.isnan(load.generator_cores)
    assert LoadWatch(tmp_path).read(NOW + 1_000) is None


def test_the_youngest_load_is_shown_and_what_is_no_load_is_passed_over(tmp_path, config):
    a_load(tmp_path, config, "load-a", lines=[line(39.0, completed=1)])
    (tmp_path / "load-b").mkdir()
    (tmp_path / "load-c").mkdir()
    (tmp_path / "load-c" / "load.json").write_text(json.dumps({"users": "many"}))
    assert LoadWatch(tmp_path).read(NOW).services["orders"].completed == 1


def test_several_processes_are_one_load(config):
    lines = {"worker-0": [line(1.0), line(2.0, p95_s=0.5)], "worker-1": [line(1.5), line(2.5, errors=5)]}
    orders = load_reading(config, lines, 3.0).services["orders"]
    assert orders.rate == 20.0
    assert orders.p95_s == 0.5
    assert orders.error_share == pytest.approx(5 / 40)


def test_a_silent_second_counts_for_the_rate(config):
    orders = load_reading(config, {"local": [line(1.0), line(2.0, completed=0)]}, 2.5).services["orders"]
    assert orders.rate == 5.0


def test_a_status_line_keeps_its_services(tmp_path):
    append_line(tmp_path, "local", line(1.0))
    assert read_lines(tmp_path)["local"] == [line(1.0)]


def test_the_recent_rows_by_service():
    recorder = Recorder()
    times = {"intended_s": 1.0, "sent_s": 1.0}
    for finished_s, error in ((1.1, None), (1.4, None), (1.2, "timeout"), (float("nan"), "unfinished")):
        recorder.add(action=1, step=0, service="orders", name="x", status=200, error=error, finished_s=finished_s, **times)
    recorder.add(action=2, step=0, service="", name="y", status=404, error="http 404", finished_s=1.1, **times)
    found = recorder.recent_by_service(0, {"orders": 0.3})
    assert found["orders"] == ServiceLine(completed=4, errors=2, good=1, p95_s=pytest.approx(0.38))
    assert found[""] == ServiceLine(completed=1, errors=1, good=0, p95_s=pytest.approx(0.1))
    assert recorder.recent_by_service(4, {}).keys() == {""}
