"""The live view: read at 80 columns, in a pipe, and by a program."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace

import pytest
from rich.cells import cell_len

from fakes.live_readings import GREW, NOW, ORDERS, PLATFORM, SPIKE, busy, reading
from scaleproof.report.live import Heading, decision_words, json_line, load_words, plain_lines, screen_lines, sparkline
from scaleproof.telemetry.live import History

HEADING = Heading("shop", "dev", "local", "http://127.0.0.1:8080")


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def snapshot(*readings):
    history = History(PLATFORM)
    for each in readings or (reading(NOW - 2), reading(NOW, orders=busy(2, 0.09))):
        history.add(each)
    return history.snapshot()


def screen(found, width=80, heading=HEADING):
    return "\n".join(line.plain.rstrip() for line in screen_lines(found, heading, width)) + "\n"


def test_the_screen_at_80_columns():
    assert screen(snapshot()) == textwrap.dedent("""\
        shop  local, stack dev  http://127.0.0.1:8080                           14:13:20
        load: 5,012 of 10,000 users, spike, 0:41 of 3:40, generator 0.42 cores

        service             rate      p95   errors             SLO    replicas
        orders            250 /s   184 ms    0.2 %     96.1 % kept     3/4 ≤ 6  ██
          cpu 90 %, the HPA saw 95 against 80
          3 → 4 at 14:13:11: a metric is above its target; cpu at 95 % against 80 %
          recommends 4
        dashboard           – /s        –        –               –     1/1 ≤ 2  ▃▃
          cpu –; no decision of the autoscaler yet

        figures of the load where it asks for a service, else the gateway's; replicas:…
        """)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width):
    long = replace(GREW, message="3 → 4: " + "a very long reason indeed " * 20)
    found = snapshot(reading(NOW - 1), reading(NOW, orders=replace(ORDERS, decision=long)))
    for line in screen_lines(found, HEADING, width):
        assert cell_len(line.plain) <= width
    assert len(screen_lines(found, HEADING, width)) <= 14


def test_wide_terminals_have_the_reason_beside_the_cpu():
    assert "  cpu 90 %, the HPA saw 95 against 80; 3 → 4 at 14:13:11: a metric is above" in screen(snapshot(), 160)


def test_a_missed_promise_is_red_and_a_kept_one_green():
    def style(found):
        row = next(line for line in screen_lines(found, HEADING, 80) if line.plain.startswith("orders"))
        return {row.plain[span.start : span.end]: str(span.style) for span in row.spans}

    assert style(snapshot())["96.1 % kept"] == "green"
    bad = replace(SPIKE.services["orders"], good=1_000)
    assert style(snapshot(reading(load=replace(SPIKE, services={"orders": bad}))))["25 % MISSED"] == "bold red"
    assert style(snapshot())["3/4 ≤ 6"] == "yellow"


def test_trouble_is_said_beside_what_was_last_seen():
    text = screen(snapshot(), heading=replace(HEADING, trouble="the API\x1b[2J does not answer"))
    assert "not seen since: the API\N{REPLACEMENT CHARACTER}[2J does not answer" in text
    assert "orders " in text


def test_a_platform_that_starts():
    found = snapshot(replace(reading(), services={}))
    assert "no service yet: the platform is starting" in screen(found)
    assert plain_lines(replace(found, load=None)) == ["14:13:20 no service yet: the platform is starting"]


def test_plain_lines_say_everything_of_a_service_in_one():
    load, orders, dashboard = plain_lines(snapshot())
    assert load == "14:13:20 load: 5,012 of 10,000 users, spike, 0:41 of 3:40, generator 0.42 cores"
    assert orders == (
        "14:13:20 orders: 250 requests/s, p95 184 ms, errors 0.2 %, SLO 96.1 % kept, replicas 3/4 ≤ 6, "
        "cpu 90 %, the HPA saw 95 against 80; "
        "3 → 4 at 14:13:11: a metric is above its target; cpu at 95 % against 80 % recommends 4"
    )
    assert dashboard.startswith("14:13:20 dashboard: – requests/s")


def test_a_program_gets_numbers_and_null_for_what_is_not_known():
    document = json.loads(json_line(snapshot(), HEADING))
    assert document["version"] == 1
    assert document["load"]["users"] == 5_012
    assert document["services"]["orders"]["keeps_slo"] is True
    assert document["services"]["orders"]["ready"] == 3
    assert document["services"]["orders"]["decision"]["reason"] == "MetricAboveTarget"
    assert document["services"]["dashboard"]["p95_s"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"held": True}, "the autoscaler is suspended: replicas are held"),
        ({"decision": None}, "no decision of the autoscaler yet"),
        (
            {"decision": replace(GREW, current=4, desired=4, time=None, reason="TooManyReplicas", message="")},
            "stays at 4: maxReplicas caps the count",
        ),
        (
            {
                "decision": replace(
                    GREW, time=None, reason="TooManyReplicas", message="the desired count is more than the maximum"
                )
            },
            "3 → 4: maxReplicas caps the count (the desired count is more than the maximum)",
        ),
        ({"decision": replace(GREW, time=None, reason="SomethingNew", message="")}, "3 → 4: SomethingNew"),
    ],
)
def test_the_autoscalers_last_words(change, words):
    (orders, _) = snapshot(reading(orders=replace(ORDERS, **change))).services
    assert decision_words(orders) == words


def test_a_load_in_a_few_words():
    assert load_words(replace(SPIKE, elapsed_s=-1.0)) == "10,000 users are being made ready (spike)"
    assert "spike, closed loop, 0:41" in load_words(replace(SPIKE, closed_loop=True))
    assert "3:40 of 3:40" in load_words(replace(SPIKE, elapsed_s=500.0))


def test_a_sparkline_has_all_values_in_the_room_there_is():
    assert sparkline((0, 1, 2, 4), 4, 4) == "▁▃▅█"
    assert sparkline((1, 0, 1, 2, 4), 3, 4) == "▃▃█"
    assert sparkline((), 3, 4) == ""
    assert sparkline((1, 2), 0, 2) == ""
    assert sparkline((0, 0), 5, 0) == "▁▁"
