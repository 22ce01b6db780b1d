"""`scaleproof demo dashboard`: the dashboard in a browser, signed in, with a layout of every widget and orders to show.

It stays until Ctrl-C. With --quick, and where nobody sits before a terminal, it visits the page by itself instead, and ends.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
import webbrowser
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, get_args

import httpx

from demos.entrance import PREFIX as ENTRANCE
from demos.entrance import Entrance, open_entrance
from demos.figures import table
from demos.program import main
from demos.stage import Replica, Routed, Stage, status_of, wait_until
from demos.tokens import Seal, bearer, gateway_jwt, write_secret
from scaleproof.spec.errors import CannotMeasureError
from services.common.tokens.jwks import JWKS_PATH
from services.common.tokens.principal import Role
from services.dashboard import front_end
from services.dashboard.layout_document import COLUMNS, LAYOUT_VERSION, Breakpoint
from services.dashboard.widgets import Widget
from services.identity.cookie import NAME as COOKIE

PAGE = "/dashboard/"
SESSIONS = "/api/v1/identity/sessions"
USERS = "/api/v1/identity/users"
LAYOUTS = "/api/v1/dashboard/layouts"
ORDERS = "2000"
EMAIL = "sample@example.org"
WIDTHS: Mapping[Breakpoint, int] = {Breakpoint.phone: 2, Breakpoint.tablet: 3, Breakpoint.desktop: 4}
"""Of each widget, in columns."""
HEIGHT = 4
NOTE = "A note of your own. Drag a widget by its head, or press Tab and the arrow keys."
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Platform:
    """Identity, orders and the dashboard; the gateway comes when the entrance is there."""

    identity: Replica
    orders: Replica
    dashboard: Replica
    password: str

    @classmethod
    def start(cls, stage: Stage) -> Platform:
        """Ready, with orders in PostgreSQL and nobody but the first admin."""
        postgres, redis = stage.postgres(), stage.redis()
        password, admin_file = secrets.token_urlsafe(24), stage.folder / "first-admin"
        write_secret(admin_file, f"{EMAIL}\n{password}")
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        with_keys = {**environment, "KEY_SEAL_FILE": str(Seal.draw(stage).file), "FIRST_ADMIN_FILE": str(admin_file)}
        stage.set_up("identity", with_keys)
        identity = stage.replica("services.identity", with_keys)
        stage.set_up("orders", {**environment, "SAMPLE_ORDERS": ORDERS})
        stage.set_up("dashboard", environment)
        verifying = {**environment, "IDENTITY_URL": identity.url}
        orders = stage.replica("services.orders", verifying)
        dashboard = stage.replica("services.dashboard", {**verifying, "ORDERS_URL": orders.url})
        stage.wait_ready()
        return cls(identity, orders, dashboard, password)

    def gateway(self, stage: Stage, entrance: Entrance) -> str:
        """Before all of them, and before the way in; ready."""
        url = stage.gateway(
            {
                "identity": Routed(["/api/v1/identity"], [self.identity.port]),
                "orders": Routed(["/api/v1/orders", "/api/v2/orders"], [self.orders.port]),
                "dashboard": Routed(["/api/v1/dashboard", "/dashboard"], [self.dashboard.port]),
                "entrance": Routed([ENTRANCE], [entrance.port]),
            },
            jwt=gateway_jwt([SESSIONS, "/dashboard", ENTRANCE], jwks_url=self.identity.url + JWKS_PATH),
        )
        stage.wait_ready()
        wait_until(lambda: status_of(url + PAGE) == httpx.codes.OK, "the page through the gateway")
        return url

    def sign_in(self) -> httpx.Response:
        """At identity itself, which nobody else reaches before the gateway is there."""
        body = {"email": EMAIL, "password": self.password}
        return httpx.post(self.identity.url + SESSIONS, json=body, timeout=20, trust_env=False).raise_for_status()

    def fill(self) -> str:
        """The sample account's roles and its layout; the Set-Cookie header of a session with these roles."""
        first = self.sign_in().json()
        roles = f"{self.identity.url}{USERS}/{first['user_id']}/roles"
        wanted = {"roles": [Role.staff.value, Role.admin.value]}
        httpx.put(roles, json=wanted, headers=bearer(first["access_token"]), timeout=20, trust_env=False).raise_for_status()
        signed_in = self.sign_in()  # a token says the roles of its time
        layout = {"name": "Sample", "document": every_widget()}
        url = self.dashboard.url + LAYOUTS
        httpx.post(
            url, json=layout, headers=bearer(signed_in.json()["access_token"]), timeout=20, trust_env=False
        ).raise_for_status()
        return signed_in.headers["set-cookie"]


def every_widget() -> dict[str, Any]:
    """A document with one of each kind, row by row, as they are by default."""
    union, *_ = get_args(Widget)
    kinds = [get_args(each.model_fields["kind"].annotation)[0] for each in get_args(union)]
    widgets = [{"id": kind, "kind": kind, **({"text": NOTE} if kind == "note" else {})} for kind in kinds]
    grids = {}
    for screen, width in WIDTHS.items():
        a_row = COLUMNS[screen] // width
        grids[screen.value] = [
            {"widget": kind, "x": number % a_row * width, "y": number // a_row * HEIGHT, "width": width, "height": HEIGHT}
            for number, kind in enumerate(kinds)
        ]
    return {"version": LAYOUT_VERSION, "widgets": widgets, "grids": grids}


def show_in_browser(url: str, entrance: Entrance) -> bool:
    """Until Ctrl-C, or until whoever started this is gone."""
    starter, address = os.getppid(), url + entrance.path
    has_window = has_windows(os.environ, sys.platform)
    if has_window:
        print("Your browser opens it, signed in. Should it not:")
    print(f"Open this once, on this machine:\n\n  {address}\n\nCtrl-C ends it, and everything in it.", flush=True)
    if has_window:
        webbrowser.open(address)
    while os.getppid() == starter:
        time.sleep(PAUSE_SECONDS)
    return True


def has_windows(environment: Mapping[str, str], system: str) -> bool:
    """Whether a browser would have a window: one in the terminal runs no scripts."""
    return system == "darwin" or any(environment.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))


@dataclass(frozen=True)
class Seen:
    """One answer."""

    what: str
    status: int
    wanted: int
    milliseconds: float


class Visit:
    """The requests of a browser that enters, each with its time."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20, trust_env=False)
        self.seen: list[Seen] = []

    def ask(self, what: str, method: str, path: str, *, wanted: int = httpx.codes.OK, **more: Any) -> httpx.Response:
        """Send one, and note what came of it."""
        begun = time.perf_counter()
        response = self._client.request(method, path, **more)
        self.seen.append(Seen(what, response.status_code, wanted, 1000 * (time.perf_counter() - begun)))
        return response

    def close(self) -> None:
        """Its connections."""
        self._client.close()


def visit_by_itself(url: str, entrance: Entrance) -> bool:
    """Enter, twice, and load the page as a browser does. Whether each answer is as it should be."""
    visit = Visit(url)
    entered = visit.ask("the entrance", "GET", entrance.path, wanted=httpx.codes.SEE_OTHER)
    visit.ask("the entrance again", "GET", entrance.path, wanted=httpx.codes.GONE)
    visit.ask("the page", "GET", entered.headers.get("location", PAGE))
    # httpx would keep a cookie that is marked Secure to itself: this is loopback without TLS.
    cookie = entered.headers.get("set-cookie", "").partition(";")[0]
    session = visit.ask("renewing the session", "POST", f"{SESSIONS}/refresh", headers={"cookie": cookie}).json()
    token = bearer(session["access_token"]) if "access_token" in session else {}
    visit.ask("preferences", "GET", "/api/v1/dashboard/preferences", headers=token)
    layouts = visit.ask("layouts", "GET", f"{LAYOUTS}?of=mine", headers=token).json().get("layouts", [])
    kinds: list[str] = []
    for each in layouts:
        document = visit.ask(f"layout {each['name']}", "GET", f"{LAYOUTS}/{each['id']}", headers=token).json()["document"]
        kinds += [widget["kind"] for widget in document["widgets"]]
    widgets = {"revenue by day": "/api/v2/orders/revenue/daily?days=7", "latest orders": "/api/v2/orders?limit=10"}
    with ThreadPoolExecutor(len(widgets)) as pool:
        shown = list(pool.map(lambda each: visit.ask(each[0], "GET", each[1], headers=token), widgets.items()))
    visit.close()
    print(table(["", "status", "ms"], [[each.what, str(each.status), f"{each.milliseconds:.1f}"] for each in visit.seen]))
    orders = len(shown[-1].json().get("orders", []))
    print(f"\n{COOKIE} was set for {SESSIONS}; {len(kinds)} widgets on {len(layouts)} layout; {orders} orders in the list")
    return all(each.status == each.wanted for each in visit.seen) and bool(kinds) and orders > 0


def demo(stage: Stage, *, quick: bool) -> bool:
    """In a browser, or by itself; whether it was as it should be."""
    if not (front_end.FOLDER / front_end.PAGE).is_file():
        raise CannotMeasureError("the front end was not built", hint="type `make web` in the checkout, then this again")
    platform = Platform.start(stage)
    with open_entrance(platform.fill(), PAGE) as entrance:
        url = platform.gateway(stage, entrance)
        print(f"The dashboard with {int(ORDERS):,} orders: {url}{PAGE}\n")
        by_itself = quick or not sys.stdout.isatty()
        return visit_by_itself(url, entrance) if by_itself else show_in_browser(url, entrance)


if __name__ == "__main__":
    main(demo, "The dashboard in a browser, signed in, with sample data; until Ctrl-C.")
