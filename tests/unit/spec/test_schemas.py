"""The JSON schemas accept what the readers accept, and committed ones are those of the code."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from scaleproof.wiring import SCHEMA_NAMES, schema_of

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_a_committed_schema_is_valid_and_fresh(name):
    text = schema_of(name)
    Draft202012Validator.check_schema(json.loads(text))
    assert (REPOSITORY / f"docs/schemas/{name}.schema.json").read_text() == text, "run `make generated`"


def test_the_reference_files_match_their_schemas():
    yaml = YAML(typ="safe")
    platform = yaml.load(REPOSITORY / "platform.yaml")
    Draft202012Validator(json.loads(schema_of("platform"))).validate(platform)
    policy = yaml.load(REPOSITORY / "Pulumi.dev.yaml")["config"]["scaleproof:policy"]
    Draft202012Validator(json.loads(schema_of("policy"))).validate(policy)


def test_a_misspelt_field_is_not_accepted():
    platform = YAML(typ="safe").load(REPOSITORY / "platform.yaml")
    platform["services"]["orders"]["readyness"] = "/readyz"
    assert not Draft202012Validator(json.loads(schema_of("platform"))).is_valid(platform)


def test_the_committed_hpa_case_matches_its_schema():
    case = json.loads((REPOSITORY / "docs/examples/hpa-case.json").read_text())
    Draft202012Validator(json.loads(schema_of("hpa-case"))).validate(case)
