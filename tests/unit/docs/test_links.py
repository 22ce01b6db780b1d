"""No dead link: files, headings and anchors that the documentation leads to are there, and every page can be found."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from pages import REPOSITORY, anchors, links, name_of, pages

PAGES = pages()
anchors_of = cache(anchors)


def target_of(page: Path, path: str) -> Path:
    return (page.parent / path).resolve() if path else page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    dead = []
    for link in links(page):
        if "://" in link.target or link.target.startswith("mailto:"):
            continue
        path, _, anchor = link.target.partition("#")
        target = target_of(page, path)
        inside = target == REPOSITORY or REPOSITORY in target.parents
        if not inside or not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(str(link))
    assert dead == []


def test_every_page_is_in_the_list_of_pages():
    index = REPOSITORY / "docs/README.md"
    listed = {target_of(index, link.target.partition("#")[0]) for link in links(index) if "://" not in link.target}
    folders = {index.parent / "adr"}
    missing = {
        name_of(page)
        for page in PAGES
        if index.parent in page.parents and page != index and not {page, *page.parents} & (listed | folders)
    }
    assert missing == set(), "docs/README.md lists every page"


def test_every_decision_is_in_the_list_of_pages():
    text = (REPOSITORY / "docs/README.md").read_text()
    assert [file.name for file in sorted((REPOSITORY / "docs/adr").glob("*.md")) if f"adr/{file.name}" not in text] == []


def test_each_of_what_was_asked_for_has_a_page_and_something_to_see():
    """The table of docs/README.md; a test that it names is there."""
    text = (REPOSITORY / "docs/README.md").read_text()
    rows = re.findall(r"^\| (\d+) \| [\w ]+ \| (.+) \| (`.+)", text, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 15))
    assert all("](" in page or page == "this page" for _, page, _ in rows)
    assert [
        path for _, _, see in rows for path in re.findall(r"pytest ([\w/.]+)", see) if not (REPOSITORY / path).exists()
    ] == []


def test_a_dead_link_is_seen(tmp_path):
    """What the tests above rest on."""
    page = tmp_path / "page.md"
    page.write_text('# One `two`: three\n## Twice\n## Twice\n<a id="by-hand"></a>\n\n[a](b.md#c) ![d](e.svg)\n')
    assert [link.target for link in links(page)] == ["b.md#c", "e.svg"]
    assert anchors(page) == {"one-two-three", "twice", "twice-1", "by-hand"}
