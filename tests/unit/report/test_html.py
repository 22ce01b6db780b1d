"""One file that opens offline, runs nothing but its own scripts, and can be read by anyone."""

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from fakes.sample_proof import sample_proof
from fakes.sample_run import sample_policy, sample_run
from scaleproof.report.charts.chart import label
from scaleproof.report.render import render_report
from scaleproof.report.subject import Subject

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
CSS = (files("scaleproof.report") / "templates" / "report.css").read_text()


class Page(HTMLParser):
    """Tags, ids, scripts and visible text of a page."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.open, self.text = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text.append(data)

    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def test_it_is_one_well_formed_file_of_reasonable_size(page, parsed):
    assert parsed.open == []
    assert len(page.encode()) < 7_000_000
    ids = parsed.ids()
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded(parsed):
    assert not [tag for tag, _ in parsed.tags if tag in {"link", "iframe", "object", "embed", "base", "form"}]
    for tag, attrs in parsed.tags:
        assert "src" not in attrs, tag
        assert not [name for name in attrs if name.startswith("on")], tag
        assert attrs.get("href", "#").startswith("#")


def test_the_policy_allows_exactly_the_scripts_of_the_page(parsed):
    policy = next(attrs["content"] for tag, attrs in parsed.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    data, *scripts = parsed.scripts
    json.loads(data)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]
    assert policy.startswith("default-src 'none'; script-src " + " ".join(hashes) + ";")
    assert "unsafe-eval" not in policy


def test_every_chart_has_its_place_its_words_and_its_colours(parsed):
    figures = json.loads(parsed.scripts[0])
    places = {attrs["data-chart"]: attrs for _, attrs in parsed.tags if "data-chart" in attrs}
    assert places.keys() == figures.keys() == {
        "replicas-0", "replicas-1", "latency-0", "latency-1", "violations", "frontier", "capacity", "latency-fit", "host",
    }  # fmt: skip
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 40 for attrs in places.values())
    named = set(re.findall(r"var\((--[a-z0-9-]+)\)", parsed.scripts[0]))
    light, dark = (set(re.findall(r"(--[a-z0-9-]+):", part)) for part in re.split(r"@media", CSS, maxsplit=2)[:2])
    assert named <= light == dark


def test_series_are_windows_not_requests(parsed):
    for figure in json.loads(parsed.scripts[0]).values():
        for trace in figure["data"]:
            assert len(trace["x"]) <= 400


def test_decisions_can_be_hovered_with_their_reason(parsed):
    words = json.dumps(json.loads(parsed.scripts[0])["replicas-0"])
    assert "DesiredWithinRange" in words
    assert "0:37: 1 \\u2192 2 replicas" in words


def test_what_a_person_needs_is_on_the_page(parsed):
    text = " ".join(" ".join(parsed.text).split())
    for words in (
        "Holds 10,000 users? ✓ Yes indicative",
        "least replicas 1 → 5",
        "+ minReplicas: 5",
        "Copy the diff",
        "scaleproof prove --target local --stack dev --users 10000",
        "What this does not say",
        "Was the prediction right?",
        "orders-0 crashed at 2:55",
    ):
        assert words in text


def test_hostile_text_stays_text():
    """A service, messages, errors, labels and reasons full of markup: nothing of it becomes an element or ends a script."""
    proof, runs = sample_proof(users=300)
    run = _renamed(runs["B1"])
    verdict = proof.verdict.model_copy(update={"reasons": [HOSTILE]})
    tuning = proof.tuning.model_copy(update={"diff": f"--- a\n+++ b\n+{HOSTILE}\n", "reasons": [HOSTILE]})
    proof = proof.model_copy(update={"verdict": verdict, "tuning": tuning, "stack": HOSTILE})
    text = render_report(Subject.of_proof(proof, {"A1": _renamed(runs["A1"]), "B1": run}), format="html")
    parsed = Page(text)
    assert parsed.open == []
    assert len(parsed.scripts) == 3
    assert not [tag for tag, _ in parsed.tags if tag == "img"]
    assert "<" not in parsed.scripts[0]
    assert HOSTILE in "".join(parsed.text)
    plotly_text = json.dumps(json.loads(parsed.scripts[0]))
    assert "<img" not in plotly_text
    assert "<script" not in plotly_text


def _renamed(run):
    """The run with its service orders called HOSTILE, and as much in every message."""

    def renamed(frame):
        frame = frame.copy()
        for column in ("service", "component"):
            if column in frame:
                frame[column] = frame[column].replace("orders", HOSTILE)
        for column in ("message", "reason", "error", "replica"):
            if column in frame:
                frame[column] = HOSTILE
        return frame

    services = {HOSTILE if name == "orders" else name: service for name, service in run.meta.platform.services.items()}
    policies = {HOSTILE if name == "orders" else name: service for name, service in run.meta.policy.services.items()}
    meta = run.meta.model_copy(
        update={
            "platform": run.meta.platform.model_copy(update={"services": services}),
            "policy": run.meta.policy.model_copy(update={"services": policies}),
            "label": HOSTILE,
            "shape_name": HOSTILE,
            "machine": {HOSTILE: HOSTILE},
            "versions": {HOSTILE: HOSTILE},
        }
    )
    return replace(run, meta=meta, tables={name: renamed(frame) for name, frame in run.tables.items()})


def test_plotly_is_given_escaped_text_wrapped_at_words():
    assert label("<b>&") == "&lt;b&gt;&amp;"
    assert label("one two three", 7) == "one two<br>three"


def test_one_run_and_two_runs_render_too():
    run, other = sample_run(users=300), sample_run(users=300, label="after", policy=sample_policy(target=60))
    alone = Page(render_report(Subject.of_run(run)))
    assert {"replicas-0", "latency-0", "violations", "host"} <= set(alone.ids())
    assert not {"frontier", "capacity", "policy"} & set(alone.ids())
    both = Page(render_report(Subject.of_two(run, other)))
    assert "policy" in both.ids()
    assert "How the policies of the two runs differ." in " ".join(both.text)


def test_an_empty_run_renders(tmp_path):
    run = sample_run(users=300)
    empty = replace(run, tables={name: frame.iloc[:0] for name, frame in run.tables.items()})
    for form in ("html", "md", "json"):
        assert render_report(Subject.of_run(empty), format=form)


def test_rendering_takes_seconds_of_cpu_not_more(sample):
    begun = time.process_time()
    render_report(Subject.of_two(*sample[1].values()), format="html")
    assert time.process_time() - begun < 5


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("scheme", "part"), [("light", 0), ("dark", 1)])
def test_text_and_lines_have_enough_contrast(scheme, part):
    """WCAG 2.2 AA: 4.5 for text, 3 for lines that carry meaning."""
    colours = dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{6})", re.split(r"@media", CSS, maxsplit=2)[part]))

    def contrast(front, back):
        high, low = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    texts = [
        ("--ink", "--page"),
        ("--muted", "--page"),
        ("--muted", "--panel"),
        ("--accent", "--panel"),
        ("--accent", "--page"),
    ]
    texts += [(f"--{tone}", f"--{tone}-soft") for tone in ("good", "bad", "caution")]
    for front, back in texts:
        assert contrast(front, back) >= 4.5, (scheme, front, back)
    lines = ["--before", "--after", "--demand", "--slo", "--event", *(f"--series-{index}" for index in range(1, 7))]
    for line in lines:
        assert contrast(line, "--panel") >= 3, (scheme, line)
