"""Recorded runs of the real autoscaler, and the simulator given the same demand and policies.

`make record` makes the recordings; tests/cluster/test_reference_platform.py makes two anew each time and judges them in the same way.
"""

from __future__ import annotations

import numpy as np
import pytest
from recordings.recording import CALIBRATION, read, recordings
from recordings.replay import Beside, replay

from scaleproof.tuner.calibration_file import read_calibration

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def beside() -> list[Beside]:
    calibration = read_calibration(CALIBRATION)
    return [each for file in recordings() for each in replay(read(file), calibration)]


def test_there_are_recordings_of_every_shape_with_and_without_behaviours() -> None:
    names = {file.name.removesuffix(".recording.json") for file in recordings()}
    assert {f"{shape}-{kind}" for shape in ("spike", "ramp", "diurnal") for kind in ("plain", "behaviour")} <= names


def test_replica_seconds_are_near_where_the_phases_are_known(beside: list[Beside]) -> None:
    assert np.median([abs(each.error) for each in beside]) <= 0.02
    runs = {each.recording for each in beside}
    totals = [run_error([each for each in beside if each.recording == run]) for run in sorted(runs)]
    assert len(totals) >= 6
    assert np.median(totals) <= 0.05


def run_error(services: list[Beside]) -> float:
    """Of all services of a run together."""
    return abs(sum(each.of_known_phases.value for each in services) / sum(each.replica_seconds for each in services) - 1)


def test_replica_seconds_are_inside_the_interval_of_any_phase(beside: list[Beside]) -> None:
    """A 90 % interval, asked of as many runs: four in five is what chance leaves of it."""
    assert np.mean([each.is_inside for each in beside]) >= 0.8


def test_timelines_are_inside_the_interval_of_any_phase(beside: list[Beside]) -> None:
    assert np.mean([each.share_inside for each in beside]) >= 0.9


def test_the_autoscaler_worked_in_every_recording(beside: list[Beside]) -> None:
    assert all(each.measured.max() > each.measured[0] for each in beside if each.service == "orders")
