from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.load.journeys import Journey, Task
from scaleproof.load.schedule import active_intervals, draw, draw_schedule
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import SHAPE_NAMES, Shape, named
from scaleproof.telemetry.tables import SCHEDULE

JOURNEYS = (
    Journey(
        name="Shopper",
        weight=3,
        tasks=(Task(name="browse", weight=3, service="orders"), Task(name="settings", weight=1, service="dashboard")),
    ),
    Journey(name="Staff", weight=1, tasks=(Task(name="overview", weight=1, service="dashboard"),)),
)
THINK = (20.0, 40.0)
FLAT = Shape("flat", ((0.0, 1.0), (100.0, 1.0)))


def drawn(**changes):
    arguments = {"journeys": JOURNEYS, "users": 2_000, "shape": FLAT, "seed": 7, "think_seconds": THINK}
    return draw_schedule(**{**arguments, **changes})


def test_the_frame_is_the_runs_schedule_table():
    frame = drawn()
    assert frame.columns.tolist() == SCHEDULE.names
    assert frame["action"].tolist() == list(range(len(frame)))
    assert frame["intended_s"].is_monotonic_increasing
    assert frame["intended_s"].between(0, 100, inclusive="left").all()


def test_the_same_seed_draws_the_same_frame_and_another_seed_another():
    pd.testing.assert_frame_equal(drawn(), drawn())
    assert not drawn()["intended_s"].equals(drawn(seed=8)["intended_s"].iloc[: len(drawn())])


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_the_rate_follows_the_active_users_at_once(name):
    shape = named(name)
    frame = drawn(users=10_000, shape=shape)
    edges = np.arange(0.0, shape.duration_seconds + 1, 10.0)
    arrivals = np.histogram(frame["intended_s"], edges)[0]
    grid = np.linspace(0, shape.duration_seconds, 5_000)
    users = shape.users_at(grid, 10_000)
    for start, count in zip(edges, arrivals, strict=False):
        expected = users[(grid >= start) & (grid < start + 10)].mean() / 30 * 10
        assert abs(count - expected) < 5 * np.sqrt(expected) + 5, f"{name} at {start:.0f} s"


def test_a_user_acts_only_while_it_is_active_and_thinks_in_between():
    shape = Shape("twice", ((0, 0.0), (50, 1.0), (100, 0.0), (150, 1.0), (200, 0.0)))
    frame = drawn(users=50, shape=shape, think_seconds=(5, 10))
    assert (shape.users_at(frame["intended_s"].to_numpy(), 50) > frame["user"] - 1e-6).all()
    gaps = frame.sort_values(["user", "intended_s"]).groupby("user")["intended_s"].diff().dropna()
    user, start, _ = active_intervals(shape, 50)
    first_stay = gaps[gaps < 10.0]
    assert (first_stay >= 5.0 - 1e-9).mean() > 0.9, "only where a user left and came back may a gap be shorter"
    assert np.bincount(user).tolist() == [2] * 50, "everyone leaves once and comes back"
    assert (start >= 0).all()


def test_the_mix_of_journeys_holds_at_every_number_of_users():
    schedule = draw(JOURNEYS, 1_000, FLAT, 3, THINK)
    for users in (10, 40, 200, 1_000):
        share = (schedule.journey_of_user[:users] == 0).mean()
        assert share == pytest.approx(0.75, abs=0.1 if users < 40 else 0.03)


def test_tasks_come_by_their_weights():
    frame = drawn(users=20_000)
    share = frame.groupby("journey")["task"].value_counts(normalize=True)
    assert share["Shopper", "browse"] == pytest.approx(0.75, abs=0.02)
    assert frame["service"].eq("orders").mean() == pytest.approx(0.75 * 0.75, abs=0.02)


def test_a_load_of_one_service_keeps_its_rate_and_its_proportions():
    frame = drawn(users=20_000, services={"dashboard"})
    assert set(frame["service"]) == {"dashboard"}
    assert len(frame) == pytest.approx(20_000 * 100 / 30, rel=0.02)
    # of all dashboard actions 0.75 * 0.25 are settings, 0.25 are overviews
    assert frame["task"].eq("settings").mean() == pytest.approx(0.1875 / 0.4375, abs=0.02)


def test_a_service_without_tasks_is_refused():
    with pytest.raises(BadInputError, match="no task serves payments"):
        drawn(services={"payments"})


def test_a_shape_without_users_draws_nothing():
    assert drawn(shape=Shape("none", ((0.0, 0.0), (10.0, 0.0)))).empty


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 50), st.floats(0, 1)), min_size=1, max_size=6),
    st.integers(1, 60),
)
def test_as_many_users_are_active_as_the_shape_holds(legs, users):
    times = np.cumsum([0.0, *(seconds for seconds, _ in legs)])
    shape = Shape("any", tuple(zip(times.tolist(), [0.0, *(share for _, share in legs)], strict=True)))
    _, start, end = active_intervals(shape, users)
    assert (end >= start).all()
    for moment in (times[:-1] + times[1:]) / 2:
        active = int(((start <= moment) & (moment < end)).sum())
        level = float(shape.users_at(np.array([moment]), users)[0])
        assert active in {int(np.ceil(level - 1e-9)), int(np.ceil(level + 1e-9)), int(np.ceil(level))}


def test_ten_thousand_users_are_drawn_within_a_second():
    drawn()
    started = time.process_time()
    drawn(users=10_000, shape=named("spike"))
    assert time.process_time() - started < 1.0


def test_drawing_imports_neither_locust_nor_gevent():
    code = "import sys, scaleproof.load.local_generator; print('locust' in sys.modules or 'gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


PAGES = (
    Journey(
        name="Page",
        weight=1,
        tasks=(
            Task(name="look", weight=1, service="orders"),
            Task(name="open_page", weight=3, service="dashboard", together=("refresh", "layout", "revenue")),
            Task(name="layout", weight=0, service="dashboard"),
            Task(name="refresh", weight=0, service="identity"),
            Task(name="revenue", weight=0, service="orders"),
        ),
    ),
)


def test_what_is_played_together_is_a_row_each_at_one_time():
    frame = drawn(journeys=PAGES)
    moments = frame.groupby(["user", "intended_s"])["task"].agg(tuple)
    assert set(moments) == {("look",), ("open_page", "refresh", "layout", "revenue")}
    assert (moments.str.len() == 4).mean() == pytest.approx(0.75, abs=0.03)
    assert len(moments) == pytest.approx(2_000 * 100 / 30, rel=0.05), "each user acts once a think time"
    assert frame["service"].value_counts(normalize=True).to_dict() == pytest.approx(
        {"dashboard": 6 / 13, "orders": 4 / 13, "identity": 3 / 13}, abs=0.02
    )
    assert frame["action"].tolist() == list(range(len(frame)))
    assert frame["intended_s"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("services", "moments"),
    [
        ({"orders"}, {("look",): 0.25, ("revenue",): 0.75}),
        ({"dashboard"}, {("open_page", "layout"): 1.0}),
        ({"identity"}, {("refresh",): 1.0}),
        ({"identity", "orders"}, {("look",): 0.25, ("refresh", "revenue"): 0.75}),
    ],
)
def test_of_what_is_played_together_only_what_serves_a_wanted_service_is_drawn(services, moments):
    frame = drawn(journeys=PAGES, services=services)
    found = frame.groupby(["user", "intended_s"])["task"].agg(tuple).value_counts(normalize=True).to_dict()
    assert found == pytest.approx(moments, abs=0.03)


def test_arrivals_as_arrays_are_those_of_the_frame():
    schedule = draw(PAGES, 200, FLAT, 3, THINK)
    frame = schedule.frame()
    for service, times in schedule.times_by_service().items():
        assert times.tolist() == frame.loc[frame["service"] == service, "intended_s"].tolist()
