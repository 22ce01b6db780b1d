"""The platform that a browser sees: identity, orders and the dashboard with its front end behind a gateway; and who uses it."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright
from served_metrics import recorded, served

from demos.stage import Replica, Routed, Stage, open_stage
from demos.tokens import Seal, gateway_jwt, write_secret
from services.common.tokens.jwks import JWKS_PATH
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
ORDERS = "2000"
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
    identity_url: str
    dashboard: Replica
    database_url: str
    seal: Seal

    def person(self, *roles: Role) -> Person:
        """A new account; without roles a customer."""
        email = f"person-{next(NUMBERS)}@example.org"
        body = {"email": email, "name": "Ada", "password": PASSWORD}
        # At identity itself: the gateway asks for a token everywhere but at the sessions.
        made = httpx.post(self.identity_url + USERS, json=body, timeout=20, trust_env=False)
        made.raise_for_status()
        user_id = str(made.json()["id"])
        if roles:
            path = f"{self.identity_url}{USERS}/{user_id}/roles"
            assigned = httpx.put(path, json={"roles": roles}, headers=self._admin(), timeout=20, trust_env=False)
            assigned.raise_for_status()
        return Person(email, user_id)

    def api(self, person: Person) -> httpx.Client:
        """The person's calls from elsewhere, through the gateway."""
        return httpx.Client(base_url=self.url, headers=self._bearer(person.email), timeout=20, trust_env=False)

    def expired_token(self, person: Person) -> str:
        """One that identity signed an hour ago."""
        then = time.time() - 3600
        key = self.seal.signing_key(self.database_url)
        session = OpenSession("earlier", int(person.user_id), [Role.customer.value], 1, datetime.fromtimestamp(then, UTC))
        return AccessTokens(key, read_expected({}), access_seconds=600).issue(session, now=then)

    def _bearer(self, email: str) -> dict[str, str]:
        body = {"email": email, "password": PASSWORD}
        answer = httpx.post(self.identity_url + SESSIONS, json=body, timeout=20, trust_env=False)
        answer.raise_for_status()
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def _admin(self) -> dict[str, str]:
        return self._bearer(ADMIN)


@contextmanager
def open_world() -> Iterator[World]:
    """Everything started, and ended."""
    with open_stage() as stage, served(recorded(time.time()), time.time) as metrics_url:
        yield start(stage, metrics_url)


def start(stage: Stage, metrics_url: str) -> World:
    postgres, redis = stage.postgres(), stage.redis()
    seal, admin_file = Seal.draw(stage), stage.folder / "first-admin"
    write_secret(admin_file, f"{ADMIN}\n{PASSWORD}")
    environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
    with_keys = {**environment, "KEY_SEAL_FILE": str(seal.file), "FIRST_ADMIN_FILE": str(admin_file)}
    stage.set_up("identity", with_keys)
    stage.set_up("orders", {**environment, "SAMPLE_ORDERS": ORDERS})
    stage.set_up("dashboard", environment)
    identity = stage.replica("services.identity", with_keys)
    verifying = {**environment, "IDENTITY_URL": identity.url}
    orders = stage.replica("services.orders", verifying)
    told = {**verifying, "ORDERS_URL": orders.url, "SCALEPROOF_METRICS_URL": metrics_url}
    dashboard = stage.replica("services.dashboard", told)
    identity.part.wait_ready()  # the gateway fetches its keys as it starts
    url = stage.gateway(
        {
            "identity": Routed(["/api/v1/identity"], [identity.port]),
            "orders": Routed(["/api/v1/orders", "/api/v2/orders"], [orders.port]),
            "dashboard": Routed(["/api/v1/dashboard", "/dashboard"], [dashboard.port]),
        },
        jwt=gateway_jwt([SESSIONS, PROVIDERS, "/dashboard"], jwks_url=identity.url + JWKS_PATH),
    )
    stage.wait_ready()
    return World(url, identity.url, dashboard, postgres.url, seal)


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


def stopped_while(replica: Replica, act: Any) -> None:
    """Something happens while a replica holds what it is asked; then it is killed, and the connection with it."""
    os.kill(replica.part.pid, signal.SIGSTOP)
    act()
    time.sleep(0.3)  # the request is on its way: nobody tells when it has arrived at a process that stands still
    replica.part.stop()


def started_again(replica: Replica) -> None:
    replica.part.start()
    replica.part.wait_ready()


SCREENSHOTS = Path(__file__).with_name("browser") / "screenshots"
