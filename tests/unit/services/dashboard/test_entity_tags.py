"""Entity tags as RFC 9110 writes them, and which of them admit a write or spare a read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors.raised import ServiceError
from services.dashboard.conditional import revisions_to_change
from services.dashboard.entity_tag import ENTITY_TAGS, entity_tag, is_among, revisions_in

REVISIONS = st.integers(0, 999_999_999)
FOREIGN = st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'), max_size=8)


@given(st.lists(REVISIONS, min_size=1, max_size=4), st.lists(FOREIGN, max_size=3), st.sampled_from([", ", ",", " , ", "\t,"]))
def test_revisions_are_found_among_tags_of_others(revisions: list[int], foreign: list[str], between: str):
    others = [f'"{text}"' for text in foreign if re.fullmatch(r"\d+\.\d+", text) is None]
    header = between.join([*others, *(entity_tag(revision, version=2) for revision in revisions)])
    assert re.fullmatch(ENTITY_TAGS, header)
    assert revisions_in(header) == revisions
    for revision in revisions:
        assert is_among(entity_tag(revision, version=2), header)
        assert not is_among(entity_tag(revision, version=3), header), "another format is another text"


@pytest.mark.parametrize(("header", "revisions", "gloss"), [
    ('"7.2"', [7], "ours"),
    ('"7.1"', [7], "of an older format: the revision is the same"),
    ('W/"7.2"', [], "a weak one never admits a write"),
    ('W/"6.2", "7.2"', [7], "beside a strong one"),
    ('"7"', [], "not ours"),
    ('"7.2.1"', [], "not ours"),
    ('"-7.2"', [], "not ours"),
    ('"1234567890.2"', [], "greater than any revision"),
    ('"a,\'7.2\'"', [], "a comma may be in a tag"),
    ("*", [], "any is no revision"),
])  # fmt: skip
def test_which_revisions_a_write_may_replace(header: str, revisions: list[int], gloss: str):
    assert re.fullmatch(ENTITY_TAGS, header)
    assert revisions_in(header) == revisions, gloss


@pytest.mark.parametrize("header", ["", "7.2", '"7.2', '"7.2",', 'w/"7.2"', '"7.2" "8.2"', '*, "7.2"', '"ü"', '"\n"'])
def test_what_is_no_list_of_tags(header: str):
    assert re.fullmatch(ENTITY_TAGS, header) is None


@pytest.mark.parametrize(("header", "spared"), [
    ('"7.2"', True), ('W/"7.2"', True), ('"6.2", "7.2"', True), ("*", True), ('"7.1"', False), ('"8.2"', False), ('""', False),
])  # fmt: skip
def test_which_reads_are_spared(header: str, spared: bool):
    assert is_among('"7.2"', header) is spared


@pytest.mark.parametrize("header", [None, "*"])
def test_no_write_is_blind(header: str | None):
    with pytest.raises(ServiceError, match="if_match_required"):
        revisions_to_change(header)
