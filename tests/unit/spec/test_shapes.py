"""Users over time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import SHAPE_NAMES, named, replay, spike, steps


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_every_shape_reaches_its_peak_and_stays_within_it(name):
    shape = named(name)
    users = shape.users_at(np.arange(0, shape.duration_seconds, 0.5), 10_000)
    assert users.max() == pytest.approx(10_000, rel=0.01)
    assert users.min() >= 0


def test_spike_reads_as_a_timeline():
    shape = spike(base=0.1, lead=10, rise=20, hold=60, fall=5, tail=30)
    for second, users, gloss in [
        (0, 100, "quiet"),
        (10, 100, "still quiet"),
        (20, 550, "half way up"),
        (30, 1000, "everyone is here"),
        (89, 1000, "and stays"),
        (95, 100, "gone"),
        (125, 100, "until the end"),
        (126, 0, "after the end nobody"),
    ]:
        assert shape.users_at(np.array([float(second)]), 1000)[0] == pytest.approx(users), gloss
    assert shape.peak_window() == (30, 90)


def test_steps_hold_each_level():
    shape = steps(count=4, each=10)
    assert [round(u) for u in shape.users_at(np.array([5.0, 15.0, 25.0, 35.0]), 400)] == [100, 200, 300, 400]


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=50).filter(lambda rates: max(rates) > 0))
def test_a_replay_follows_its_trace(rates):
    shape = replay("trace.csv", np.array(rates))
    top = max(rates)
    for second, rate in enumerate(rates):
        assert shape.users_at(np.array([float(second)]), 1_000)[0] == pytest.approx(1000 * rate / top, abs=1e-6)


def test_a_trace_without_requests_is_refused():
    with pytest.raises(BadInputError, match="no rate above 0"):
        replay("trace.csv", np.zeros(5))


def test_an_unknown_shape_names_the_known_ones():
    with pytest.raises(BadInputError, match=r"'wave' is not known: expected one of spike, ramp"):
        named("wave")
