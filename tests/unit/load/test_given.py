"""What a command prints before a load reaches the users: on this machine and in pods."""

from __future__ import annotations

import json
import os
import stat
import textwrap
from pathlib import Path
from typing import Any

import pytest

from fakes.generator_pods import LocalPods
from scaleproof.load.config import CONFIG_VARIABLE
from scaleproof.load.distributed import DistributedGenerator
from scaleproof.load.given import GIVEN_FILE, given, read_given
from scaleproof.load.local_generator import LocalGenerator
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan

pytestmark = pytest.mark.usefixtures("left_running")

LOCUSTFILE = """
    from locust import task
    from scaleproof.load import JourneyUser, given, serves

    class Shopper(JourneyUser):
        @task
        @serves("orders")
        def look(self):
            self.client.get(f"/orders/{self.number}/{given()[self.number]['token']}", name="/orders/[id]")
"""
USERS = 12


class Quiet:
    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, title: str, seconds: float | None = None) -> None: ...

    def advance(self, elapsed_seconds: float, note: str = "") -> None: ...

    def say(self, line: str) -> None:
        self.said.append(line)


def prepare(users: int, output: Path) -> None:
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(json.dumps({"token": f"token-{number}"}) + "\n" for number in range(users))


@pytest.fixture
def plan(tmp_path: Path) -> LoadPlan:
    file = tmp_path / "source" / "locustfile.py"
    file.parent.mkdir()
    file.write_text(textwrap.dedent(LOCUSTFILE))
    shape = Shape("steady", ((0.0, 1.0), (3.0, 1.0)))
    return LoadPlan(users=USERS, shape=shape, seed=7, think_seconds=(0.3, 0.6), locustfile=file)


def asked(server: Any) -> set[tuple[str, str]]:
    return {tuple(path.split("/")[2:]) for path in server.paths}


EVERYBODY = {(str(number), f"token-{number}") for number in range(USERS)}


def test_each_user_has_its_own_line(server: Any, shop: Any, plan: LoadPlan, tmp_path: Path) -> None:
    progress = Quiet()
    result = LocalGenerator(server.url, shop, tmp_path / "work", prepare=prepare).run(plan, progress)
    assert result.tables["requests"]["ok"].all()
    assert asked(server) == EVERYBODY
    assert "preparing 12 users" in progress.said
    assert not list((tmp_path / "work").iterdir()), "nothing is left of it"


def test_in_pods_too(server: Any, shop: Any, plan: LoadPlan, tmp_path: Path) -> None:
    pods = LocalPods(tmp_path / "pods", workers=2)
    pods.home.mkdir()
    playing = DistributedGenerator(server.url, shop, tmp_path / "work", pods, prepare=prepare, allow_remote=True)
    assert playing.run(plan, Quiet()).tables["requests"]["ok"].all()
    assert asked(server) == EVERYBODY
    assert not list(pods.home.rglob(GIVEN_FILE))


def test_where_it_fails_nothing_is_sent_and_nothing_is_left(server: Any, shop: Any, plan: LoadPlan, tmp_path: Path) -> None:
    def fails(users: int, output: Path) -> None:
        prepare(users, output)
        raise CannotMeasureError("no key signs")

    with pytest.raises(CannotMeasureError, match="no key signs"):
        LocalGenerator(server.url, shop, tmp_path / "work", prepare=fails).run(plan, Quiet())
    assert server.paths == []
    assert not list((tmp_path / "work").iterdir())


def test_a_load_that_fails_leaves_its_log_but_no_tokens(shop: Any, server: Any, plan: LoadPlan, tmp_path: Path) -> None:
    plan.locustfile.write_text(textwrap.dedent(LOCUSTFILE).replace('f"/orders/', '"http://elsewhere.example/" + f"/orders/'))
    with pytest.raises(BadInputError, match="would leave the platform"):
        LocalGenerator(server.url, shop, tmp_path / "work", prepare=prepare).run(plan, Quiet())
    left = {file.name for file in (tmp_path / "work").rglob("*")}
    assert "locust.log" in left
    assert GIVEN_FILE not in left


def test_nothing_is_given_to_plain_locust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.cache_clear()
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    assert given() == ()
    given.cache_clear()
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "load.json"))
    assert given() == ()
    given.cache_clear()


def test_a_line_that_is_no_json_is_named_but_not_repeated() -> None:
    assert read_given('{"a": 1}\n[2]\n"three"\n') == [{"a": 1}, [2], "three"]
    with pytest.raises(BadInputError, match=r"load\.prepare: line 2 of what it printed is no JSON") as caught:
        read_given('{"a": 1}\nsecret\n')
    assert "secret" not in str(caught.value)


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    prepare(1, tmp_path / GIVEN_FILE)
    assert stat.S_IMODE((tmp_path / GIVEN_FILE).stat().st_mode) == 0o600


def test_what_is_no_json_ends_the_load_and_says_the_line(server: Any, shop: Any, plan: LoadPlan, tmp_path: Path) -> None:
    def prints_words(users: int, output: Path) -> None:
        prepare(users, output)
        output.write_text(output.read_text() + "signed in\n")

    with pytest.raises(BadInputError, match=r"load\.prepare: line 13 of what it printed is no JSON") as caught:
        LocalGenerator(server.url, shop, tmp_path / "work", prepare=prints_words).run(plan, Quiet())
    assert "signed in" not in str(caught.value)
    assert server.paths == []
