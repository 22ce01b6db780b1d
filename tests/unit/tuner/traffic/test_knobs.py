"""Every position of the knobs is a spec that says the same, and the simplest position sets nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.simulator import autoscaling
from scaleproof.simulator.autoscaling_spec import pack
from scaleproof.tuner.traffic import knobs as values
from scaleproof.tuner.traffic.knobs import TrafficKnobs

positions = st.builds(
    TrafficKnobs,
    target=st.integers(1, 5_000_000),
    minimum=st.integers(1, 5),
    maximum=st.integers(5, 50),
    of_requests=st.booleans(),
    up_tolerance=st.sampled_from(values.UP_TOLERANCES),
    down_tolerance=st.sampled_from(values.DOWN_TOLERANCES),
    up_window=st.sampled_from(values.UP_WINDOWS),
    down_window=st.sampled_from(values.DOWN_WINDOWS),
    up_rules=st.sampled_from(values.UP_RULES),
    down_rules=st.sampled_from(values.DOWN_RULES),
)


@given(positions)
def test_the_spec_says_what_the_knobs_say(knobs: TrafficKnobs) -> None:
    packed = pack(knobs.spec(), 250, sync_seconds=15)
    kind = autoscaling.REQUESTS_AVERAGE_VALUE if knobs.of_requests else autoscaling.CPU_UTILIZATION
    assert packed.metrics.tolist() == [[kind, knobs.target]]
    assert packed.ints[autoscaling.MIN_REPLICAS] == knobs.minimum
    assert packed.floats[autoscaling.UP_TOLERANCE] == pytest.approx(0.1 if knobs.up_tolerance is None else knobs.up_tolerance)
    assert packed.floats[autoscaling.DOWN_TOLERANCE] == pytest.approx(
        0.1 if knobs.down_tolerance is None else knobs.down_tolerance
    )
    assert packed.floats[autoscaling.UP_WINDOW] == (knobs.up_window or 0)
    assert packed.floats[autoscaling.DOWN_WINDOW] == (300 if knobs.down_window is None else knobs.down_window)
    assert (knobs.spec().behavior is None) == (not knobs.set_fields())


def test_values_are_written_as_a_person_writes_them() -> None:
    spec = TrafficKnobs(112_579, 2, 9, of_requests=True, up_tolerance=0.02, down_tolerance=0.0).spec()
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert document["metrics"][0]["pods"]["target"]["averageValue"] == "112.579"
    assert document["behavior"] == {"scaleUp": {"tolerance": "0.02"}, "scaleDown": {"tolerance": "0"}}
