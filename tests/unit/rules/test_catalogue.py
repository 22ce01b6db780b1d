"""Rules as data: ids that can be relied on, texts that say enough, and a page that is theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scaleproof.rules.catalogue import ALL, FAMILIES, LINT, VERDICTS, rule_of
from scaleproof.rules.page import rules_page
from scaleproof.rules.rule import SEVERITIES

REPOSITORY = Path(__file__).parents[3]


def test_there_are_enough_rules_and_none_twice():
    assert len(LINT) >= 25
    assert len({rule.id for rule in ALL}) == len(ALL)
    assert sum(len(rules) for rules in FAMILIES.values()) == len(ALL) == len(LINT) + len(VERDICTS)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_rule_says_what_breaks_and_what_mends_it(rule):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
    assert rule.severity in SEVERITIES
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert len(rule.why) > 60
    assert not rule.fix.endswith(".")
    assert len(rule.fix) > 20


def test_a_rule_is_found_by_its_id():
    assert rule_of("single-replica") in ALL
    assert rule_of("no-such-rule") is None


def test_the_page_is_fresh_and_names_every_rule():
    page = rules_page()
    assert all(f"### `{rule.id}` ({rule.severity})" in page for rule in ALL)
    assert (REPOSITORY / "docs/rules.md").read_text() == page, "run `make generated`"
