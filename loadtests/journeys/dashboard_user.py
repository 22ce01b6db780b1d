"""Somebody who opens the dashboard, looks at it, and now and then rearranges it (docs/front-end.md, docs/dashboard.md)."""

from __future__ import annotations

from typing import Any, ClassVar

from locust import task

from journeys.signed_in import SignedInUser
from scaleproof.load import serves, together_with

DASHBOARD = "/api/v1/dashboard"
LAYOUTS = f"{DASHBOARD}/layouts"
LAYOUT = f"{LAYOUTS}/{{layout_id}}"
ORDERS = "/api/v2/orders"
COLUMNS = {"phone": 2, "tablet": 6, "desktop": 12}
HEIGHT = 4
OK, CREATED = 200, 201

Json = dict[str, Any]


class DashboardUser(SignedInUser):
    """An opening is seven calls at the same moment: a browser sends some of them only when it has others' answers, so this is harsher."""

    role: ClassVar[str] = "staff"
    concurrency = 3
    """Connections. A browser has up to six for HTTP/1.1, which for thousands of users the generator's machine would notice most."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._layout: Json | None = None

    @task(20)
    @serves("dashboard")
    @together_with("refresh", "preferences", "shared_layouts", "layout", "latest_orders", "daily_revenue")
    def open_page(self) -> None:
        """The list of own layouts, and beside it all that the page loads."""
        self.ask("GET", f"{LAYOUTS}?of=mine&limit=100", name=f"{LAYOUTS}?of=mine")

    @serves("dashboard")
    def preferences(self) -> None:
        """Language, colours, the layout that was open last."""
        self.ask("GET", f"{DASHBOARD}/preferences", name=f"{DASHBOARD}/preferences")

    @serves("dashboard")
    def shared_layouts(self) -> None:
        """What others share."""
        self.ask("GET", f"{LAYOUTS}?of=shared&limit=100", name=f"{LAYOUTS}?of=shared")

    @serves("dashboard")
    def layout(self) -> None:
        """The own one, with its document."""
        self._remember(self.ask("GET", LAYOUT.format(layout_id=self._own_layout()["id"]), name=LAYOUT))

    @serves("orders")
    def latest_orders(self) -> None:
        """A widget."""
        self.ask("GET", f"{ORDERS}?limit=10", name=f"{ORDERS}?limit=")

    @serves("orders")
    def daily_revenue(self) -> None:
        """Another one."""
        days = self.random.choice((7, 14, 30))
        self.ask("GET", f"{ORDERS}/revenue/daily?days={days}", name=f"{ORDERS}/revenue/daily")

    @task(4)
    @serves("dashboard")
    def save_layout(self) -> None:
        """Another number of days in a widget; the version that was changed goes along."""
        layout = self._own_layout()
        draft = {"name": layout["name"], "document": document(self.random.randint(1, 90))}
        self._layout = None  # whatever comes of it, this version may be over
        self._remember(
            self.ask("PUT", LAYOUT.format(layout_id=layout["id"]), name=f"PUT {LAYOUT}", json=draft, if_match=layout["etag"])
        )

    def _own_layout(self) -> Json:
        """As it was last seen; looked for, and where there is none made, before what it is for."""
        if self._layout is None:
            with self.aside():
                found = self.ask("GET", f"{LAYOUTS}?of=mine&limit=1", name=f"{LAYOUTS}?of=mine").json()["layouts"]
                if found:
                    self._layout = found[0]
                else:
                    draft = {"name": "Sample", "document": document(days=7)}
                    self._remember(self.ask("POST", LAYOUTS, name=f"POST {LAYOUTS}", json=draft))
        if self._layout is None:
            raise RuntimeError("there is no layout, and none could be made")
        return self._layout

    def _remember(self, response: Any) -> None:
        if response.status_code in {OK, CREATED}:
            self._layout = response.json()


def document(days: int) -> Json:
    """A layout of three widgets, one below the other."""
    widgets: list[Json] = [
        {"kind": "revenue_by_day", "id": "revenue", "days": days},
        {"kind": "latest_orders", "id": "orders", "limit": 10},
        {"kind": "note", "id": "note", "text": "Call the supplier."},
    ]
    grids = {
        screen: [
            {"widget": widget["id"], "x": 0, "y": row * HEIGHT, "width": columns, "height": HEIGHT}
            for row, widget in enumerate(widgets)
        ]
        for screen, columns in COLUMNS.items()
    }
    return {"version": 2, "widgets": widgets, "grids": grids}
