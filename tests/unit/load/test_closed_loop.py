"""An ordinary Locustfile, used as it is: real Locust against a real server, both on loopback."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from fakes.generator_pods import LocalPods
from scaleproof.load.config import LoadConfig
from scaleproof.load.distributed import DistributedGenerator
from scaleproof.load.inspection import Cast
from scaleproof.load.journeys import Journey, Task
from scaleproof.load.live import LoadWatch
from scaleproof.load.local_generator import LocalGenerator
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan

pytestmark = pytest.mark.usefixtures("left_running")

SHOP = """
    import random
    from locust import FastHttpUser, HttpUser, LoadTestShape, SequentialTaskSet, TaskSet, between, constant, tag, task

    class Browsing(TaskSet):
        wait_time = constant(0.2)

        @task(3)
        def detail(self):
            self.client.get(f"/orders/{random.randrange(10**6)}", name="/orders/[id]")

        @task
        def leave(self):
            self.interrupt()

    class Shopper(HttpUser):
        host = "http://shop.example.com"
        weight = 3
        wait_time = between(0.2, 0.6)
        tasks = {Browsing: 2}

        def on_start(self):
            self.client.post("/orders/login", json={"user": "a"})

        @task(2)
        def checked(self):
            with self.client.get("/orders/checked", catch_response=True) as response:
                response.failure("empty basket")

        @task(2)
        def fail(self):
            self.client.get("/orders/fail")

        @tag("night")
        @task(50)
        def nightly(self):
            self.client.get("/orders/nightly")

    class Staff(FastHttpUser):
        wait_time = constant(0.3)

        @task
        class Round(SequentialTaskSet):
            @task
            def overview(self):
                with self.client.rename_request("/dashboard/[view]"):
                    self.client.get("/dashboard/overview")
                self.client.get("/orders/list")

            @task
            def elsewhere(self):
                self.client.get("/static/logo.png")

            @task
            def slow(self):
                self.client.get("/orders/slow")

            @task
            def forgetful(self):
                raise RuntimeError("sends nothing")

    class Mine(LoadTestShape):
        def tick(self):
            return 1, 1
"""
ONE = """
    from locust import constant, task, {base}

    class Shopper({base}):
        wait_time = constant(0.2)

        @task
        def look(self):
            {body}
"""


class Listening:
    """A progress that remembers what was said, and looks at the load as another process would."""

    def __init__(self, workdir: Path | None = None) -> None:
        self.said: list[str] = []
        self.seen = []
        self._watch = None if workdir is None else LoadWatch(workdir)

    def stage(self, title, seconds=None): ...

    def say(self, line):
        self.said.append(line)

    def advance(self, elapsed_seconds, note=""):
        if self._watch is not None:
            self.seen.append(self._watch.read(time.time()))


@pytest.fixture
def locustfile(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "mine" / "locustfile.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    return write


def plan(locustfile: Path, *, users=24, points=((0.0, 0.25), (1.0, 1.0), (3.0, 1.0), (3.5, 0.25), (4.5, 0.25)), **changes):
    values = {"shape": Shape("hill", points), "seed": 5, "think_seconds": (20.0, 40.0), **changes}
    return LoadPlan(users=users, locustfile=locustfile, **values)


def test_it_is_played_as_it_is_and_measured_from_outside(server, shop, locustfile, tmp_path):
    generator, progress = LocalGenerator(server.url, shop, tmp_path / "work"), Listening(tmp_path / "work")
    file = locustfile(SHOP)
    before = file.read_bytes()
    result = generator.run(plan(file, processes=2, exclude_tags=("night",)), progress)
    schedule, requests, cost = (result.tables[name] for name in ("schedule", "requests", "generator"))

    assert file.read_bytes() == before
    assert result.closed_loop
    assert result.duration_seconds == 4.5
    assert any(line.startswith("closed loop: Shopper, Staff wait for answers") for line in progress.said)
    assert any(line.startswith("Mine of the locustfile is not used") for line in progress.said)

    # Classes by weight, everybody signs in when it comes, users come and go with the shape.
    users = schedule.groupby("user")["journey"].agg(["first", "nunique"])
    assert (users["nunique"] == 1).all()
    assert users["first"].value_counts().to_dict() == {"Shopper": pytest.approx(18, abs=1), "Staff": pytest.approx(6, abs=1)}
    arrivals = schedule[schedule["task"] == "on_start"]
    assert set(arrivals["user"]) == set(users.index[users["first"] == "Shopper"])
    assert server.paths.count("/orders/login") == len(arrivals)
    lively, late = schedule["intended_s"].between(1.5, 3.0), schedule["intended_s"] > 3.7
    assert schedule[lively]["user"].nunique() > 15
    assert schedule[late]["user"].nunique() <= 8

    # Names, tags, checks, nested and sequential task sets are Locust's own business.
    names = set(requests["name"])
    assert {"/orders/[id]", "/dashboard/[view]", "/orders/checked", "/static/logo.png", "/orders/login"} <= names
    assert not any(path.startswith("/orders/nightly") for path in server.paths)
    assert set(requests["error"]) == {"", "http 503", "check: empty basket"}
    assert (requests.loc[requests["name"] == "/orders/fail", "status"] == 503).all()
    assert set(schedule["task"]) == {"on_start", "detail", "checked", "fail", "overview", "elsewhere", "slow"}

    # Each action is one task with its requests, and each request belongs to the service that serves its path.
    first = requests[requests["step"] == 0]
    assert sorted(first["action"]) == sorted(schedule["action"])
    assert schedule["action"].is_unique
    by_action = schedule.set_index("action")
    assert (first["service"].to_numpy() == by_action.loc[first["action"], "service"].to_numpy()).all()
    assert set(requests.loc[requests["step"] == 1, "name"]) == {"/orders/list"}
    assert set(requests.loc[requests["name"] == "/static/logo.png", "service"]) == {""}
    assert Counter(requests["service"]).keys() == {"", "orders", "dashboard"}

    # The closed loop: nobody asks before the answer is there, and latency begins when the wait was over.
    assert (first["sent_s"] >= first["intended_s"]).all()
    assert (first["sent_s"] - first["intended_s"]).median() < 0.05
    slow = requests[requests["name"] == "/orders/slow"]
    assert len(slow) > 0
    assert (slow["finished_s"] - slow["intended_s"]).min() >= 1.0
    everyone = requests.merge(schedule[["action", "user"]], on="action").sort_values(["user", "sent_s"], kind="stable")
    previous = everyone.groupby("user")["finished_s"].shift()
    assert (everyone["sent_s"] >= previous - 0.001)[previous.notna()].all()

    assert cost["time_s"].tolist() == [0, 1, 2, 3, 4]
    assert 0 < cost["generator_cores"].mean() < 2
    assert cost["generator_lag_s"].notna().any()

    # Somebody else could watch meanwhile.
    seen = [each for each in progress.seen if each is not None and each.services]
    assert seen
    assert seen[-1].closed_loop
    assert seen[-1].services["orders"].completed > 10
    assert list((tmp_path / "work").iterdir()) == []


GUARDED = """
    import sys

    import gevent
    from locust import FastHttpUser, HttpUser
    from locust.env import Environment
    from locust.exception import StopUser

    from scaleproof.load.closed_loop import ClosedLoop
    from scaleproof.load.config import LoadConfig
    from scaleproof.load.crowd import UserClass, gathered
    from scaleproof.load.locust_hooks import install_hooks

    config = LoadConfig.model_validate_json(sys.argv[1])
    crowd = gathered([UserClass("A")], config.users, config.shape, config.seed)
    install_hooks(ClosedLoop(config, crowd, config.platform.service_of), config.host_url, lambda message, hint: print(message))
    for base in (HttpUser, FastHttpUser):
        user = type("A", (base,), {"host": config.host_url})(Environment(user_classes=[]))
        print(base.__name__, user.client.get("/orders/1").status_code)
        for path in ("/orders/away", "http://127.0.0.2:9/orders", "https://shop.example.com/orders", config.host_url + "/orders/2"):
            try:
                print(user.client.get(path).status_code)
            except StopUser:
                print("stopped")
"""


def test_nothing_leaves_the_platform(server, shop, tmp_path):
    """Neither by an address nor by a redirect, with either client: in one process, for Locust takes its time to be imported."""
    server.elsewhere = "http://127.0.0.2:9/"
    config = LoadConfig(
        platform=shop,
        host_url=server.url,
        users=1,
        shape_name="flat",
        shape_points=((0, 1), (9, 1)),
        seed=1,
        think_seconds=(1, 2),
        closed_loop=True,
        folder=str(tmp_path),
    )
    command = [sys.executable, "-c", textwrap.dedent(GUARDED), config.model_dump_json(by_alias=True, exclude_none=True)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [line.removesuffix(f" at {server.url}") for line in done.stdout.splitlines()]
    for client in ("HttpUser", "FastHttpUser"):
        after = said[said.index(f"{client} 200") + 1 :]
        assert after[0] in {f"a request to http://127.0.0.2:9{path} would leave the platform" for path in ("/", "")}
        assert after[1:7] == [
            "stopped",
            "a request to http://127.0.0.2:9/orders would leave the platform",
            "stopped",
            "a request to https://shop.example.com/orders would leave the platform",
            "stopped",
            "200",
        ]


def test_pods_play_it_too(server, shop, locustfile, tmp_path):
    pods = LocalPods(tmp_path / "pods", workers=2)
    pods.home.mkdir()
    playing = DistributedGenerator(server.url, shop, tmp_path / "work", pods, allow_remote=True)
    file = locustfile(ONE.format(base="FastHttpUser", body='self.client.get("/orders/1")'))
    progress = Listening(tmp_path / "work")
    result = playing.run(plan(file, users=10, points=((0, 1), (2, 1))), progress)
    schedule, requests = result.tables["schedule"], result.tables["requests"]
    assert result.closed_loop
    assert schedule["user"].nunique() == 10
    assert schedule["action"].is_unique
    assert sorted(requests["action"]) == sorted(schedule["action"])
    assert len(requests) == pytest.approx(100, rel=0.4)
    assert requests["ok"].all()
    assert any(each is not None and "orders" in each.services for each in progress.seen)


@pytest.fixture
def generator(shop, tmp_path, monkeypatch):
    """Whose locustfile has this cast; nothing is imported for it."""

    def of(cast: Cast) -> LocalGenerator:
        monkeypatch.setattr("scaleproof.load.local_generator.inspected", lambda _: cast)
        return LocalGenerator("http://127.0.0.1:9", shop, tmp_path)

    return of


def test_what_must_be_drawn_cannot_be(generator, tmp_path):
    file = tmp_path / "locustfile.py"
    playing = generator(Cast(file, ordinary=("Shopper",)))
    with pytest.raises(BadInputError, match="Shopper is an ordinary Locust user: what it does cannot be drawn") as caught:
        playing.draw(plan(file))
    assert "class Shopper(JourneyUser)" in (caught.value.hint or "")
    with pytest.raises(BadInputError, match="cannot be drawn in advance"):
        playing.run(plan(file, services=frozenset({"orders"})), Listening())


def test_tags_are_for_ordinary_users(generator, tmp_path):
    file = tmp_path / "locustfile.py"
    journey = Journey(name="Shopper", weight=1, tasks=(Task(name="look", weight=1, service="orders"),))
    with pytest.raises(BadInputError, match="--tags and --exclude-tags are for ordinary Locust users"):
        generator(Cast(file, journeys=(journey,))).run(plan(file, tags=("a",)), Listening())
