"""The way into the demo's dashboard opens once, whoever asks, and what it hands over is nowhere else."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from demos import dashboard
from demos.dashboard import every_widget, has_windows
from demos.entrance import open_entrance
from demos.program import run
from scaleproof.spec.errors import ExitCode
from services.dashboard.layout_document import LayoutDocument
from services.dashboard.placement import misplaced

COOKIE = "__Secure-refresh=secret; Path=/somewhere; Secure; HttpOnly; SameSite=Strict"


@pytest.fixture
def entrance():
    with open_entrance(COOKIE, "/dashboard/") as opened:
        yield opened


def ask(entrance, path, method="GET"):
    return httpx.request(method, f"http://127.0.0.1:{entrance.port}{path}", timeout=10, trust_env=False)


def test_the_first_gets_the_cookie_and_the_way(entrance):
    first = ask(entrance, entrance.path)
    assert (first.status_code, first.headers["location"], first.headers["set-cookie"]) == (303, "/dashboard/", COOKIE)
    assert (first.headers["cache-control"], first.headers["referrer-policy"]) == ("no-store", "no-referrer")
    again = ask(entrance, entrance.path)
    assert (again.status_code, again.headers.get("set-cookie")) == (410, None)


def test_of_many_at_once_one_enters(entrance):
    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(pool.map(lambda _: ask(entrance, entrance.path).status_code, range(40)))
    assert statuses == {303: 1, 410: 39}


@pytest.mark.parametrize(
    ("method", "change", "status"), [("GET", "x", 404), ("HEAD", "", 501), ("POST", "", 501), ("GET", "?a=b", 404)]
)
def test_nothing_else_uses_it_up(entrance, method, change, status):
    answer = ask(entrance, entrance.path + change, method)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (status, None)
    assert ask(entrance, entrance.path).status_code == 303


def test_no_log_has_the_address(entrance, capfd):
    ask(entrance, entrance.path)
    ask(entrance, entrance.path + "x", "DELETE")
    assert capfd.readouterr() == ("", "")


def test_the_layout_has_every_kind_and_fits():
    document = LayoutDocument.model_validate(every_widget())
    assert misplaced(document, at="") == []
    kinds = {widget.kind for widget in document.widgets}
    assert {"revenue_by_day", "latest_orders", "replicas_over_time", "note"} <= kinds


@pytest.mark.parametrize(
    ("environment", "system", "windows"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_where_a_browser_would_have_a_window(environment, system, windows):
    assert has_windows(environment, system) is windows


def test_without_a_front_end_it_says_what_to_type(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dashboard.front_end, "FOLDER", tmp_path)
    assert run(dashboard.demo, quick=True) == ExitCode.CANNOT_MEASURE
    assert (
        capsys.readouterr().err == "error: the front end was not built\n  → type `make web` in the checkout, then this again\n"
    )
