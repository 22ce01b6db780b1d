"""The file of a search is replaced whole, or not at all."""

from __future__ import annotations

import pytest

from benchmarks.fixed_point import wave
from benchmarks.reference import SERVICE
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.traffic.question import TrafficQuestion
from scaleproof.wiring.search_file import open_checkpoint, replace_whole

QUESTION = TrafficQuestion(SERVICE, [wave(1, minutes=5)])


def test_it_is_replaced_whole(tmp_path):
    file = tmp_path / "search.npz"
    for content in (b"first", b"second"):
        replace_whole(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_where_it_cannot_be_written_the_old_one_stays(tmp_path):
    file = tmp_path / "search.npz"
    file.mkdir()
    with pytest.raises(BadInputError, match=r"search.npz: cannot be written"):
        replace_whole(file, b"new")
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_no_state(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        open_checkpoint(tmp_path, QUESTION)


def test_a_new_file_has_nothing_to_continue(tmp_path):
    open_checkpoint(tmp_path / "search.npz", QUESTION)
    assert list(tmp_path.iterdir()) == []
