"""Calls a request, read from spans."""

import itertools

import pytest

from scaleproof.telemetry.run import Run, empty_table
from scaleproof.telemetry.spans import Span, edges, edges_of, span_table, spans_of

OVERVIEW = "GET /overview"
_numbers = itertools.count(1)


def span(service, name, *, below=None, kind="server", trace="t1", parent=None, failed=False, peer=""):
    identity = f"{next(_numbers):x}"
    parent = below.span_id if below is not None else parent or ""
    return Span(trace, identity, parent, service, name, kind, 100.0, 0.1, 500 if failed else 200, failed, peer)


def request(calls, *, trace="t1", name=OVERVIEW, gateway=True, lost=()):
    """A request as its spans: gateway → dashboard → orders, so many times. `lost` are services whose spans never arrived."""
    root = span("gateway", "/overview", trace=trace)
    entry = span("dashboard", name, below=root if gateway else None, trace=trace)
    found = [root, entry] if gateway else [entry]
    for _ in range(calls):
        call = span("dashboard", "GET orders", below=entry, kind="client", trace=trace, peer="orders")
        found += [call, span("orders", "GET /orders", below=call, trace=trace)]
    return [each for each in found if each.service not in lost]


def told(spans):
    return [(e.entry, e.caller, e.callee, e.calls_per_request, e.requests, e.failed, e.chatty) for e in edges(spans)]


@pytest.mark.parametrize(("spans", "expected", "gloss"), [
    ([], [], "nothing"),
    (request(0), [], "a request that calls nobody has no edge"),
    (request(2), [(OVERVIEW, "dashboard", "orders", 2.0, 1, 0, False)], "two calls"),
    (request(2) + request(4, trace="t2"), [(OVERVIEW, "dashboard", "orders", 3.0, 2, 0, False)], "the mean of two requests; three calls are not too many"),
    (request(4), [(OVERVIEW, "dashboard", "orders", 4.0, 1, 0, True)], "four are"),
    (request(2) + request(0, trace="t2"), [(OVERVIEW, "dashboard", "orders", 1.0, 2, 0, False)], "one of two found everything in its cache"),
    (request(2, gateway=False), [(OVERVIEW, "dashboard", "orders", 2.0, 1, 0, False)], "without a gateway the trace begins with the service"),
    (request(2, lost={"orders"}), [(OVERVIEW, "dashboard", "orders", 2.0, 1, 0, False)], "who was asked is known from the caller, too"),
    (request(2, lost={"gateway"}), [], "a parent that was lost: nobody knows whether the request entered here"),
    (request(2, lost={"dashboard"}), [], "orders alone: not how it was reached"),
    (request(1) * 2, [(OVERVIEW, "dashboard", "orders", 1.0, 1, 0, False)], "an exporter sent a batch twice"),
])  # fmt: skip
def test_edges(spans, expected, gloss):
    assert told(spans) == expected, gloss


def test_kinds_of_requests_are_apart_and_the_chattiest_comes_first():
    spans = request(1) + request(5, trace="t2", name="GET /list")
    assert [edge.entry for edge in edges(spans)] == ["GET /list", OVERVIEW]


def test_an_edge_further_down_belongs_to_the_request_that_entered():
    root = span("gateway", "/")
    entry = span("dashboard", OVERVIEW, below=root)
    call = span("dashboard", "GET orders", below=entry, kind="client", peer="orders")
    served = span("orders", "GET /orders", below=call)
    deeper = span("orders", "GET identity", below=served, kind="client", peer="identity", failed=True)
    assert told([deeper, served, call, entry, root]) == [
        (OVERVIEW, "dashboard", "orders", 1.0, 1, 0, False),
        (OVERVIEW, "orders", "identity", 1.0, 1, 1, False),
    ]


def test_spans_that_go_in_circles_are_left_out():
    one = Span("t", "1", "2", "a", "x", "client", 0.0, 0.0, 0, False, "b")
    other = Span("t", "2", "1", "a", "x", "client", 0.0, 0.0, 0, False, "b")
    assert edges([one, other]) == []


def test_a_table_gives_back_what_was_put_in_but_for_the_time():
    spans = request(2)
    table = span_table(spans, start=90.0)
    assert list(table["time_s"]) == [10.0] * 6
    assert [(each.span_id, each.start_s) for each in spans_of(table)] == [(each.span_id, 10.0) for each in spans]
    assert edges_of(Run(meta=None, tables={"spans": table})) == edges(spans)


def test_a_run_without_traces_has_no_edge():
    assert edges_of(Run(meta=None, tables={})) == edges_of(Run(meta=None, tables={"spans": empty_table("spans")})) == []
