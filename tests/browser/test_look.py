"""How it looks on three screens in two themes, whether everybody can use it, and how much of it is sent."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from browser_world import SCREENSHOTS, Visitor
from playwright.sync_api import Page, expect

from demos.figures import p95

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BUDGET_BYTES = 200_000
PAINTED_SECONDS = 1.0
SAVE_MILLISECONDS = 50
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1440, 900)}
THEMES = ("light", "dark")
COLUMNS = {"phone": 2, "tablet": 6, "desktop": 12}
NOTE = "Call the supplier about the late delivery.\n\nThursday: stocktaking, all hands."
WIDGETS = [
    {"kind": "revenue_by_day", "id": "r", "title": None, "days": 30, "trend": True},
    {"kind": "latest_orders", "id": "o", "title": None, "limit": 10},
    {"kind": "note", "id": "n", "title": "This week", "text": NOTE},
    {"kind": "top_products", "id": "t", "title": None, "days": 30, "limit": 5},
    {"kind": "platform_health", "id": "h", "title": None, "minutes": 60},
]
FOR_ADMINS = {"kind": "replicas_over_time", "id": "p", "title": None, "minutes": 60, "services": []}
PLACES = {
    "phone": {
        "r": (0, 0, 2, 4),
        "n": (0, 4, 2, 3),
        "o": (0, 7, 2, 5),
        "t": (0, 12, 2, 4),
        "h": (0, 16, 2, 5),
        "p": (0, 21, 2, 5),
    },
    "tablet": {
        "r": (0, 0, 6, 5),
        "o": (0, 5, 6, 6),
        "n": (0, 11, 3, 4),
        "t": (3, 11, 3, 4),
        "h": (0, 15, 6, 5),
        "p": (0, 20, 6, 5),
    },
    "desktop": {
        "r": (0, 0, 8, 5),
        "n": (8, 0, 4, 2),
        "t": (8, 2, 4, 5),
        "o": (0, 5, 8, 4),
        "h": (0, 9, 6, 5),
        "p": (6, 9, 6, 5),
    },
}
NAMES = ("x", "y", "width", "height")


def document(*more: dict[str, object]) -> dict[str, object]:
    """A layout of everybody's widgets, and more."""
    widgets = [*WIDGETS, *more]
    shown = [widget["id"] for widget in widgets]
    grids = {
        screen: [{"widget": widget, **dict(zip(NAMES, places[widget], strict=True))} for widget in shown]
        for screen, places in PLACES.items()
    }
    return {"version": 2, "widgets": widgets, "grids": grids}


@pytest.fixture(scope="module")
def manager(world):
    """Somebody who may see everything, with a layout that shows it."""
    person = world.person("staff", "admin")
    with world.api(person) as api:
        body = {"name": "Shop", "document": document(FOR_ADMINS)}
        api.post("/api/v1/dashboard/layouts", json=body).raise_for_status()
    return person


def settled(visitor: Visitor) -> Page:
    """Everything drawn."""
    page = visitor.page
    expect(page.locator("canvas")).to_have_count(3)
    expect(page.locator(".widget tbody tr").first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate("document.fonts.ready")
    return page


def violations(page: Page) -> list[str]:
    """What axe finds, in short."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    return [
        f"{each['id']}: {each['help']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]
    ]


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("screen", SIZES)
def test_it_is_shown_on_every_screen_in_both_themes(visit, manager, screen, theme):
    width, height = SIZES[screen]
    visitor = visit(manager, viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")
    visitor.sign_in()
    page = settled(visitor)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    assert page.locator(f".columns-{COLUMNS[screen]}").count() == 1
    shoot(page, f"{screen}-{theme}")
    assert violations(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_every_dialog_can_be_used_by_everybody(visit, manager, theme):
    visitor = visit(manager, color_scheme=theme, reduced_motion="reduce", locale="de-DE" if theme == "dark" else "en-GB")
    german = theme == "dark"
    page = visitor.open()
    expect(page.locator("input[type=email]")).to_be_visible()
    shoot(page, f"sign-in-{theme}")
    assert violations(page) == []
    visitor.fill_sign_in()
    settled(visitor)
    texts = {
        "add": [["Widget hinzufügen"] if german else ["Add widget"]],
        "configure": [["Umsatz je Tag einrichten"] if german else ["Configure Revenue by day"]],
        "new": [["Neues Layout"] if german else ["New layout"]],
        "share": [["Mehr zu diesem Layout"] if german else ["More about this layout"], ["Freigeben"] if german else ["Share…"]],
        "preferences": [["Konto"] if german else ["Account"], ["Einstellungen"] if german else ["Preferences"]],
    }
    for name, ways in texts.items():
        for [button] in ways:
            page.get_by_role("button", name=button).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        shoot(page, f"{name}-{theme}")
        assert violations(page) == [], name
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_empty_page_a_conflict_and_an_error_too(visit):
    ada = visit(reduced_motion="reduce")
    page = ada.sign_in()
    shoot(page, "welcome")
    assert violations(page) == []
    ada.new_layout("Shop")
    ada.add("Note")
    ada.add("Revenue by day")
    ada.save()
    expect(ada.widget("Revenue by day")).to_contain_text("You do not have the right to see this.")
    with ada.world.api(ada.person) as api:
        [listed] = api.get("/api/v1/dashboard/layouts").json()["layouts"]
        path = f"/api/v1/dashboard/layouts/{listed['id']}"
        etag = api.get(path).json()["etag"]
        api.put(path, json={"name": "Shop", "document": document()}, headers={"if-match": etag}).raise_for_status()
    page.get_by_role("button", name="Configure Note").click()
    ada.in_dialog("Text").fill("Milk")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog").get_by_label("Note")).to_have_accessible_description("Removed in the other version")
    shoot(page, "conflict")
    assert violations(page) == []
    page.get_by_role("button", name="Decide later").click()
    expect(page.get_by_role("alert")).to_be_visible()
    shoot(page, "not-saved")
    assert violations(page) == []


def test_a_first_visit_stays_within_its_budget(visit, manager):
    visitor = visit(manager)
    visitor.sign_in()
    page = settled(visitor)
    sizes = {request.url.removeprefix(visitor.world.url): request.sizes() for request in visitor.requests}
    sent = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values())
    code = sum(size["responseBodySize"] for url, size in sizes.items() if url.startswith("/dashboard/"))
    painted = [first_widget_seconds(page) for _ in range(3)]
    figures = {
        "bytes": sent,
        "bytes_of_code": code,
        "answers": len(sizes),
        "first_widget_seconds": min(painted),
        "save_p95_milliseconds": save_p95_milliseconds(visitor),
    }
    SCREENSHOTS.mkdir(exist_ok=True)
    (SCREENSHOTS / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    assert sent <= BUDGET_BYTES
    assert min(painted) <= PAINTED_SECONDS
    assert figures["save_p95_milliseconds"] <= SAVE_MILLISECONDS


def save_p95_milliseconds(visitor: Visitor) -> float:
    """Of sixty saves through the gateway, five a second: as fast as they come, one replica's CPU limit would be measured."""
    took = []
    with visitor.world.api(visitor.person) as api:
        [listed] = api.get("/api/v1/dashboard/layouts").json()["layouts"]
        path, etag = f"/api/v1/dashboard/layouts/{listed['id']}", listed["etag"]
        body = {"name": "Shop", "document": document(FOR_ADMINS)}
        for _ in range(60):
            time.sleep(0.2)
            begun = time.perf_counter()
            etag = api.put(path, json=body, headers={"if-match": etag}).json()["etag"]
            took.append(1000 * (time.perf_counter() - begun))
    return p95(took)


def first_widget_seconds(page: Page) -> float:
    """From the reload to the first widget with something in it."""
    page.reload(wait_until="commit")
    page.locator(".widget-body :is(.note, canvas, table)").first.wait_for()
    return page.evaluate("performance.now()") / 1000
