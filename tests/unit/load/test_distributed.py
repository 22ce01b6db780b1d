"""A load played by several pods, which are processes of this machine here: real Locust master and workers, on loopback."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakes.generator_pods import LocalPods
from scaleproof.load.distributed import DistributedGenerator, check_pods, check_schedule, greet
from scaleproof.load.pod_part import Order, locust_words, write_files
from scaleproof.load.pod_session import Message, OpenPods
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan

LOCUSTFILE = """
    from locust import task
    from journeys.shopper import Shopper
    from scaleproof.load import JourneyUser, serves

    class Staff(JourneyUser):
        @task
        @serves("dashboard")
        def overview(self):
            self.client.get("/dashboard/overview")
"""
SHOPPER = """
    from locust import task
    from scaleproof.load import JourneyUser, serves

    class Shopper(JourneyUser):
        weight = 3

        @task
        @serves("orders")
        def detail(self):
            self.client.get(f"/orders/{self.random.randrange(10**6)}", name="/orders/[id]")
            BODY
"""


class Quiet:
    """A progress that may do something at its first note."""

    def __init__(self, at_first: Any = None) -> None:
        self.notes: list[str] = []
        self._at_first = at_first

    def stage(self, title: str, seconds: float | None = None) -> None: ...

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        self.notes.append(note)
        if self._at_first is not None:
            self._at_first, do = None, self._at_first
            do()

    def say(self, line: str) -> None: ...


def plan(folder: Path, *, users: int = 30, seconds: float = 4.0, body: str = "pass") -> LoadPlan:
    source = folder / "source"
    (source / "journeys").mkdir(parents=True)
    (source / "locustfile.py").write_text(textwrap.dedent(LOCUSTFILE))
    (source / "journeys" / "__init__.py").touch()
    (source / "journeys" / "shopper.py").write_text(textwrap.dedent(SHOPPER.replace("BODY", body)))
    shape = Shape("steady", ((0.0, 1.0), (seconds, 1.0)))
    return LoadPlan(users=users, shape=shape, seed=7, think_seconds=(0.5, 1.5), locustfile=source / "locustfile.py")


def generator(folder: Path, pods: LocalPods, server: Any, shop: Any) -> DistributedGenerator:
    pods.home.mkdir(exist_ok=True)
    return DistributedGenerator(server.url, shop, folder / "work", pods, allow_remote=True)


def test_two_workers_play_one_schedule(tmp_path: Path, server: Any, shop: Any) -> None:
    pods = LocalPods(tmp_path / "pods", workers=2)
    progress = Quiet()
    playing = generator(tmp_path, pods, server, shop)
    wanted = plan(tmp_path)
    result = playing.run(wanted, progress)

    schedule, requests = result.tables["schedule"], result.tables["requests"]
    pd.testing.assert_frame_equal(schedule, playing.draw(wanted))
    # Every action once, whoever played it, and none twice.
    assert sorted(requests["action"]) == list(schedule["action"])
    assert requests["ok"].all()
    assert Counter(requests["service"]) == Counter(schedule["service"])
    # At its time, by one clock for all.
    late = requests["sent_s"] - requests["intended_s"]
    assert late.min() > -0.05
    assert late.median() < 0.1
    assert abs(result.started_at + 4.0 - time.time()) < 15
    assert result.tables["generator"]["generator_cores"].sum() > 0
    assert any("requests/s" in note for note in progress.notes)
    assert list(pods.home.iterdir()) == []
    assert all(session.process.poll() == 0 for session in pods.sessions)


def test_an_interrupted_load_brings_home_what_was_recorded(tmp_path: Path, server: Any, shop: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    pods = LocalPods(tmp_path / "pods", workers=1)
    result = generator(tmp_path, pods, server, shop).run(plan(tmp_path, seconds=60), Quiet(interrupt))
    assert result.interrupted
    assert 0.5 < result.duration_seconds < 20
    assert len(result.tables["requests"]) > 5
    assert list(pods.home.iterdir()) == []


def test_a_worker_that_dies_spoils_the_load(tmp_path: Path, server: Any, shop: Any) -> None:
    pods = LocalPods(tmp_path / "pods", workers=1)
    playing = generator(tmp_path, pods, server, shop)
    with pytest.raises(CannotMeasureError, match=r"worker-0: the session broke off"):
        playing.run(plan(tmp_path, seconds=60), Quiet(lambda: pods.sessions[1].process.kill()))  # noqa: PLW0108  # there is no session yet


def test_what_a_worker_finds_wrong_with_the_locustfile_is_said_here(tmp_path: Path, server: Any, shop: Any) -> None:
    pods = LocalPods(tmp_path / "pods", workers=1)
    wanted = plan(tmp_path, seconds=60, body='self.client.get("http://example.invalid/orders")')
    with pytest.raises(BadInputError, match="would leave the platform"):
        generator(tmp_path, pods, server, shop).run(wanted, Quiet())


@pytest.mark.parametrize("url", ["http://gateway.shop.svc", "http://gateway.shop.svc.cluster.local:8080/"])
def test_services_of_the_cluster_may_be_loaded(tmp_path: Path, shop: Any, url: str) -> None:
    DistributedGenerator(url, shop, tmp_path, LocalPods(tmp_path, 1))


@pytest.mark.parametrize("url", ["http://shop.example.com", "http://10.0.0.1", "http://svc", "gateway.shop.svc"])
def test_nothing_else_may(tmp_path: Path, shop: Any, url: str) -> None:
    with pytest.raises(BadInputError, match="may only be sent to a service of the cluster"):
        DistributedGenerator(url, shop, tmp_path, LocalPods(tmp_path, 1))


class Answering:
    """A pod that answers a ping in its own way."""

    def __init__(self, name: str, *, ahead_s: float = 0.0, version: str | None = None, open_files: int = 10_000) -> None:
        from scaleproof import __version__

        self.name = name
        self._pong = {"say": "pong", "version": version or __version__, "open_files": open_files}
        self._ahead_s = ahead_s

    def send(self, message: Message) -> None:
        assert message == {"do": "ping"}

    def receive(self, timeout_seconds: float) -> list[Message]:
        return [{"say": "log"}, {**self._pong, "time": time.time() + self._ahead_s}]

    def errors(self) -> str:
        return ""


def pods_of(*workers: Answering) -> OpenPods:
    return OpenPods(Answering("master", ahead_s=3.0), "10.0.0.1", workers)


def test_clocks_are_compared_with_the_masters(tmp_path: Path) -> None:
    assert greet(Answering("w", ahead_s=-5.0)).ahead_s == pytest.approx(-5.0, abs=0.2)
    check_pods(pods_of(Answering("w", ahead_s=3.1)), 100)  # ours may differ from theirs
    with pytest.raises(CannotMeasureError, match=r"clocks of w and master differ by 1\.[45]"):
        check_pods(pods_of(Answering("w", ahead_s=4.5)), 100)


def test_a_pod_with_another_version_is_refused() -> None:
    with pytest.raises(CannotMeasureError, match=r"the pod w has scaleproof 0\.0\.1"):
        check_pods(pods_of(Answering("w", version="0.0.1")), 100)


@pytest.mark.parametrize(("open_files", "fits"), [(5_199, False), (5_200, True), (-1, True)])
def test_files_are_counted_for_a_workers_share(open_files: int, *, fits: bool) -> None:
    pods = OpenPods(Answering("m"), "10.0.0.1", (Answering("a"), Answering("b", open_files=open_files)))
    if fits:
        check_pods(pods, 10_000)
    else:
        with pytest.raises(CannotMeasureError, match="5000 users of b need 5200 open files, but it may open 5199"):
            check_pods(pods, 10_000)


def test_a_pod_without_scaleproof_is_named() -> None:
    class Broken(Answering):
        def receive(self, timeout_seconds: float) -> list[Message]:
            raise ConnectionError("it was closed")

        def errors(self) -> str:
            return "warning\n/usr/bin/python3: No module named scaleproof\n"

    with pytest.raises(CannotMeasureError, match="the pod w cannot play a load: /usr/bin/python3: No module named scaleproof"):
        greet(Broken("w"))


def test_another_schedule_is_noticed() -> None:
    schedule = pd.DataFrame({"action": [0, 1], "intended_s": [0.5, 1.25]})
    requests = pd.DataFrame({"action": [1, 1, 0], "step": [0, 1, 0], "intended_s": [1.25, 9.0, 0.5]})
    check_schedule(schedule, requests)
    with pytest.raises(CannotMeasureError, match="another schedule"):
        check_schedule(schedule, requests.assign(intended_s=np.nextafter(requests["intended_s"], 9)))


def order(**fields: Any) -> Order:
    load = {"platform": {"version": 1, "name": "shop", "services": {}}}
    return Order.model_construct(
        **{"role": "worker", "files": {}, "locustfile": "l.py", "master_host": "10.0.0.1", "master_port": 5557, "workers": 3}
        | {"config": load}
        | fields
    )


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b.py"])
def test_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="expected a path below"):
        write_files(order(files={name: "x"}), tmp_path / "source")
    assert list(tmp_path.iterdir()) == []


def test_roles_have_their_own_command_lines(tmp_path: Path, server: Any, shop: Any) -> None:
    from scaleproof.load.config import LoadConfig

    config = LoadConfig(
        platform=shop,
        host_url="http://g.svc",
        users=9,
        shape_name="s",
        shape_points=((0, 1), (1, 1)),
        seed=1,
        think_seconds=(1, 2),
        folder="",
    )
    worker = " ".join(locust_words(order(config=config), Path("l.py")))
    assert "--worker --master-host 10.0.0.1 --master-port 5557" in worker
    assert "-u " not in worker
    master = " ".join(locust_words(order(config=config, role="master"), Path("l.py")))
    assert "--headless --only-summary -u 9 -r 7500 --master --master-bind-host 10.0.0.1" in master
    assert "--expect-workers 3" in master
