"""Who is there when, of users whose actions nobody draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.load.crowd import UserClass, gathered
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import Shape, named

FLAT = Shape("flat", ((0.0, 1.0), (10.0, 1.0)))
SPIKE = named("spike")


def test_classes_share_by_weight():
    crowd = gathered([UserClass("Rare", 1), UserClass("Often", 3)], 1_000, FLAT, seed=1)
    assert crowd.names == ("Often", "Rare")
    assert crowd.counts() == {"Often": pytest.approx(750, abs=2), "Rare": pytest.approx(250, abs=2)}


def test_the_mix_holds_while_the_crowd_grows():
    crowd = gathered([UserClass("Rare", 1), UserClass("Often", 3)], 1_000, FLAT, seed=1)
    first = crowd.class_of_user[:100]
    assert np.mean(first == crowd.names.index("Rare")) == pytest.approx(0.25, abs=0.03)


def test_fixed_counts_come_first_whatever_the_weights():
    crowd = gathered([UserClass("Many", 5), UserClass("One", 9, fixed_count=2)], 10, FLAT, seed=1)
    assert crowd.counts() == {"Many": 8, "One": 2}
    assert [crowd.names[index] for index in crowd.class_of_user[:3]] == ["One", "One", "Many"]


def test_more_fixed_than_there_are_users():
    assert gathered([UserClass("A", fixed_count=3), UserClass("B", fixed_count=3)], 4, FLAT, 1).counts() == {"A": 3, "B": 1}


def test_users_for_whom_there_is_no_class_are_refused():
    with pytest.raises(BadInputError, match="8 of 10 users have no class: One have a fixed_count"):
        gathered([UserClass("One", fixed_count=2)], 10, FLAT, 1)


@given(
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=6),
    users=st.integers(1, 60),
    second=st.floats(0.001, 0.999),
)
def test_as_many_are_there_as_the_shape_says(shares, users, second):
    shape = Shape("any", tuple((10.0 * index, share) for index, share in enumerate(shares)))
    crowd = gathered([UserClass("A")], users, shape, seed=2)
    moment = second * shape.duration_seconds
    there = sum(any(start <= moment < end for start, end in crowd.stretches(user)) for user in range(users))
    assert abs(there - float(shape.users_at(np.array([moment]), users)[0])) <= 1.0 + 1e-6


def test_a_user_of_the_peak_comes_and_goes():
    crowd = gathered([UserClass("A")], 100, SPIKE, seed=1)
    assert crowd.stretches(0) == [(0.0, SPIKE.duration_seconds)]
    ((start, end),) = crowd.stretches(99)
    assert 15 < start < 25
    assert 100 <= end < 105


def test_the_same_seed_gives_the_same_crowd():
    classes = [UserClass("A", 1), UserClass("B", 2)]
    first, again, other = (gathered(classes, 50, FLAT, seed).class_of_user.tolist() for seed in (3, 3, 4))
    assert first == again
    assert first != other
