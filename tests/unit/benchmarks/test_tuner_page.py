"""docs/benchmarks.md and its picture are what the kept figures make, and one column of them is what comes out today."""

from __future__ import annotations

import pytest

from benchmarks.peers import PEERS
from benchmarks.tuner import by_peer, generated, halves, hindsight, ours
from benchmarks.tuner_page import PAGE, PICTURE, Judged, Later, cell, line, page, picture, read_kept

TRACE = "constant"
"""Generated, so that it is everywhere, and quick to tune on."""
HOW = "make it anew: .venv/bin/python -m benchmarks.tuner_page"


def test_the_page_is_fresh():
    assert PAGE.read_text() == page(read_kept()), HOW


def test_the_picture_is_fresh():
    assert PICTURE.read_bytes() == picture(read_kept()), HOW


def test_a_column_comes_out_again():
    kept = read_kept()
    column = {row.name: row.found[kept.traces.index(TRACE)] for row in kept.later}
    first, second = halves(generated())[TRACE]
    fresh = {peer.name: by_peer(peer.rule, peer.kind, first, second) for peer in PEERS}
    fresh["**scaleproof**"] = ours(TRACE, first, second)
    fresh["hindsight (grid, on the judging runs)"] = hindsight(second)
    for name, found in fresh.items():
        assert found.cost == pytest.approx(column[name].cost, abs=0.0006), name
        assert found.violation == pytest.approx(column[name].violation, abs=0.00006), name


def test_a_violation_stands_beside_the_cost():
    assert [cell(each) for each in (None, Judged(1.30149, 0.001), Judged(1.3, 0.0011))] == [
        "–",
        "1.301",
        "1.300 (violates 0.11 %)",
    ]
    assert line(Later("a", (Judged(1.2, 0), Judged(1.4, 0)))) == "| a | 1.200 | 1.400 | 1.300 |"
    assert line(Later("a", (Judged(1.2, 0), None))) == "| a | 1.200 | – | holds on 1 of 2 |"
