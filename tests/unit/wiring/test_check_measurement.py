"""The measured part of `check`, on a platform and a generator that are fakes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes.gate_project import dearer
from fakes.world import World, plan, platform, policy, truth, world
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.gate import Gate
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.baseline import BaselineLoad
from scaleproof.tuner.regression import figure_growths
from scaleproof.wiring.check_measurement import measured_runs
from scaleproof.wiring.target import Session

SHORT = Shape("ramp", ((0.0, 1.0), (40.0, 1.0)))
LOAD = BaselineLoad(users=600, shape="ramp", think_seconds=(10, 30), seed=1, requests={})
WANTED = policy(orders=(3, 6), dashboard=(2, 3))


@dataclass
class FakeTarget:
    here: World

    @contextmanager
    def session(self, *, start: bool = False, keep: bool = False):
        yield Session(self.here.rig, self.here.platform.policy, 10_000)


def measured(folder: Path, here: World, runs: int = 2, spec=None):
    project = SimpleNamespace(target=FakeTarget(here), policy=WANTED, platform=spec or platform(), runs=folder)
    return measured_runs(project, plan(users=600, shape=SHORT), truth(), runs, LOAD)


def test_a_run_a_seed_and_the_policy_in_force_comes_back(tmp_path):
    here = world()
    in_force = here.platform.policy
    found, notes = measured(tmp_path, here)
    assert notes == []
    assert (found.machine, found.target) == ("machine-1", here.platform.name)
    assert found.figures.seeds == [1, 2]
    assert here.platform.policy == in_force
    assert len(list(tmp_path.iterdir())) == 2


def test_a_quarter_more_cpu_a_request_is_seen_and_unchanged_runs_are_not(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    before, _ = measured(tmp_path / "a", world(), runs=3)
    again, _ = measured(tmp_path / "b", world(), runs=3)
    slower = world()
    slower.platform.truth = dearer(1.25)
    after, _ = measured(tmp_path / "c", slower, runs=3)

    def regressed(figures):
        growths = figure_growths(before.figures, figures, Gate(), "measured")
        return {(growth.metric, growth.service) for growth in growths if growth.regressed}

    assert regressed(again.figures) == set()
    assert ("cpu_per_request", "orders") in regressed(after.figures)
    assert ("cpu_per_request", "dashboard") not in regressed(after.figures)


def test_a_run_that_fails_ends_the_measuring(tmp_path, monkeypatch):
    here = world()
    shares = iter([0.2, 0.9, 0.1])
    monkeypatch.setattr("scaleproof.tuner.measured_figures.failed_share", lambda run: next(shares))
    found, notes = measured(tmp_path, here, runs=3)
    assert found.figures.seeds == [1, 2]
    assert notes == ["measuring ended after run 2 of 3: 90 % of its requests failed"]


def test_a_disturbed_run_is_no_figure_and_the_policy_still_comes_back(tmp_path, monkeypatch):
    here = world()
    in_force = here.platform.policy

    def disturbed(run):
        raise CannotMeasureError("disturbed")

    monkeypatch.setattr("scaleproof.telemetry.marks.assert_measurable", disturbed)
    with pytest.raises(CannotMeasureError):
        measured(tmp_path, here)
    assert here.platform.policy == in_force
