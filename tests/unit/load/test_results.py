from __future__ import annotations

import json

import pandas as pd
import pytest

from scaleproof.load.config import CONFIG_VARIABLE, LoadConfig, read_config
from scaleproof.load.recorder import Recorder
from scaleproof.load.results import generator_cost, read_results
from scaleproof.load.status import StatusLine, append_line, read_lines, read_signal, write_signal
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform

SCHEDULE = pd.DataFrame(
    {"action": [0, 1, 2], "user": [0, 1, 0], "intended_s": [0.5, 1.5, 4.5], "journey": "J", "task": "t", "service": "orders"}
)


def line(time_s, cpu, memory=100):
    return StatusLine(time_s=time_s, cpu_seconds=cpu, memory_bytes=memory)


def test_the_cost_of_several_processes_adds_up_per_second():
    table = generator_cost({"a": [line(0, 5.0), line(1, 5.2), line(2, 5.5)], "b": [line(0.5, 1.0), line(2.5, 2.0)]}, 2)
    assert table["generator_cores"].tolist() == pytest.approx([0.2 + 0.25, 0.3 + 0.5])
    assert table["generator_memory_bytes"].tolist() == [200, 200]


def test_a_process_that_spoke_once_costs_nothing():
    assert generator_cost({"a": [line(1, 5.0)]}, 2)["generator_cores"].tolist() == [0, 0]


def test_results_of_all_processes_are_one_record_of_what_was_intended_in_time(tmp_path):
    for process, action in (("worker-0", 0), ("worker-1", 1)):
        recorder = Recorder()
        intended = float(SCHEDULE["intended_s"][action])
        times = {"intended_s": intended, "sent_s": intended + 0.002, "finished_s": intended + 0.1}
        recorder.add(action=action, step=0, service="orders", name="x", status=200, error=None, **times)
        recorder.write(tmp_path / f"requests-{process}.parquet")
        append_line(tmp_path, process, line(0.0, 1.0))
        append_line(tmp_path, process, line(2.0, 1.2))
    tables = read_results(tmp_path, SCHEDULE, 2.0)
    assert tables["schedule"]["action"].tolist() == [0, 1], "the third was intended after the end"
    assert tables["requests"]["action"].tolist() == [0, 1]
    assert tables["generator"]["generator_lag_s"].tolist() == pytest.approx([0.002, 0.002])
    assert tables["generator"]["generator_cores"].tolist() == pytest.approx([0.2, 0.2])


def test_a_load_without_a_record_has_empty_tables(tmp_path):
    assert read_results(tmp_path, SCHEDULE, 2.0)["requests"].empty


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    append_line(tmp_path, "local", line(1.0, 2.0))
    with (tmp_path / "status-local.jsonl").open("a") as file:
        file.write('{"time_s": 2')
    assert [each.time_s for each in read_lines(tmp_path)["local"]] == [1.0]


def test_signals_appear_whole(tmp_path):
    assert read_signal(tmp_path, "stop.json") is None
    write_signal(tmp_path, "stop.json", {"at_s": 1.0})
    assert read_signal(tmp_path, "stop.json") == {"at_s": 1.0}
    assert [file.name for file in tmp_path.iterdir()] == ["stop.json"]


RESOURCES = {"cpu": "1", "memory": "1Mi"}
PLATFORM = Platform.model_validate(
    {
        "version": 1,
        "name": "shop",
        "services": {
            "orders": {
                "image": "x",
                "resources": {"requests": RESOURCES, "limits": RESOURCES},
                "slo": {"latency_ms": 1, "share": 0.9},
            }
        },
    }
)
CONFIG = LoadConfig(
    platform=PLATFORM,
    host_url="http://127.0.0.1:1",
    users=5,
    shape_name="flat",
    shape_points=((0, 1), (9, 1)),
    seed=1,
    think_seconds=(1, 2),
    folder="/tmp",
)


def test_an_order_survives_its_file(tmp_path):
    file = tmp_path / "load.json"
    file.write_text(CONFIG.model_dump_json(by_alias=True, exclude_none=True))
    config = read_config({CONFIG_VARIABLE: str(file)})
    assert config == CONFIG
    assert CONFIG.shape.duration_seconds == 9
    assert read_config({}) is None


@pytest.mark.parametrize(
    ("change", "message"), [({"users": 0}, "users"), ({"surprise": 1}, "surprise"), (None, "cannot be read")]
)
def test_a_bad_order_names_what_is_wrong(tmp_path, change, message):
    file = tmp_path / "load.json"
    if change is not None:
        file.write_text(json.dumps({**CONFIG.model_dump(mode="json", by_alias=True, exclude_none=True), **change}))
    with pytest.raises(BadInputError, match=message):
        read_config({CONFIG_VARIABLE: str(file)})
