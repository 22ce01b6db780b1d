"""A plan as text, markdown, HTML and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from fakes.growth_plan import START, TEAM, growth_question, uncertain
from scaleproof.report.plan.figures import bytes_text, figure_text, reached_text, shown
from scaleproof.report.plan.gantt import LABELS, WIDTH, drawing_of
from scaleproof.report.plan.render import FORMATS, render_plan
from scaleproof.report.wording import amount, number
from scaleproof.spec.plan_files import Team
from scaleproof.tuner.growth_plan.growth import Reached, SteadyGrowth
from scaleproof.tuner.growth_plan.plan import make_plan
from scaleproof.tuner.growth_plan.samples import Figure

HOSTILE = '</text><script>alert(1)</script>|`*"&'


@pytest.fixture(scope="module")
def plan():
    return make_plan(growth_question())


@pytest.fixture(scope="module")
def hostile():
    text = json.dumps(TEAM).replace("Ada", json.dumps(HOSTILE)[1:-1])
    return make_plan(growth_question(team=Team.model_validate_json(text)))


class Page(HTMLParser):
    """Tags and visible text."""

    VOID = frozenset({"meta"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize(
    ("figure", "text", "expected"),
    [
        (Figure(24, 20, 31), number, "24 (20 to 31)"),
        (Figure(2, 2, 2), number, "2"),
        (Figure(2.04, 2.0, 2.1, extrapolated=True), number, "2 ~"),
        (Figure(0.25, 0.25, 0.25, assumed=True), amount, "0.25 *"),
        (Figure(0.25, 0.2, 0.3, extrapolated=True, assumed=True), amount, "0.25 (0.2 to 0.3) ~*"),
    ],
)
def test_figures(figure, text, expected):
    assert figure_text(figure, text) == expected


def test_bytes():
    assert [bytes_text(size) for size in (64 * 2**20, 2**30, 1.5 * 2**30)] == ["64 MiB", "1 GiB", "1.5 GiB"]


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        (None, "–"),
        (Reached(START), "now"),
        (Reached(date(2027, 3, 4)), "2027-03-04"),
        (
            Reached(date(2027, 3, 4), date(2027, 2, 1), date(2027, 5, 1), extrapolated=True),
            "2027-03-04 (2027-02-01 to 2027-05-01) ~",
        ),
        (Reached(date(2027, 3, 4), date(2027, 2, 1), None), "2027-03-04 (2027-02-01 to never)"),
        (Reached(None, date(2100, 1, 1)), "not within 100 years (2100-01-01 at the earliest)"),
        (Reached(None), "not within 100 years"),
    ],
)
def test_dates(reached, expected):
    assert reached_text(reached, START) == expected


def test_a_terminal_is_not_steered():
    assert shown("a\x1b[31mb\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"


def test_text_has_every_part(plan):
    text = render_plan(plan, format="text")
    assert text.splitlines()[0] == "Growth plan of fake: 1,000, 3,000 and 10,000 users"
    for words in (
        "Milestones:",
        "What each part needs:",
        "Bottlenecks, in the order",
        "Who does what",
        "note: Growth: 1,000 users",
        "Assumptions:",
    ):
        assert words in text
    row = next(line for line in text.splitlines() if line.split()[:4] == ["orders", "replicas", "at", "the"])
    assert "~" in row
    assert text.endswith("\n")
    assert "\x1b" not in text


def test_a_plan_without_anything_but_users(plan):
    bare = make_plan(growth_question(growth=None, team=None, prices=None))
    text = render_plan(bare, format="text")
    assert "Who does what" not in text
    assert "none given, so nothing has a date" in text
    for format_ in FORMATS:
        assert render_plan(bare, format=format_)


def test_markdown_tables_are_whole_and_escaped(hostile):
    text = render_plan(hostile, format="md")
    assert "<script>" not in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            columns = {line.replace("\\|", "").count("|") for line in block.splitlines()}
            assert len(columns) == 1
    assert r"\<script\>" in text


def test_the_page_is_well_formed_loads_nothing_and_runs_nothing(hostile):
    page = Page(render_plan(hostile, format="html"))
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "img", "iframe", "object"}]
    assert all("src" not in attrs and not [name for name in attrs if name.startswith("on")] for _, attrs in page.tags)
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    anchors = [attrs["href"].removeprefix("#") for tag, attrs in page.tags if tag == "a"]
    assert set(anchors) <= set(ids)
    assert HOSTILE in " ".join(page.text)


def test_the_schedule_is_drawn_and_said(plan):
    page = Page(render_plan(plan, format="html"))
    (drawing,) = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert "bottlenecks are lifted from 2026-W49" in drawing["aria-label"]
    assert len([tag for tag, _ in page.tags if tag == "rect"]) == len(plan.scheduled)


def test_bars_lie_within_the_picture_in_the_order_of_time(plan):
    drawing = drawing_of(plan)
    assert len(drawing.bars) == len(plan.bottlenecks)
    for bar, task in zip(drawing.bars, plan.scheduled, strict=True):
        assert bar.label == task.task.id
        assert bar.x >= LABELS
        assert bar.x + bar.width <= WIDTH
        assert bar.late == (task.late_days > 0)
        assert bar.due_x is None or LABELS <= bar.due_x <= WIDTH
    first = min(plan.scheduled, key=lambda each: each.begin)
    assert min(bar.x for bar in drawing.bars) == next(bar.x for bar in drawing.bars if bar.label == first.task.id)
    assert len({tick.label for tick in drawing.ticks}) == len(drawing.ticks)


def test_milestones_within_the_picture_are_marked():
    fast = SteadyGrowth(START, 1_000, 3.0, "week", compound=True)
    drawing = drawing_of(make_plan(growth_question(growth=fast)))
    assert [mark.label for mark in drawing.marks] == ["1,000 users", "3,000 users", "10,000 users"]
    assert [mark.x for mark in drawing.marks] == sorted(mark.x for mark in drawing.marks)


def test_json_is_whole_and_finite(plan):
    document = json.loads(render_plan(plan, format="json"), parse_constant=pytest.fail)
    assert (document["version"], document["platform"], document["start"]) == (1, "fake", "2026-11-30")
    needs = document["milestones"][-1]["needs"]
    assert set(needs) == {"services", "gateway", "postgres", "redis", "nodes", "platform"}
    assert set(needs["services"]["orders"]["replicas"]) == {"value", "low", "high", "extrapolated", "assumed"}
    assert document["bottlenecks"][0]["breaks_at_users"]["value"] <= 10_000
    assert document["schedule"][0]["begin_week"].startswith("2026-W")
    assert document["holds_users"] == plan.holds


def test_json_of_a_platform_that_holds_has_null_for_infinite():
    question = growth_question(milestones=(10,), calibration=uncertain(0.0))
    document = json.loads(render_plan(make_plan(question), format="json"))
    assert document["holds_users"] is None
    assert document["bottlenecks"] == []


def test_it_says_what_it_rests_on(plan):
    text = " ".join(render_plan(plan, format="text").split())
    assert "note: Calibration: measured on 1970-01-12, target local, machine machine-1" in text
    assert "requests go to dashboard 20 % and orders 80 % of the actions" in text
    assert "note: orders: measured up to about" in text
    assert "is assumed; `--run FOLDER` takes it from a measured run" in text


def test_risks_come_first():
    fast = replace(growth_question(), growth=SteadyGrowth(START, 1_000, 10.0, "week", compound=True))
    lines = render_plan(make_plan(fast), format="text").splitlines()
    assert any(line.startswith("AT RISK: 10,000 users: ") for line in lines[:20])
