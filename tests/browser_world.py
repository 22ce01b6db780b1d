"""The platform that a browser sees: the reference platform as `scaleproof up` starts it; and who uses it."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright
from reference_project import ReferenceProject

from demos.stage import status_of, wait_until
from demos.tokens import Seal, bearer, write_secret
from services.common.tokens.principal import Role
from services.common.tokens.settings import read_expected
from services.identity.access_tokens import AccessTokens
from services.identity.session_repository import OpenSession

PAGE = "/dashboard/"
SESSIONS = "/api/v1/identity/sessions"
PROVIDERS = "/api/v1/identity/oidc"
USERS = "/api/v1/identity/users"
ADMIN = "admin@example.org"
PASSWORD = "correct horse battery staple"  # of accounts in the test's own database, which goes with it
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """An account."""

    email: str
    user_id: str


@dataclass(frozen=True)
class World:
    """The running platform."""

    url: str
    project: ReferenceProject

    def person(self, *roles: Role) -> Person:
        """A new account; without roles a customer."""
        email = f"person-{next(NUMBERS)}@example.org"
        body = {"email": email, "name": "Ada", "password": PASSWORD}
        made = httpx.post(self.url + USERS, json=body, timeout=20, trust_env=False)
        made.raise_for_status()
        user_id = str(made.json()["id"])
        if roles:
            path = f"{self.url}{USERS}/{user_id}/roles"
            assigned = httpx.put(path, json={"roles": roles}, headers=self._admin(), timeout=20, trust_env=False)
            assigned.raise_for_status()
        return Person(email, user_id)

    def api(self, person: Person) -> httpx.Client:
        """The person's calls from elsewhere, through the gateway."""
        return httpx.Client(base_url=self.url, headers=self._bearer(person.email), timeout=20, trust_env=False)

    def expired_token(self, person: Person) -> str:
        """One that identity signed an hour ago."""
        then = time.time() - 3600
        told = self._environment_of("identity")
        seal = Path(told["KEY_SEAL_FILE"])
        key = Seal(base64.b64decode(seal.read_text()), seal).signing_key(told["DATABASE_URL"])
        session = OpenSession("earlier", int(person.user_id), [Role.customer.value], 1, datetime.fromtimestamp(then, UTC))
        return AccessTokens(key, read_expected({}), access_seconds=600).issue(session, now=then)

    def pids(self, service: str) -> list[int]:
        """Of its replicas."""
        return [replica["pid"] for replica in self.project.status()["services"][service]["replicas"]]

    def wait_until_served(self) -> None:
        """The page, through the gateway."""
        wait_until(lambda: status_of(self.url + PAGE) == httpx.codes.OK, "the page through the gateway")

    def _environment_of(self, service: str) -> dict[str, str]:
        """What one of its replicas was told."""
        entries = Path(f"/proc/{self.pids(service)[0]}/environ").read_text().split("\0")
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)

    def _bearer(self, email: str) -> dict[str, str]:
        body = {"email": email, "password": PASSWORD}
        answer = httpx.post(self.url + SESSIONS, json=body, timeout=20, trust_env=False)
        answer.raise_for_status()
        return bearer(answer.json()["access_token"])

    def _admin(self) -> dict[str, str]:
        return self._bearer(ADMIN)


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """`scaleproof up` in that folder, with a first admin; and down again."""
    project = ReferenceProject(folder)
    admin_file = folder / "first-admin"
    write_secret(admin_file, f"{ADMIN}\n{PASSWORD}")
    secrets = "    secrets: [KEY_SEAL]"
    project.edit_platform(secrets, f"    environment: {{FIRST_ADMIN_FILE: {admin_file}}}\n{secrets}")
    try:
        project.scaleproof("up")
        yield World(project.status()["gateway_url"], project)
    finally:
        project.scaleproof("down")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: run `make test-browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


class Visitor:
    """Somebody in front of a browser of their own. What the browser complains about is kept."""

    def __init__(self, world: World, browser: Browser, person: Person, **context: Any) -> None:
        self.world = world
        self.person = person
        self.context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  Playwright marks its listeners, and cannot mark a built-in

    def _heard(self, kind: str, text: str) -> None:
        # An answer that is an error is no complaint: tests ask for some.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def open(self) -> Page:
        """The page, whatever it shows."""
        self.page.goto(self.world.url + PAGE)
        return self.page

    def sign_in(self) -> Page:
        """The page, signed in."""
        page = self.open()
        self.fill_sign_in()
        expect(page.get_by_role("button", name="Account").or_(page.get_by_role("button", name="Konto"))).to_be_visible()
        return page

    def fill_sign_in(self) -> None:
        page = self.page
        page.locator("input[type=email]").fill(self.person.email)
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("button[type=submit]").click()

    def new_layout(self, name: str) -> None:
        self.page.get_by_role("button", name="New layout").first.click()
        self.in_dialog("Name").fill(name)
        self.page.get_by_role("button", name="Create").click()
        expect(self.page.get_by_label("Layout", exact=True).locator("option:checked")).to_have_text(name)

    def in_dialog(self, label: str) -> Locator:
        return self.page.get_by_role("dialog").get_by_label(label)

    def add(self, kind: str) -> Locator:
        """One more widget; it has the focus."""
        self.page.get_by_role("button", name="Add widget").first.click()
        self.page.get_by_role("dialog").get_by_role("button", name=kind).click()
        return self.widget(kind)

    def widget(self, name: str) -> Locator:
        return self.page.locator(".grid-stack-item", has=self.page.get_by_role("heading", name=name, exact=True))

    def head(self, name: str) -> Locator:
        return self.widget(name).locator(".widget-header")

    def place(self, name: str) -> tuple[int, int, int, int]:
        """Column, row, width, height; as the page has them."""
        widget = self.widget(name)
        return tuple(int(widget.get_attribute(f"gs-{each}") or {"x": 0, "y": 0}.get(each, 1)) for each in "xywh")  # type: ignore[return-value]

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).click()
        self.expect_status("All changes saved")

    def expect_status(self, text: str) -> None:
        expect(self.page.locator(".status")).to_have_text(text)

    def drag(self, grip: Locator, across: float, down: float) -> None:
        """By the mouse, as a hand does it: in steps."""
        box = grip.bounding_box()
        assert box is not None
        x, y = box["x"] + min(60, box["width"] / 2), box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        for step in range(1, 11):
            mouse.move(x + across * step / 10, y + down * step / 10)
        mouse.up()

    def close(self) -> None:
        self.context.close()


def died_while(world: World, act: Callable[[], None]) -> None:
    """Something happens while every replica of the dashboard holds what it is asked; then they are killed, and the connections with them."""
    victims = world.pids("dashboard")
    dead = threading.Event()

    def hold() -> None:
        while not dead.is_set():
            for pid in victims:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(0.001)  # a CPU limit by pausing wakes them up again

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        act()
        time.sleep(0.3)  # the request is on its way: nobody tells when it has arrived at a process that stands still
    finally:
        dead.set()
        holding.join()
        for pid in victims:
            os.kill(pid, signal.SIGKILL)


SCREENSHOTS = Path(__file__).with_name("browser") / "screenshots"
