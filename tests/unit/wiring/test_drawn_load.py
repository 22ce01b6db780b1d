"""The drawn load is the one that Project.simulate draws, without what takes long to import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fakes.gate_project import write_project
from scaleproof.load.journeys import Journey, Task
from scaleproof.load.schedule import draw
from scaleproof.simulator.arrivals import from_schedule
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import named
from scaleproof.wiring.drawn_load import inspection
from scaleproof.wiring.project import Project

JOURNEYS = (
    Journey(name="a", weight=3, tasks=(Task(name="x", weight=1, service="orders"), Task(name="y", weight=2, service="front"))),
    Journey(name="b", weight=1, tasks=(Task(name="z", weight=1, service="front"),)),
)


def test_times_by_service_are_those_of_the_frame():
    schedule = draw(JOURNEYS, 300, named("ramp"), 3, (10.0, 30.0))
    wanted = from_schedule(schedule.frame())
    found = schedule.times_by_service()
    assert set(found) == set(wanted) == {"orders", "front"}
    for name, times in found.items():
        assert np.array_equal(times, wanted[name])
        assert np.all(np.diff(times) >= 0)


def test_the_journeys_of_a_locustfile(tmp_path):
    write_project(tmp_path)
    project = Project.open(tmp_path, stack="dev", target="local")
    plan = project.plan(users=None, shape=None, seed=1, processes=None)
    with inspection(plan.locustfile) as journeys:
        arrivals = journeys.arrivals(plan, project.platform)
    share = arrivals["orders"].size / sum(times.size for times in arrivals.values())
    assert share == pytest.approx(0.8, abs=0.03)


def test_a_locustfile_that_is_not_there(tmp_path):
    write_project(tmp_path)
    project = Project.open(tmp_path, stack="dev", target="local")
    plan = project.plan(users=None, shape=None, seed=1, processes=None)
    plan.locustfile.unlink()
    with pytest.raises(BadInputError, match="no such locustfile"), inspection(plan.locustfile) as journeys:
        journeys.arrivals(plan, project.platform)


def test_a_check_does_without_what_takes_seconds_to_import(tmp_path):
    """A check answers within five seconds: Locust stays in the other process, and no table is read."""
    write_project(tmp_path)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from scaleproof.wiring.check import Question, check\n"
        "from scaleproof.wiring.checkup_output import CheckupOutput\n"
        "from scaleproof.wiring.lint_facts import Asked\n"
        "check(Question(Asked(project=Path()), seeds=2, explain=True), CheckupOutput())\n"
        "print([name for name in ('pandas', 'pyarrow', 'locust', 'gevent', 'kubernetes', 'jinja2', 'plotly') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
