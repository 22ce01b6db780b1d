"""An ordinary locustfile and a Prometheus' token on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.command import typed
from fakes.gate_project import write_project
from scaleproof.wiring.adoption import init
from scaleproof.wiring.project import Project

ORDINARY = """\
from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(1)

    @task
    def look(self):
        self.client.get("/orders")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path)
    (tmp_path / "mine.py").write_text(ORDINARY)
    return tmp_path


def test_the_locustfile_of_the_command_line_wins(project):
    opened = Project.open(project, stack="dev", target="local")
    asked = {"users": None, "shape": None, "seed": 1, "processes": None}
    assert opened.plan(**asked).locustfile == project / "locustfile.py"
    plan = opened.plan(**asked, locustfile=project / "mine.py", tags=("a", "b"), exclude_tags=("c",))
    assert (plan.locustfile, plan.tags, plan.exclude_tags) == (project / "mine.py", ("a", "b"), ("c",))


@pytest.mark.parametrize("verb", [["prove", "--indicative"], ["calibrate"]])
def test_minutes_are_not_spent_before_a_locustfile_is_refused(project, verb):
    (project / "locustfile.py").write_text(ORDINARY)
    done = typed(project, *verb)
    assert done.returncode == 2
    assert "Shopper is an ordinary Locust user: what it does cannot be drawn in advance" in done.stderr
    assert "`scaleproof load` plays it as it is" in done.stderr
    assert "starting platform" not in done.stderr


def test_a_token_without_a_prometheus_is_a_mistake(project):
    done = typed(project, "load", "--prometheus-token-file", "token")
    assert done.returncode == 2
    assert "--prometheus-token-file is for --prometheus" in done.stderr


def test_a_token_file_that_is_not_there_is_said_before_anything_is_asked(project):
    done = typed(project, "load", "--prometheus", "http://127.0.0.1:9", "--prometheus-token-file", "ghost")
    assert done.returncode == 2
    assert "ghost: cannot be read" in done.stderr


def test_init_says_what_ordinary_users_cannot_do(project, capsys):
    nothing = {"from_cluster": False, "namespaces": (), "context": None, "manifests": (), "openapi": (), "stack": "dev"}
    init(**nothing, locustfile=project / "mine.py", output=project / "scale", force=False)
    said = capsys.readouterr().out
    assert "mine.py: Shopper: ordinary Locust users. `scaleproof load` plays them as they are, a closed loop" in said
    assert (project / "mine.py").read_text() == ORDINARY
    opened = Project.open(project / "scale", stack="dev", target="local")
    plan = opened.plan(users=None, shape=None, seed=1, processes=None)
    assert plan.locustfile.resolve() == project / "mine.py"
    (name,) = opened.platform.services
    assert opened.platform.service_of("/orders") == name
