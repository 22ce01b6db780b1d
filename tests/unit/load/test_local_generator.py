"""Real Locust against a real server, both on loopback, for a few seconds each."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from scaleproof.load.local_generator import LocalGenerator
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.ports import LoadPlan

pytestmark = pytest.mark.usefixtures("left_running")

SHOP = """
    from locust import task
    from scaleproof.load import JourneyUser, serves

    class Shopper(JourneyUser):
        weight = 3

        def on_start(self):
            self.client.get("/orders/login")

        @task(6)
        @serves("orders")
        def detail(self):
            self.client.get(f"/orders/{self.random.randrange(10**6)}", name="/orders/[id]")

        @task
        @serves("orders")
        def slow(self):
            self.client.get("/orders/slow")

        @task
        @serves("orders")
        def fail(self):
            self.client.get("/orders/fail")

        @task
        @serves("orders")
        def full(self):
            self.client.get("/orders/full")

        @task
        @serves("orders")
        def checked(self):
            with self.client.get("/orders/checked", catch_response=True) as response:
                response.failure("empty basket")

    class Staff(JourneyUser):
        @task(4)
        @serves("dashboard")
        def overview(self):
            self.client.get("/dashboard/overview")
            self.client.get("/orders/list")

        @task
        @serves("dashboard")
        def forgetful(self):
            raise RuntimeError("sends nothing")
"""

ONE = """
    from locust import task
    from scaleproof.load import JourneyUser, serves

    class Shopper(JourneyUser):
        @task
        @serves("orders")
        def look(self):
            {body}
"""


RENEWING = """
    from locust import task
    from scaleproof.load import JourneyUser, serves

    class Shopper(JourneyUser):
        @task
        @serves("dashboard")
        def look(self):
            with self.aside():
                self.client.get("/orders/slow", name="renew")
            self.client.get("/dashboard/overview", name="look")
            self.client.get("/orders/list", name="list")
"""


class Quiet:
    """A progress that remembers its notes, and may be interrupted after the first."""

    def __init__(self, *, interrupt: bool = False):
        self.notes = []
        self.interrupt = interrupt

    def stage(self, title, seconds=None): ...

    def say(self, line): ...

    def advance(self, elapsed_seconds, note=""):
        self.notes.append(note)
        if self.interrupt:
            self.interrupt = False
            raise KeyboardInterrupt


@pytest.fixture
def locustfile(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "journeys" / "locustfile.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    return write


def plan(locustfile: Path, *, users=40, seconds=4.0, **changes) -> LoadPlan:
    values = {"shape": Shape("flat", ((0.0, 1.0), (seconds, 1.0))), "seed": 5, "think_seconds": (0.5, 1.5), **changes}
    return LoadPlan(users=users, locustfile=locustfile, **values)


def test_a_load_plays_the_schedule_and_records_every_request(server, shop, locustfile, tmp_path):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    order = plan(locustfile(SHOP))
    progress = Quiet()
    result = generator.run(order, progress)
    schedule, requests, cost = (result.tables[name] for name in ("schedule", "requests", "generator"))

    assert result.duration_seconds == 4.0
    assert not result.interrupted
    assert abs(result.started_at + 4.0 - time.time()) < 10
    assert schedule.equals(generator.draw(order))
    assert len(schedule) == pytest.approx(160, rel=0.15)

    first = requests[requests["step"] == 0]
    by_action = schedule.set_index("action")
    assert (first["service"].to_numpy() == by_action.loc[first["action"], "service"].to_numpy()).all()
    assert (first["intended_s"].to_numpy() == by_action.loc[first["action"], "intended_s"].to_numpy()).all()
    never_sent = by_action.drop(first["action"])
    assert set(never_sent["task"]) == {"forgetful"}
    assert len(never_sent) == (schedule["task"] == "forgetful").sum()
    later = requests[requests["step"] == 1]
    assert set(later["service"]) == {"orders"}
    assert (later["intended_s"] == later["sent_s"]).all()
    assert "/orders/login" not in set(requests["name"]), "what on_start sends is not part of the load"
    assert server.paths.count("/orders/login") > 0

    assert (first["sent_s"] >= first["intended_s"]).all()
    tasks = by_action.loc[first["action"], "task"].to_numpy()
    assert (first["finished_s"] - first["sent_s"])[tasks == "slow"].min() >= 1.0
    late = (first["sent_s"] - first["intended_s"]) > 0.1
    assert late.any(), "a user whose answer came late acts late, and its latency counts from the intended time"
    assert dict(Counter(first["error"])).keys() == {"", "http 503", "http 503, retry later", "check: empty basket"}
    assert (first["status"][tasks == "fail"] == 503).all()
    assert set(first["error"][tasks == "full"]) == {"http 503, retry later"}

    assert cost["time_s"].tolist() == [0, 1, 2, 3]
    assert 0 < cost["generator_cores"].mean() < 1
    assert (cost["generator_memory_bytes"] > 2**20).all()
    assert any("40 users" in note and "requests/s" in note for note in progress.notes)
    assert list((tmp_path / "work").iterdir()) == []

    # The same seed through two workers sends the same requests: ids are drawn per action, and each user has one player.
    alone = Counter(path for path in server.paths if path != "/orders/login")
    server.paths.clear()
    again = generator.run(plan(order.locustfile, processes=2), Quiet())
    assert Counter(path for path in server.paths if path != "/orders/login") == alone
    assert sorted(again.tables["requests"]["action"]) == sorted(requests["action"])


def test_what_comes_aside_is_a_later_step_of_its_own_service_and_part_of_the_tasks_latency(server, shop, locustfile, tmp_path):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    result = generator.run(plan(locustfile(RENEWING), users=4, think_seconds=(2.0, 3.0)), Quiet())
    requests = result.tables["requests"].groupby("name")
    assert requests["step"].unique().to_dict() == {"look": [0], "renew": [1], "list": [2]}
    assert requests["service"].unique().to_dict() == {"look": ["dashboard"], "renew": ["orders"], "list": ["orders"]}
    look = requests.get_group("look")
    assert set(look["action"]) == set(result.tables["schedule"]["action"])
    assert (look["sent_s"] - look["intended_s"]).min() >= 1.0, "the slow one before it counts"
    assert (look["finished_s"] - look["sent_s"]).median() < 0.5


TOGETHER = """
    import gevent
    from locust import task
    from scaleproof.load import JourneyUser, serves, together_with

    class Page(JourneyUser):
        concurrency = 3

        @task
        @serves("dashboard")
        @together_with("slow", "renewed", "broken", "pooled")
        def open_page(self):
            gevent.sleep(0.05)
            self.client.get(f"/dashboard/{self.random.randrange(10**6)}", name="page")

        @serves("orders")
        def slow(self):
            self.client.get("/orders/slow", name="slow")

        @serves("dashboard")
        def renewed(self):
            with self.aside():
                self.client.get("/orders/renew", name="renew")
                gevent.sleep(0.1)
            self.client.get("/dashboard/renewed", name="renewed")

        @serves("orders")
        def broken(self):
            raise RuntimeError("nothing sent")

        @serves("orders")
        def pooled(self):
            self.client.get("/orders/first", name="first")
            self.client.get("/orders/second", name="second")
"""


def test_what_is_played_together_is_sent_side_by_side_and_each_is_an_action_of_its_own(server, shop, locustfile, tmp_path):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    result = generator.run(plan(locustfile(TOGETHER), users=4, think_seconds=(2.0, 3.0)), Quiet())
    schedule, requests = result.tables["schedule"], result.tables["requests"]
    by_name = requests.groupby("name")
    steps = {"page": [0], "slow": [0], "renew": [1], "renewed": [0], "first": [0], "second": [1]}
    assert by_name["step"].unique().to_dict() == steps, "what one of them sends is no step of another"
    services = {
        "page": "dashboard",
        "slow": "orders",
        "renew": "orders",
        "renewed": "dashboard",
        "first": "orders",
        "second": "orders",
    }
    assert {name: set(rows["service"]) for name, rows in by_name} == {name: {each} for name, each in services.items()}

    tasks = schedule.set_index("action")["task"]
    tasks_of = {
        "page": "open_page",
        "slow": "slow",
        "renew": "renewed",
        "renewed": "renewed",
        "first": "pooled",
        "second": "pooled",
    }
    assert {name: set(tasks[rows["action"]]) for name, rows in by_name} == {name: {each} for name, each in tasks_of.items()}
    assert set(tasks.drop(requests["action"])) == {"broken"}, "one that fails ends none of the others"
    moments = schedule.groupby(["user", "intended_s"])["action"].count()
    assert set(moments) == {5}
    assert len(by_name.get_group("slow")) == len(moments) > 2
    # One after the other, whatever comes with the slow request would have to wait for it, or it for them.
    quick = requests[requests["name"].isin(["page", "first", "renewed"])]
    assert (quick["finished_s"] - quick["intended_s"]).median() < 0.7
    assert (by_name.get_group("slow")["sent_s"] - by_name.get_group("slow")["intended_s"]).median() < 0.3

    paths = Counter(server.paths)
    server.paths.clear()
    generator.run(plan(locustfile(TOGETHER), users=4, think_seconds=(2.0, 3.0)), Quiet())
    assert Counter(server.paths) == paths, "what is random is drawn per action, not per user"


def test_an_interrupt_ends_the_load_and_keeps_its_record(server, shop, locustfile, tmp_path):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    result = generator.run(plan(locustfile(SHOP), seconds=60.0), Quiet(interrupt=True))
    assert result.interrupted
    assert 0.5 < result.duration_seconds < 10
    assert result.tables["schedule"]["intended_s"].max() < result.duration_seconds
    assert len(result.tables["requests"]) > 10


def test_a_load_ends_early_when_the_platform_is_steady_and_a_dead_server_is_a_failed_request(shop, locustfile, tmp_path):
    generator = LocalGenerator("http://127.0.0.1:9", shop, tmp_path / "work")
    file = locustfile(ONE.format(body='self.client.get("/orders/1")'))
    result = generator.run(plan(file, seconds=6.0, stop_early=True), Quiet(), steady=lambda: True)
    requests = result.tables["requests"]
    assert 5.4 <= result.duration_seconds < 6.0
    assert result.tables["schedule"]["intended_s"].max() < result.duration_seconds
    assert set(requests["error"]) == {"connection refused"}
    assert set(requests["status"]) == {0}
    assert not requests["ok"].any()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('self.client.get("/dashboard/overview")', "says @serves.'orders'., but its first request"),
        ('self.client.get("http://127.0.0.2:9/orders")', "would leave the platform"),
    ],
)
def test_a_task_that_does_otherwise_than_it_says_is_bad_input(server, shop, locustfile, tmp_path, body, message):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    with pytest.raises(BadInputError, match=message):
        generator.run(plan(locustfile(ONE.format(body=body)), users=3, seconds=10.0), Quiet())


def test_a_locust_that_dies_could_not_measure(server, shop, locustfile, tmp_path):
    generator = LocalGenerator(server.url, shop, tmp_path / "work")
    file = locustfile(ONE.format(body="import os; os.write(2, b'out of luck'); os._exit(7)"))
    with pytest.raises(CannotMeasureError, match=r"ended before the load did: .*out of luck"):
        generator.run(plan(file, users=3, seconds=10.0), Quiet())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such locustfile"),
        ("import nothing_like_it", "cannot be imported: ModuleNotFoundError.*line 1"),
        ("import os; os._exit(0)", "cannot be imported"),
        (textwrap.dedent(ONE.format(body="pass")).replace('@serves("orders")', ""), "does not say which service"),
    ],
)
def test_a_locustfile_that_cannot_be_drawn_is_refused(shop, locustfile, tmp_path, text, message):
    file = tmp_path / "missing.py" if text is None else locustfile(text)
    with pytest.raises(BadInputError, match=message):
        LocalGenerator("http://localhost:1", shop, tmp_path).draw(plan(file))


def test_a_locustfile_that_nobody_can_play_is_refused(tmp_path):
    """All in one process: importing Locust costs a second and a half each time."""
    look = "    @task\n    def look(self): ...\n"
    journey = f"from locust import HttpUser, task\nfrom scaleproof.load import JourneyUser\nclass New(JourneyUser):\n{look}"
    cases = {
        "x = 1\n": "no user class",
        f"from locust import User, task\nclass Odd(User):\n{look}": "Odd is neither an HttpUser nor a FastHttpUser",
        f"{journey}class Old(HttpUser):\n{look}": "New is a JourneyUser and Old an ordinary Locust user",
        f"from locust import LoadTestShape, task\nfrom scaleproof.load import JourneyUser\nclass New(JourneyUser):\n{look}"
        "class Mine(LoadTestShape):\n    def tick(self): ...\n": "Mine is a LoadTestShape",
    }
    files = []
    for index, text in enumerate(cases):
        files.append(tmp_path / f"case{index}.py")
        files[-1].write_text(text)
    code = """
        import sys
        from scaleproof.load.inspect_locustfile import main
        print([main([file]) for file in sys.argv[1:]])
    """
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[-1] == "[2, 2, 2, 2]"
    for line, message in zip(lines, cases.values(), strict=False):
        assert message in line


@pytest.mark.parametrize("url", ["http://example.invalid", "https://198.51.100.7:443", "localhost"])
def test_only_this_machine_is_loaded_unless_allowed(shop, tmp_path, url):
    with pytest.raises(BadInputError, match="loopback"):
        LocalGenerator(url, shop, tmp_path)
    LocalGenerator(url, shop, tmp_path, allow_remote=True)


def test_more_users_than_open_files_cannot_be_measured(shop, locustfile, tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    file = locustfile(ONE.format(body="pass"))
    with pytest.raises(CannotMeasureError, match="240 open files, but this machine allows 100"):
        LocalGenerator("http://127.0.0.1:9", shop, tmp_path).run(plan(file), Quiet())


def test_killing_scaleproof_leaves_no_locust(server, locustfile, tmp_path, shop):
    file = locustfile(ONE.format(body='self.client.get("/orders/1")'))
    (tmp_path / "platform.json").write_text(shop.model_dump_json(by_alias=True, exclude_none=True))
    code = f"""
        from pathlib import Path
        from scaleproof.load.local_generator import LocalGenerator
        from scaleproof.spec.platform import Platform
        from scaleproof.spec.shapes import Shape
        from scaleproof.tuner.ports import LoadPlan

        class Quiet:
            def advance(self, elapsed, note=""): print("running", flush=True)

        platform = Platform.model_validate_json(Path({str(tmp_path / "platform.json")!r}).read_text())
        plan = LoadPlan(20, Shape("flat", ((0.0, 1.0), (60.0, 1.0))), 1, (0.5, 1.0), Path({str(file)!r}), processes=2)
        LocalGenerator({server.url!r}, platform, Path({str(tmp_path / "work")!r})).run(plan, Quiet())
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # the kernel ends the children; the fixture looks for them
    assert server.paths
