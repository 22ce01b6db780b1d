"""Who does what, and when: read as timelines. 30 November 2026 is a Monday."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.tuner.growth_plan.schedule import Task, iso_week, schedule

MONDAY = date(2026, 11, 30)
FULL = {"Ada": 5.0, "Ben": 5.0}


def spans(*tasks, people=FULL, start=MONDAY):
    return {each.task.id: (each.begin, each.end) for each in schedule(tasks, people, start)}


def test_one_person_does_one_thing_after_the_other():
    found = spans(Task("a", {"Ada": 2}), Task("b", {"Ada": 1}))
    assert found == {"a": (MONDAY, date(2026, 12, 1)), "b": (date(2026, 12, 2), date(2026, 12, 2))}


def test_two_people_work_side_by_side():
    assert spans(Task("a", {"Ada": 2, "Ben": 1})) == {"a": (MONDAY, date(2026, 12, 1))}


def test_what_comes_after_begins_on_the_next_working_day():
    found = spans(Task("a", {"Ada": 5}), Task("b", {"Ben": 1}, after=("a",)))
    assert found["a"] == (MONDAY, date(2026, 12, 4))
    assert found["b"] == (date(2026, 12, 7), date(2026, 12, 7))  # a weekend between


def test_a_fifth_of_the_week_a_day():
    assert spans(Task("a", {"Ada": 1}), people={"Ada": 1.0}) == {"a": (MONDAY, date(2026, 12, 4))}


def test_a_later_task_takes_the_time_that_is_left():
    found = spans(Task("a", {"Ben": 3}), Task("b", {"Ada": 1}, after=("a",)), Task("c", {"Ada": 2}))
    assert found["c"] == (MONDAY, date(2026, 12, 1))


def test_it_begins_on_a_working_day():
    assert spans(Task("a", {"Ada": 1}), start=date(2026, 12, 5)) == {"a": (date(2026, 12, 7), date(2026, 12, 7))}


def test_without_a_name_neither_it_nor_what_follows_is_planned():
    found = spans(Task("a", None), Task("b", {"Ada": 1}, after=("a",)), Task("c", {"Ada": 1}))
    assert found == {"a": (None, None), "b": (None, None), "c": (MONDAY, MONDAY)}


@pytest.mark.parametrize(("due", "late"), [(date(2026, 12, 1), 0), (date(2026, 11, 30), 1), (None, 0), (date(2026, 11, 1), 30)])
def test_late_is_counted_in_days(due, late):
    (found,) = schedule([Task("a", {"Ada": 2}, due=due)], FULL, MONDAY)
    assert found.late_days == late


@pytest.mark.parametrize(
    ("day", "week"), [(MONDAY, "2026-W49"), (date(2027, 1, 1), "2026-W53"), (date(2027, 1, 4), "2027-W01")]
)
def test_weeks_are_isos(day, week):
    assert iso_week(day) == week


@st.composite
def tangles(draw):
    """Tasks that may come after any before them, on people with little time."""
    people = draw(st.dictionaries(st.sampled_from(["Ada", "Ben", "Chi"]), st.floats(0.5, 5), min_size=1))
    tasks = []
    for index in range(draw(st.integers(1, 8))):
        days = draw(st.dictionaries(st.sampled_from(sorted(people)), st.floats(0.05, 12), min_size=1))
        after = draw(st.sets(st.sampled_from([each.id for each in tasks]))) if tasks else set()
        tasks.append(Task(f"t{index}", days, tuple(sorted(after))))
    return people, tasks


@given(tangles(), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_nobody_is_overbooked_and_nothing_begins_too_early(tangle, start):
    people, tasks = tangle
    found = {each.task.id: each for each in schedule(tasks, people, start)}
    booked = defaultdict(float)
    for each in found.values():
        assert each.begin >= start
        spent = defaultdict(float)
        for slot in each.slots:
            assert each.begin <= slot.day <= each.end
            assert slot.day.weekday() < 5
            booked[slot.person, slot.day] += slot.share
            spent[slot.person] += slot.share
        assert dict(spent) == pytest.approx(dict(each.task.days), abs=1e-6)
        for before in each.task.after:
            assert found[before].end < each.begin
    weeks = defaultdict(float)
    for (person, day), share in booked.items():
        assert share <= people[person] / 5 + 1e-9
        weeks[person, iso_week(day)] += share
    assert all(days <= people[person] + 1e-6 for (person, _), days in weeks.items())
