"""The files of `scaleproof plan`: prices, team, assumptions and growth."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.growth_file import read_growth_file
from scaleproof.spec.plan_files import PLAN_MODELS, PlanAssumptions, read_assumptions, read_prices, read_team
from scaleproof.spec.schemas import json_schema

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
READERS = {"prices": read_prices, "team": read_team, "plan-assumptions": read_assumptions}


@pytest.mark.parametrize("name", READERS)
def test_the_examples_are_read_and_match_their_schemas(name):
    file = EXAMPLES / f"{name}.yaml"
    found = READERS[name](file)
    assert isinstance(found, PLAN_MODELS[name])
    schema = json_schema(PLAN_MODELS[name], f"scaleproof {name}")
    Draft202012Validator.check_schema(schema)
    committed = EXAMPLES.parent / f"schemas/{name}.schema.json"
    assert committed.read_text() == json.dumps(schema, indent=2) + "\n", "run `make generated`"
    Draft202012Validator(json.loads(json.dumps(schema))).validate(YAML(typ="safe").load(file))


BROKEN = {
    "no version": (read_prices, "currency: EUR\nnode_hour: 1\n", "version: expected the format's version, 1, found nothing"),
    "a newer version": (read_team, "version: 2\npeople: {}\n", "version 2 is newer than 1"),
    "no price": (read_prices, "version: 1\ncurrency: EUR\ncore_hour: 1\n", "expected node_hour, or core_hour and gib_hour"),
    "a negative price": (
        read_prices,
        "version: 1\ncurrency: EUR\nnode_hour: -1\n",
        "node_hour: expected greater than or equal to 0",
    ),
    "a price that is no number": (
        read_prices,
        "version: 1\ncurrency: EUR\nnode_hour: .inf\n",
        "node_hour: expected a finite number",
    ),
    "no currency": (read_prices, "version: 1\ncurrency: euro\nnode_hour: 1\n", "currency: "),
    "a misspelt field": (read_prices, "version: 1\ncurrency: EUR\nnode_hours: 1\n", "did you mean 'node_hour'?"),
    "nobody": (read_team, "version: 1\npeople: {}\n", "people: "),
    "a stranger": (
        read_team,
        "version: 1\npeople: {Ada: {role: x, days_per_week: 1}}\nwork: {shared: {owner: Bob, effort_days: 1}}\n",
        "shared: 'Bob' is not one of the people: Ada",
    ),
    "owner and support at once": (
        read_team,
        "version: 1\npeople: {Ada: {role: x, days_per_week: 1}}\nothers: {owner: Ada, effort_days: 1, support: {Ada: 1}}\n",
        "others: 'Ada' owns it and supports it",
    ),
    "a week of seven days": (
        read_team,
        "version: 1\npeople: {Ada: {role: x, days_per_week: 7}}\n",
        "days_per_week: expected less than",
    ),
    "a name that steers a terminal": (
        read_team,
        'version: 1\npeople: {"A\\edb": {role: x, days_per_week: 1}}\n',
        "string should match pattern",
    ),
    "a node for the system alone": (
        read_assumptions,
        "version: 1\nnodes: {cores: 0.2}\n",
        "the system takes all of a node",
    ),
    "no quantity": (read_assumptions, "version: 1\nredis: {base_memory: much}\n", "'much' is not a Kubernetes quantity"),
    "not YAML": (read_team, "people: [a\n", "not valid YAML"),
    "a list": (read_prices, "- 1\n", "expected a mapping"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_clear_message(tmp_path, name):
    read, text, message = BROKEN[name]
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="no such file"):
        read_team(tmp_path / "team.yaml")


def test_work_is_found_by_id_then_kind_then_others():
    team = read_team(EXAMPLES / "team.yaml")
    assert team.work_on("max-replicas:orders").effort_days == 1
    assert team.work_on("max-replicas:dashboard").effort_days == 0.5
    assert team.work_on("redis-memory") == team.others
    assert list(team.work_on("database-connections").days) == ["Ben", "Chi"]


def test_all_assumptions_have_defaults():
    assert PlanAssumptions.model_validate({"version": 1}) == PlanAssumptions()


def growth(tmp_path, text):
    file = tmp_path / "growth.csv"
    file.write_text(text)
    return read_growth_file(file)


def test_growth_is_read(tmp_path):
    assert growth(tmp_path, "Date,Users\n2026-01,100\n\n2026-02-15,250.5\n") == (
        (date(2026, 1, 1), 100.0),
        (date(2026, 2, 15), 250.5),
    )
    points = read_growth_file(EXAMPLES / "growth.csv")
    assert len(points) == sum(1 for _ in csv.reader((EXAMPLES / "growth.csv").open())) - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the header date,users, found 'nothing'"),
        ("day,count\n2026-01-01,1\n2026-01-02,2\n", "expected the header date,users, found 'day,count'"),
        ("date,users\n2026-01-01,1\n", "expected at least two rows, found 1"),
        ("date,users\n2026-01-01,1\n2026-01-01,2\n", ":3: the date does not increase"),
        ("date,users\n2026-02-01,1\n2026-01-01,2\n", ":3: the date does not increase"),
        ("date,users\nsoon,1\n2026-01-01,2\n", ":2: expected a date such as 2026-12-01, found 'soon'"),
        ("date,users\n9999-12-31,1\n2026-01-01,2\n", ":2: expected a date"),
        ("date,users\n2026-01-01,1\n2026-02-01,0\n", ":3: expected a number of users above 0, found '0'"),
        ("date,users\n2026-01-01,1\n2026-02-01,nan\n", ":3: expected a number of users"),
        ("date,users\n2026-01-01,1\n2026-02-01\n", ":3: expected a number of users above 0, found ''"),
    ],
)
def test_growth_that_is_broken(tmp_path, text, message):
    with pytest.raises(BadInputError) as caught:
        growth(tmp_path, text)
    assert message in str(caught.value)


def test_growth_that_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match="no such file"):
        read_growth_file(tmp_path / "growth.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="cannot be read as CSV"):
        read_growth_file(tmp_path / "binary.csv")
