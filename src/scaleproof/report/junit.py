"""Findings as JUnit XML: a test suite a family, a test case a rule.

The dialect is the one that Jenkins, GitLab and GitHub's reporters read (junit-10.xsd of Jenkins' xUnit plug-in). Only errors fail a case:
warnings and notes are its output.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from scaleproof.report.checkup import Checkup, harmless
from scaleproof.rules.rule import Finding, Rule


def junit_xml(checkup: Checkup) -> str:
    """The document with its declaration and a final newline."""
    suites = [_suite(checkup, family, rules) for family, rules in checkup.families.items() if rules]
    # The schema knows `skipped` of a suite, not of all suites together.
    root = ET.Element("testsuites", {"name": f"scaleproof {checkup.verb}", **_sum(suites)})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(checkup: Checkup, family: str, rules: tuple[Rule, ...]) -> ET.Element:
    cases = [_case(checkup, family, rule) for rule in rules]
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": 0,
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    suite = ET.Element(
        "testsuite", {"name": harmless(family), **{name: str(count) for name, count in counts.items()}, "time": "0"}
    )
    suite.extend(cases)
    return suite


def _case(checkup: Checkup, family: str, rule: Rule) -> ET.Element:
    case = ET.Element("testcase", {"classname": f"scaleproof.{harmless(family)}", "name": rule.id, "time": "0"})
    found = [finding for finding in checkup.findings if finding.rule.id == rule.id]
    if rule.id in checkup.ignored:
        ET.SubElement(case, "skipped", {"message": harmless(checkup.ignored[rule.id])})
    elif found and rule.severity == "error":
        message = harmless(found[0].message) + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
        ET.SubElement(case, "failure", {"message": message, "type": rule.severity}).text = _text(rule, found)
    elif found:
        ET.SubElement(case, "system-out").text = _text(rule, found)
    return case


def _text(rule: Rule, found: list[Finding]) -> str:
    places = [f"{harmless(finding.file)}:{finding.line}: {harmless(finding.message)}" for finding in found]
    return "\n".join([*places, f"Why: {rule.why}", f"Fix: {rule.fix}."])


def _sum(suites: list[ET.Element]) -> dict[str, str]:
    return {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in ("tests", "failures", "errors")}
