"""Findings for terminals, code scanning, CI servers and pull requests; what files say is escaped everywhere."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.report.annotations import github_annotations
from scaleproof.report.checkup import Checkup, harmless
from scaleproof.report.checkup_lines import checkup_lines
from scaleproof.report.findings_markdown import findings_markdown
from scaleproof.report.junit import junit_xml
from scaleproof.report.sarif import sarif_log
from scaleproof.rules.catalogue import FAMILIES, rule_of
from scaleproof.rules.rule import Finding

HOSTILE = "a\x1b[31m\n::error file=x::b|`c`<script>@root</script>%0A,:]]>\x00\u202e&"
FIELD = "config.scaleproof:policy.services.orders.autoscaling.maxReplicas"


def finding(rule: str, message: str = "orders: needs 4", file: str = "Pulumi.dev.yaml", line: int = 12) -> Finding:
    return Finding(rule_of(rule), message, file, line, FIELD, "orders")


def checkup(*findings: Finding, **changes: object) -> Checkup:
    return Checkup("check", findings, FAMILIES, **changes)


SEVERAL = checkup(
    finding("max-replicas-below-need"),
    finding("max-replicas-below-need", "front: needs 3", line=30),
    finding("single-replica", "orders: minReplicas 1"),
    finding("metric-left-to-default", "orders: no metric"),
    ignored={"no-drain": "the report service may lose requests"},
    figures=(("", "now"), ("cost", "1,000")),
    notes=("no baseline",),
    explanation=("policy: orders: most replicas 6 → 3",),
)
HOSTILE_CHECKUP = checkup(finding("max-replicas-below-need", HOSTILE, HOSTILE), notes=(HOSTILE,), explanation=(HOSTILE,))


def test_lines_say_where_what_and_how_to_mend_it():
    lines = checkup_lines(SEVERAL)
    assert lines[0].split() == ["now"]
    assert "error: Pulumi.dev.yaml:12: orders: needs 4 [max-replicas-below-need]" in lines
    assert f"  → {rule_of('single-replica').fix}" in lines
    assert lines[-1].startswith("check: 2 errors, 1 warning, 1 note; ")
    assert lines[-1].endswith("rules asked, 1 ignored")


def test_only_errors_fail():
    assert SEVERAL.failed
    assert not checkup(finding("single-replica"), finding("metric-left-to-default")).failed
    assert not checkup().failed


# --- SARIF: what docs.github.com, "SARIF support for code scanning", asks for, and what the standard requires ------------------


def valid_sarif(text: str) -> dict:
    """The run; asserts every property that the standard requires of what we write, and those that GitHub reads."""
    log = json.loads(text)
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "scaleproof"
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    identities = [rule["id"] for rule in driver["rules"]]
    assert len(set(identities)) == len(identities)
    for rule in driver["rules"]:
        assert 0 < len(rule["name"]) <= 255
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
        assert rule["properties"]["problem.severity"] in {"error", "warning", "recommendation"}
        assert rule["properties"]["precision"] in {"very-high", "high", "medium", "low"}
        assert len(rule["properties"]["tags"]) <= 20
    for result in run["results"]:
        assert identities[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=@%/-]+", physical["artifactLocation"]["uri"])
        assert physical["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert physical["region"]["startLine"] >= 1
        assert all(re.fullmatch(r"[0-9a-f]{32}", digest) for digest in result["partialFingerprints"].values())
    return run


def test_sarif_has_every_rule_and_every_finding():
    run = valid_sarif(sarif_log(SEVERAL, version="1.2.3"))
    assert len(run["tool"]["driver"]["rules"]) == len(SEVERAL.rules)
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning", "note"]
    first = run["results"][0]["locations"][0]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "Pulumi.dev.yaml"
    assert first["physicalLocation"]["region"] == {"startLine": 12}
    assert first["logicalLocations"][0]["fullyQualifiedName"] == FIELD


def test_a_finding_stays_the_same_one_when_lines_move():
    def prints(line: int) -> str:
        return valid_sarif(sarif_log(checkup(finding("no-drain", line=line)), version="1.2.3"))["results"][0][
            "partialFingerprints"
        ]

    assert prints(1) == prints(99)
    other = valid_sarif(sarif_log(checkup(finding("no-drain", file="other.yaml")), version="1.2.3"))["results"][0]
    assert other["partialFingerprints"] != prints(1)


def test_an_absolute_file_is_the_uri_that_it_is():
    log = json.loads(sarif_log(checkup(finding("no-drain", file="/tmp/a b.yaml")), version="1.2.3"))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///tmp/a%20b.yaml"}


# --- JUnit: what jenkins-junit.xsd requires ------------------------------------------------------------------------------------


def valid_junit(text: str) -> ET.Element:
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    cases = list(root.iter("testcase"))
    for suite in root:
        assert suite.tag == "testsuite"
        inside = suite.findall("testcase")
        assert [int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")] == [
            len(inside),
            sum(case.find("failure") is not None for case in inside),
            0,
            sum(case.find("skipped") is not None for case in inside),
        ]
        assert float(suite.attrib["time"]) >= 0
    assert int(root.attrib["tests"]) == len(cases)
    for case in cases:
        assert set(case.attrib) == {"classname", "name", "time"}
        assert {child.tag for child in case} <= {"failure", "skipped", "system-out"}
        for failure in case.findall("failure"):
            assert set(failure.attrib) == {"message", "type"}
    return root


def case_of(root: ET.Element, name: str) -> ET.Element:
    return next(case for case in root.iter("testcase") if case.attrib["name"] == name)


def test_junit_has_a_case_a_rule():
    root = valid_junit(junit_xml(SEVERAL))
    assert int(root.attrib["failures"]) == 1
    failure = case_of(root, "max-replicas-below-need").find("failure")
    assert failure.attrib["message"] == "orders: needs 4 (and 1 more)"
    assert "Pulumi.dev.yaml:30: front: needs 3" in failure.text
    assert case_of(root, "no-drain").find("skipped").attrib["message"] == "the report service may lose requests"
    assert "minReplicas 1" in case_of(root, "single-replica").find("system-out").text
    assert len(case_of(root, "two-autoscalers")) == 0


# --- GitHub --------------------------------------------------------------------------------------------------------------------


def test_annotations():
    lines = github_annotations(SEVERAL)
    assert lines[0].startswith(
        "::error file=Pulumi.dev.yaml,line=12,title=maxReplicas is below what the peak needs::orders: needs 4 (max-replicas-below-need)."
    )
    assert [line.split()[0] for line in lines] == ["::error", "::error", "::warning", "::notice"]


def test_markdown_has_the_verdict_and_a_row_a_finding():
    text = findings_markdown(SEVERAL)
    assert text.startswith("## ❌ scaleproof check: no\n")
    assert "| ❌ error | `max-replicas-below-need` | Pulumi.dev.yaml:12 | orders: needs 4 |" in text
    assert "- `no-drain`: the report service may lose requests" in text
    assert findings_markdown(checkup()).startswith("## ✅ scaleproof check: ok\n")


# --- hostile names -------------------------------------------------------------------------------------------------------------


@given(st.text())
def test_harmless_text_is_one_visible_line(text):
    shown = harmless(text)
    assert shown == harmless(shown)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert shown.isprintable()


def test_a_hostile_name_moves_no_cursor():
    assert all(line.isprintable() for line in checkup_lines(HOSTILE_CHECKUP))


def test_a_hostile_name_makes_no_annotation_of_its_own():
    (line,) = github_annotations(HOSTILE_CHECKUP)
    head, _, _ = line.removeprefix("::").partition("::")
    assert head.count(",") == 2
    assert "%250A" in line


@pytest.mark.parametrize("text", [HOSTILE, "</details>", "![x](http://evil)", "a|b", "@team", "`x`"])
def test_a_hostile_name_makes_no_markup(text):
    page = findings_markdown(checkup(finding("max-replicas-below-need", text), notes=(text,)))
    plain = re.sub(r"\\.", "", page.replace("@<!-- -->", ""))
    assert "<script" not in plain
    assert "@team" not in plain
    assert "@root" not in plain
    assert "](http" not in plain
    row = next(line for line in page.splitlines() if "max-replicas-below-need" in line and line.startswith("|"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert plain.count("</details>") == 1


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_makes_a_valid_document(message, file):
    name = str(PurePosixPath("x") / file.replace("/", "_").replace("\ud800", ""))
    found = checkup(finding("max-replicas-below-need", "m" + message, "f" + name))
    run = valid_sarif(sarif_log(found, version="1.2.3"))
    assert run["results"][0]["message"]["text"] == harmless("m" + message)
    valid_junit(junit_xml(found))
