"""What a search has kept serves the same question alone."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest

from benchmarks.fixed_point import wave
from benchmarks.reference import SERVICE
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.traffic import checkpoint
from scaleproof.tuner.traffic.checkpoint import Checkpoint, key_of
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.question import TrafficQuestion

QUESTION = TrafficQuestion(SERVICE, [wave(1, minutes=5)])
POLICIES = pack_policies([TrafficKnobs(target, 2, 10).spec() for target in range(60, 70)], SERVICE)
WORLDS = [world_of(QUESTION.traces[0].rates, SERVICE, seed=seed) for seed in (1, 2)]


def played(kept=None, key="a"):
    """(results of two plays, policy-seconds really played, what was saved)."""
    saved, done = [], []
    player = Checkpoint(key, saved.append, kept, name="search.npz")
    found = [player(POLICIES, SERVICE, worlds, advance=done.append) for worlds in (WORLDS, WORLDS[:1])]
    return found, sum(done), saved


def test_it_plays_in_pieces_and_never_again(monkeypatch):
    monkeypatch.setattr(checkpoint, "PIECE_SECONDS", 4 * 600)
    found, done, saved = played()
    assert found[0].tolist() == evaluate(POLICIES, SERVICE, WORLDS).tolist()
    assert done == 10 * 900
    assert len(saved) == 3 + 2  # 4 + 4 + 2 in two worlds, 8 + 2 in one
    for number, state in enumerate(saved):
        again, rest, _ = played(state)
        assert [each.tolist() for each in again] == [each.tolist() for each in found]
        assert rest == [6 * 600 + 3000, 2 * 600 + 3000, 3000, 600, 0][number]


def test_nothing_to_play():
    assert Checkpoint("a", lambda state: None)(POLICIES.chosen([]), SERVICE, WORLDS).shape == (0, 2, 5)


def test_of_another_question_it_is_refused():
    state = played()[2][-1]
    with pytest.raises(BadInputError, match=r"search.npz: of another question"):
        played(state, key="b")
    with pytest.raises(BadInputError, match=r"search.npz: of a search that went another way"):
        Checkpoint("a", lambda state: None, state, name="search.npz")(POLICIES, SERVICE, WORLDS[:1])


@pytest.mark.parametrize("state", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(BadInputError, match=r"search.npz: is not the state of a search"):
        played(state)


def test_an_array_or_an_archive_of_something_else_is_refused():
    for save in (np.save, np.savez):
        out = io.BytesIO()
        save(out, np.ones(2))
        with pytest.raises(BadInputError, match="is not the state of a search"):
            played(out.getvalue())


def test_a_newer_version_is_refused(monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 2)
    state = played()[2][-1]
    monkeypatch.setattr(checkpoint, "VERSION", 1)
    with pytest.raises(BadInputError, match="version 2 is newer than 1"):
        played(state)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"budget": 0.002},
        {"traces": [wave(2, minutes=5)]},
        {"most_replicas": 40},
        {"of_requests": True},
        {"service": SERVICE.model_copy(update={"start_seconds": (15, 26)})},
        {"current": TrafficKnobs(80, 2, 10).spec()},
    ],
)
def test_the_key_is_of_all_that_is_asked(other):
    assert key_of(dataclasses.replace(QUESTION, **other), "1") != key_of(QUESTION, "1")


def test_the_key_is_of_the_software():
    assert key_of(QUESTION, "1") == key_of(TrafficQuestion(SERVICE, [wave(1, minutes=5)]), "1") != key_of(QUESTION, "2")
