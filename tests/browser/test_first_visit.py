"""From the first sign-in to a layout that is found again."""

from __future__ import annotations

import pytest
from browser_world import PROVIDERS
from playwright.sync_api import expect


def test_a_note_is_there_after_a_reload(visit):
    ada = visit()
    page = ada.sign_in()
    ada.new_layout("Shop")
    ada.add("Note")
    page.get_by_role("button", name="Configure Note").click()
    ada.in_dialog("Title").fill("Today")
    ada.in_dialog("Text").fill("Call the <b>supplier</b>")
    page.get_by_role("button", name="Apply").click()
    ada.expect_status("Unsaved changes")
    ada.save()
    page.reload()
    expect(ada.widget("Today")).to_contain_text("Call the <b>supplier</b>")
    ada.expect_status("All changes saved")


def test_a_wrong_password_is_said_beside_the_form(visit):
    ada = visit()
    page = ada.open()
    page.get_by_label("E-mail").fill(ada.person.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The e-mail or the password is wrong.")


def test_other_ways_to_sign_in_are_links(visit):
    ada = visit()
    ada.page.route(f"**{PROVIDERS}", lambda route: route.fulfill(json={"providers": ["corp"]}))
    ada.open()
    link = ada.page.get_by_role("link", name="Sign in with corp")
    expect(link).to_have_attribute("href", f"{PROVIDERS}/corp/start?return_to=%2Fdashboard%2F")


def test_who_has_signed_out_is_signed_out(visit):
    ada = visit()
    page = ada.sign_in()
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_no_script_sees_a_token(visit):
    ada = visit()
    page = ada.sign_in()
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    [cookie] = ada.context.cookies(ada.world.url + "/api/v1/identity/sessions")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")


@pytest.mark.parametrize(("locale", "title"), [("de-AT", "Anmelden"), ("en-US", "Sign in"), ("fr-FR", "Sign in")])
def test_the_browser_says_the_language(visit, locale, title):
    page = visit(locale=locale).open()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert page.locator("html").get_attribute("lang") == ("de" if locale.startswith("de") else "en")
