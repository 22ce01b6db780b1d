"""SARIF and JUnit as their readers' own schemas have them (schemas/README.md says where these are from)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, ValidationError
from lxml import etree

from scaleproof.report.checkup import Checkup
from scaleproof.report.junit import junit_xml
from scaleproof.report.sarif import sarif_log
from scaleproof.rules.catalogue import FAMILIES, rule_of
from scaleproof.rules.rule import Finding

SCHEMAS = Path(__file__).parent / "schemas"
SARIF = Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()))
JUNIT = etree.XMLSchema(etree.parse(SCHEMAS / "junit-10.xsd"))
HOSTILE = "a\x1b[31m\n::error file=x::b|`c`<script>@root</script>%0A,:]]>\x00\u202e&"
FIELD = "config.scaleproof:policy.services.orders.autoscaling.maxReplicas"


def checkup(*texts: str) -> Checkup:
    """Every severity, an ignored rule, and these words wherever a file may say something."""
    names = ("max-replicas-below-need", "max-replicas-below-need", "single-replica", "metric-left-to-default", "no-drain")
    found = [
        Finding(rule_of(name), text, file, line, FIELD, "orders")
        for name in names
        for text, file, line in [(f"orders: {text}", text or "x", number) for number, text in enumerate(texts)]
    ]
    return Checkup("check", tuple(found), FAMILIES, ignored={"two-autoscalers": texts[0]}, notes=texts)


def junit_document(text: str) -> etree._Element:
    document = etree.fromstring(text.encode())
    JUNIT.assertValid(document)
    return document


@pytest.mark.parametrize("texts", [("needs 4",), (HOSTILE,), ("/tmp/a b.yaml", "", "ü ☃ \ud83d")])
def test_both_are_valid(texts):
    SARIF.validate(json.loads(sarif_log(checkup(*texts), version="1.2.3")))
    suites = junit_document(junit_xml(checkup(*texts)))
    assert suites.findall(".//failure")
    assert suites.findall(".//skipped")


def test_so_they_are_where_nothing_was_found():
    clean = Checkup("lint", (), FAMILIES)
    SARIF.validate(json.loads(sarif_log(clean, version="1.2.3")))
    assert junit_document(junit_xml(clean)).findall(".//failure") == []


@settings(max_examples=15)
@given(text=st.text(), file=st.text(min_size=1))
def test_whatever_a_file_says(text, file):
    SARIF.validate(json.loads(sarif_log(checkup(text, file), version="1.2.3")))
    junit_document(junit_xml(checkup(text, file)))


def test_the_schemas_refuse_what_is_wrong():
    log = json.loads(sarif_log(checkup("needs 4"), version="1.2.3"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValidationError, match="fatal"):
        SARIF.validate(log)
    document = etree.fromstring(junit_xml(checkup("needs 4")).encode())
    document.set("skipped", "1")
    with pytest.raises(etree.DocumentInvalid, match="skipped"):
        JUNIT.assertValid(document)
