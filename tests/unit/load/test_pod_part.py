"""A pod's part ends with the conversation, however that ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaleproof import __version__
from scaleproof.load.pod_part import Part, chunks, play

PING = json.dumps({"do": "ping"})


def test_it_answers_and_ends_with_the_input(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    play([PING, "\n", PING], said.append, tmp_path)
    assert [(each["say"], each["version"]) for each in said] == [("pong", __version__)] * 2


def test_it_ends_when_it_hears_nothing_more(tmp_path: Path) -> None:
    forever = threading.Event()

    def silent() -> Iterator[str]:
        yield PING
        forever.wait(60)

    begun = time.monotonic()
    play(silent(), lambda _: None, tmp_path, silence_seconds=0.3)
    assert 0.3 <= time.monotonic() - begun < 10
    forever.set()


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    play([json.dumps({"do": "end"}), PING], said.append, tmp_path)
    assert said == []


def test_an_order_of_another_version_is_refused_with_its_field(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    play([json.dumps({"do": "start", "role": "conductor"})], said.append, tmp_path)
    assert said[0]["say"] == "failed"
    assert str(said[0]["message"]).startswith("the order's role: ")
    assert list(tmp_path.iterdir()) == []


def test_asked_for_a_record_without_a_load_it_has_none(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    part = Part(tmp_path, said.append)
    part.hear({"do": "collect"})
    part.hear({"do": "signal", "name": "stop.json", "content": {}})
    part.look()
    part.end()
    assert said == [{"say": "collected"}]


@pytest.mark.parametrize(("size", "pieces"), [(0, 1), (10, 1), (192 * 1024, 1), (192 * 1024 + 1, 2)])
def test_a_file_is_sent_whole_in_pieces(tmp_path: Path, size: int, pieces: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    sent = list(chunks(tmp_path / "file"))
    assert [last for _, last in sent] == [False] * (pieces - 1) + [True]
