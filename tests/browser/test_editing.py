"""Arranging widgets by mouse and by keyboard, and finding them on another device as they were left."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

COLUMN_PIXELS = 105
ROW_PIXELS = 64


@pytest.fixture
def ada(visit):
    visitor = visit()
    visitor.sign_in()
    visitor.new_layout("Shop")
    return visitor


def test_a_widget_is_dragged_by_its_head(ada):
    ada.add("Note")
    ada.save()
    assert ada.place("Note") == (0, 0, 3, 3)
    ada.drag(ada.head("Note"), 4 * COLUMN_PIXELS, 2 * ROW_PIXELS)
    ada.expect_status("Unsaved changes")
    assert ada.place("Note") == (4, 2, 3, 3)
    ada.save()
    ada.page.reload()
    expect(ada.widget("Note")).to_be_visible()
    assert ada.place("Note") == (4, 2, 3, 3)


def test_a_widget_is_resized_by_its_corner(ada):
    ada.add("Note")
    ada.widget("Note").hover()
    ada.drag(ada.widget("Note").locator(".ui-resizable-se"), 2 * COLUMN_PIXELS, ROW_PIXELS)
    ada.expect_status("Unsaved changes")
    assert ada.place("Note") == (0, 0, 5, 4)


def test_one_widget_pushes_another_out_of_its_way(ada):
    ada.add("Note")
    ada.add("Top products")
    ada.drag(ada.head("Top products"), -3 * COLUMN_PIXELS, 0)
    places = [ada.place("Note"), ada.place("Top products")]
    assert places[1][:2] == (0, 0)
    assert places[0][:2] != (0, 0)
    ada.save()  # the server takes no two that overlap


def test_keys_move_and_resize_and_say_so(ada):
    ada.add("Note")
    page, said = ada.page, ada.page.locator("[aria-live=polite]")
    expect(ada.head("Note")).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert ada.place("Note") == (2, 1, 3, 3)
    expect(said).to_have_text("Note: column 3, row 2")
    for key in ("Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert ada.place("Note") == (2, 1, 4, 5)
    expect(said).to_have_text("Note: 4 wide, 5 high")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(said).to_have_text("Note cannot go there")
    page.keyboard.press("Control+s")
    ada.expect_status("All changes saved")
    page.reload()
    expect(ada.widget("Note")).to_be_visible()
    assert ada.place("Note") == (0, 1, 4, 5)


def test_the_whole_way_by_keyboard(ada):
    page = ada.page
    page.get_by_role("button", name="Add widget").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Note").focus()
    page.keyboard.press("Enter")
    expect(ada.head("Note")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    ada.in_dialog("Title").fill("Mine")
    page.keyboard.press("Enter")
    expect(ada.head("Mine")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".grid-stack-item")).to_have_count(0)


def test_widgets_are_added_configured_and_removed(ada):
    page = ada.page
    ada.add("Note")
    ada.add("Latest orders")
    page.get_by_role("button", name="Configure Latest orders").click()
    ada.in_dialog("How many").fill("51")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("dialog")).to_be_visible()  # out of bounds: the browser says so
    ada.in_dialog("How many").fill("3")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Remove Note").click()
    ada.save()
    with ada.world.api(ada.person) as api:
        [listed] = api.get("/api/v1/dashboard/layouts").json()["layouts"]
        document = api.get(f"/api/v1/dashboard/layouts/{listed['id']}").json()["document"]
    assert [(widget["kind"], widget["limit"]) for widget in document["widgets"]] == [("latest_orders", 3)]
    assert {screen: len(places) for screen, places in document["grids"].items()} == {"phone": 1, "tablet": 1, "desktop": 1}


def test_what_is_shown_does_not_grow_old(ada):
    ada.page.clock.install()
    ada.page.reload()
    ada.add("Latest orders")
    expect(ada.widget("Latest orders")).to_contain_text("No orders yet.")
    with ada.page.expect_response(lambda answer: "/orders" in answer.url):
        ada.page.clock.fast_forward(60_000)


def test_each_kind_of_screen_has_places_of_its_own(ada):
    ada.add("Note")
    ada.page.keyboard.press("ArrowRight")
    ada.page.set_viewport_size({"width": 800, "height": 900})
    expect(ada.page.locator(".columns-6")).to_be_visible()
    assert ada.place("Note") == (0, 0, 3, 3)
    ada.page.set_viewport_size({"width": 390, "height": 800})
    expect(ada.page.locator(".columns-2")).to_be_visible()
    assert ada.place("Note") == (0, 0, 2, 3)
    ada.page.set_viewport_size({"width": 1280, "height": 900})
    expect(ada.page.locator(".columns-12")).to_be_visible()
    assert ada.place("Note") == (1, 0, 3, 3)


def test_another_device_shows_it_as_it_was_left(ada, visit):
    ada.add("Note")
    ada.page.keyboard.press("Shift+ArrowRight")
    ada.save()
    ada.new_layout("Second")
    ada.page.get_by_label("Layout", exact=True).select_option("Shop")
    expect(ada.widget("Note")).to_be_visible()
    elsewhere = visit(ada.person)
    elsewhere.sign_in()
    expect(elsewhere.widget("Note")).to_be_visible()
    assert elsewhere.place("Note") == (0, 0, 4, 3)


def test_a_layout_is_renamed_and_deleted(ada):
    page = ada.page
    ada.new_layout("Second")
    page.get_by_role("button", name="More about this layout").click()
    page.get_by_role("button", name="Rename").click()
    ada.in_dialog("Name").fill("Shop")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("alert")).to_have_text("You have another layout of this name.")
    ada.in_dialog("Name").fill("Storage")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_label("Layout", exact=True).locator("option:checked")).to_have_text("Storage")
    page.get_by_role("button", name="More about this layout").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_label("Layout", exact=True).locator("option")).to_have_text(["Shop"])


def test_preferences_hold_on_every_device(ada, visit):
    page = ada.page
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Preferences").click()
    ada.in_dialog("Colours").select_option("dark")
    ada.in_dialog("Language").select_option("de")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Neues Layout")).to_be_visible()
    elsewhere = visit(ada.person)
    elsewhere.sign_in()
    expect(elsewhere.page.locator("html[lang=de][data-theme=dark]")).to_be_attached()
