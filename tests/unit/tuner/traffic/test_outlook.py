"""What a race is expected to play, and how far it is."""

from __future__ import annotations

import pytest

from scaleproof.tuner.traffic.outlook import SURVIVORS, Outlook, race_seconds


def test_a_race_plays_every_round_with_those_who_are_left_and_all_runs_with_the_survivors():
    first, second = SURVIVORS[:2]
    expected = 1000 * 10 + 1000 * first * 20 + 1000 * first * second * 80
    assert race_seconds(1000, 10, [10, 20], 80) == pytest.approx(expected)
    assert race_seconds(1000 * first, 10, [10, 20], 80, begin=1) == pytest.approx(expected - 10_000)


def test_few_policies_are_played_in_all_runs_at_once():
    assert race_seconds(10, 10, [10, 20], 80) == 800


def test_the_share_never_falls_and_the_time_left_follows_the_speed():
    outlook = Outlook(current=100.0, coming=[("polishing", 50.0), ("polishing", 50.0), ("simplifying", 100.0)])
    assert (outlook.share(), outlook.seconds_left(0.0)) == (0, 0)
    outlook.played(100)
    assert outlook.share() == pytest.approx(1 / 3)
    assert outlook.seconds_left(20) == pytest.approx(40)
    outlook.begin("polishing", 200)  # more than was expected
    assert outlook.share() == pytest.approx(1 / 3)
    outlook.played(200)
    outlook.begin("polishing", 10)
    outlook.drop("polishing")  # the last one helped nothing
    outlook.played(10)
    outlook.begin("polishing", 0)  # nobody expected it
    assert outlook.coming == [("simplifying", 100.0)]
    assert outlook.share() == pytest.approx(310 / 410)
    outlook.begin("simplifying", 40)
    outlook.played(40)
    assert outlook.share() == 1


def test_nothing_to_play():
    assert Outlook().share() == 0


def test_a_step_more_may_come():
    outlook = Outlook(current=10.0)
    for _ in range(2):
        outlook.expect_one("polishing", 30.0)
    assert outlook.coming == [("polishing", 30.0)]
