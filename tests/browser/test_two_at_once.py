"""Two windows with one layout, and a layout that somebody else may only read."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.fixture
def two(visit):
    """The same person at two devices, which show the same layout; each has added something, and the second has saved it."""
    first = visit()
    first.sign_in()
    first.new_layout("Shop")
    second = visit(first.person)
    second.sign_in()
    second.add("Latest orders")
    second.save()
    first.add("Note")
    first.page.get_by_role("button", name="Save", exact=True).click()
    expect(first.page.get_by_role("dialog", name="Changed elsewhere meanwhile")).to_be_visible()
    return first, second


def test_both_versions_are_shown(two):
    first, _ = two
    pictures = first.page.get_by_role("dialog").locator(".picture")
    expect(pictures.nth(0)).to_have_text("Note")
    expect(pictures.nth(1)).to_have_text("Latest orders")
    expect(first.page.locator(".differences li")).to_have_text(
        ["Note: only in my version", "Latest orders: only in the other version"]
    )


def test_mine_is_kept(two):
    first, second = two
    first.page.get_by_role("button", name="Keep mine").click()
    first.expect_status("All changes saved")
    second.page.reload()
    expect(second.page.get_by_role("heading", level=2)).to_have_text(["Note"])


def test_theirs_is_taken(two):
    first, _ = two
    first.page.get_by_role("button", name="Take theirs").click()
    first.expect_status("All changes saved")
    expect(first.page.get_by_role("heading", level=2)).to_have_text(["Latest orders"])


def test_who_decides_later_loses_nothing(two):
    first, _ = two
    first.page.get_by_role("button", name="Decide later").click()
    first.expect_status("Unsaved changes")
    expect(first.page.get_by_role("alert")).to_contain_text("Your changes are still here")
    first.page.get_by_role("button", name="Try again").click()
    expect(first.page.get_by_role("dialog", name="Changed elsewhere meanwhile")).to_be_visible()


def test_both_are_merged_where_different_widgets_were_changed(two):
    first, second = two
    dialog = first.page.get_by_role("dialog")
    expect(dialog.get_by_text("Different widgets were changed: merging keeps all of it.")).to_be_visible()
    dialog.get_by_role("button", name="Merge").click()
    first.expect_status("All changes saved")
    second.page.reload()
    for visitor in (first, second):
        expect(visitor.page.get_by_role("heading", level=2)).to_have_text(["Latest orders", "Note"])
        assert visitor.place("Latest orders") != visitor.place("Note")


def write_note(visitor, name: str, text: str) -> None:
    visitor.page.get_by_role("button", name=f"Configure {name}").click()
    visitor.in_dialog("Text").fill(text)
    visitor.page.get_by_role("dialog").get_by_role("button", name="Apply").click()


@pytest.mark.parametrize(("answer", "stays"), [("Keep mine", "Milk"), ("Take theirs", "Bread")])
def test_merging_asks_about_a_widget_that_both_have_changed(visit, answer, stays):
    first = visit()
    first.sign_in()
    first.new_layout("Shop")
    first.add("Note")
    first.save()
    second = visit(first.person)
    second.sign_in()
    write_note(second, "Note", "Bread")
    second.add("Latest orders")
    second.save()
    write_note(first, "Note", "Milk")
    first.add("Top products")
    first.page.get_by_role("button", name="Save", exact=True).click()
    question = first.page.get_by_role("group", name="Changed in both; when merging").get_by_label("Note")
    question.select_option(answer)
    first.page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    first.expect_status("All changes saved")
    second.page.reload()
    for visitor in (first, second):
        headings = visitor.page.get_by_role("heading", level=2)
        expect(headings).to_have_count(3)
        assert sorted(headings.all_text_contents()) == ["Latest orders", "Note", "Top products"]
        expect(visitor.widget("Note")).to_contain_text(stays)


def test_merging_in_german(visit):
    first = visit(locale="de-DE")
    first.sign_in()
    first.page.get_by_role("button", name="Neues Layout").first.click()
    first.in_dialog("Name").fill("Laden")
    first.page.get_by_role("button", name="Anlegen").click()
    second = visit(first.person)
    second.sign_in()
    second.add("Note")
    second.save()
    first.page.get_by_role("button", name="Widget hinzufügen").first.click()
    first.page.get_by_role("dialog").get_by_role("button", name="Neueste Bestellungen").click()
    first.page.get_by_role("button", name="Speichern", exact=True).click()
    first.page.get_by_role("dialog").get_by_role("button", name="Zusammenführen").click()
    expect(first.page.get_by_role("heading", level=2)).to_have_text(["Notiz", "Neueste Bestellungen"])


def share(owner, *lines: str) -> None:
    owner.page.get_by_role("button", name="More about this layout").click()
    owner.page.get_by_role("button", name="Share").click()
    owner.in_dialog("User ids").fill("\n".join(lines))
    owner.page.get_by_role("dialog").get_by_role("button", name="Share").click()
    expect(owner.page.get_by_text("Shares saved")).to_be_visible()


def test_who_is_named_may_read_and_nothing_else(visit):
    ada, grace = visit(), visit()
    ada.sign_in()
    ada.new_layout("For Grace")
    ada.add("Note")
    ada.save()
    share(ada, grace.person.user_id)
    page = grace.sign_in()
    expect(grace.widget("Note")).to_be_visible()
    grace.expect_status(f"Shared by user {ada.person.user_id}: read only")
    for name in ("Save", "Add widget", "More about this layout", "Configure Note", "Remove Note"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    grace.drag(grace.head("Note"), 300, 100)
    assert grace.place("Note") == (0, 0, 3, 3)
    share(ada)
    page.reload()
    expect(page.get_by_role("heading", name="Your dashboard is empty")).to_be_visible()


def test_customers_are_not_offered_roles_and_staff_are(visit):
    for roles, offered in ([()], 0), ([("staff",)], 1):
        ada = visit(None, *roles[0])
        ada.sign_in()
        ada.new_layout("Mine")
        ada.page.get_by_role("button", name="More about this layout").click()
        ada.page.get_by_role("button", name="Share").click()
        expect(ada.in_dialog("User ids")).to_be_visible()
        expect(ada.page.get_by_role("group", name="Everybody with the role")).to_have_count(offered)
