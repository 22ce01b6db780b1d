"""The committed baseline: read as it was written, without secrets; another load is told in words."""

from __future__ import annotations

import json

import pytest

from fakes import world
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.baseline import (
    Baseline,
    BaselineLoad,
    Figures,
    load_differences,
    read_baseline,
    without_environment,
    without_steps,
    write_baseline,
)

LOAD = BaselineLoad(users=100, shape="spike", think_seconds=(20, 40), seed=1, requests={"orders": 10, "dashboard": 5})


def baseline() -> Baseline:
    platform = world.platform()
    orders = platform.services["orders"].model_copy(update={"environment": {"API_TOKEN": "hunter2"}})
    platform = platform.model_copy(update={"services": {**platform.services, "orders": orders}})
    return Baseline(
        written_by="1.0",
        stack="dev",
        load=LOAD,
        platform=without_environment(platform),
        policy=world.policy(),
        calibration=without_steps(world.truth()),
        simulated=Figures(seeds=[1, 2], cost=[1.5, 2.5], violation={"orders": [0.0, 0.1]}),
    )


def test_what_is_written_reads_the_same_and_holds_no_environment(tmp_path):
    file = write_baseline(baseline(), tmp_path / "b.json")
    assert read_baseline(file) == baseline()
    assert "hunter2" not in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


def test_no_file_is_no_baseline(tmp_path):
    assert read_baseline(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "the document"),
        ('{"version": 2}', "version 2 is newer than 1"),
        ('{"version": 1}', "written_by: Field required"),
    ],
)
def test_files_that_are_no_baseline(tmp_path, text, message):
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_baseline(file)


def test_a_misspelt_field_is_refused(tmp_path):
    file = tmp_path / "b.json"
    file.write_text(json.dumps({**json.loads(baseline().model_dump_json(by_alias=True)), "stak": "dev"}))
    with pytest.raises(BadInputError, match="stak"):
        read_baseline(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ()),
        ({"users": 1200}, ("users 100 → 1,200",)),
        ({"shape": "ramp", "seed": 2}, ("shape spike → ramp", "seed 1 → 2")),
        ({"think_seconds": (5, 40)}, ("think time 20–40 s → 5–40 s",)),
        ({"requests": {"orders": 9}}, ("the journeys' requests dashboard 5, orders 10 → orders 9",)),
    ],
)
def test_another_load_is_told_in_words(change, words):
    assert load_differences(LOAD, LOAD.model_copy(update=change)) == words
