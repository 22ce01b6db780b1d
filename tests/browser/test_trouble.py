"""Whatever goes wrong while somebody edits: nothing that was made is lost, and nothing is lost silently."""

from __future__ import annotations

import json

import pytest
from browser_world import SESSIONS, died_while
from playwright.sync_api import Route, expect

REFRESH = f"**{SESSIONS}/refresh"
UNTIL_RENEWAL_MILLISECONDS = 571_000
"""The token is good for 600 s, and is renewed 30 s before."""


@pytest.fixture
def ada(visit):
    """With a note that is not saved yet."""
    visitor = visit()
    visitor.page.clock.install()
    visitor.sign_in()
    visitor.new_layout("Shop")
    visitor.add("Note")
    return visitor


def refreshes(visitor) -> int:
    return sum(request.url.endswith("/sessions/refresh") for request in visitor.requests)


def expire(visitor) -> None:
    """The page comes by a token that identity once signed, and that is over."""

    def swap(route: Route) -> None:
        answer = route.fetch()
        body = {**answer.json(), "access_token": visitor.world.expired_token(visitor.person)}
        route.fulfill(response=answer, body=json.dumps(body))

    visitor.page.route(REFRESH, swap, times=1)
    with visitor.page.expect_response(REFRESH):
        visitor.page.clock.fast_forward(UNTIL_RENEWAL_MILLISECONDS)


def test_the_token_is_renewed_before_its_end(ada):
    before = refreshes(ada)
    with ada.page.expect_response(REFRESH) as renewed:
        ada.page.clock.fast_forward(UNTIL_RENEWAL_MILLISECONDS)
    assert renewed.value.status == 200
    ada.save()
    assert refreshes(ada) == before + 1


def test_a_token_that_ended_while_somebody_edits_is_renewed_by_the_way(ada):
    expire(ada)
    with ada.page.expect_response(lambda answer: answer.request.method == "PUT") as refused:
        ada.page.get_by_role("button", name="Save", exact=True).click()
    assert (refused.value.status, refused.value.json()["code"]) in {(401, "token_expired"), (401, "unauthenticated")}
    ada.expect_status("All changes saved")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)


def test_a_session_that_ended_while_somebody_edits_is_begun_again_over_the_page(ada):
    expire(ada)
    ada.context.clear_cookies()
    ada.page.get_by_role("button", name="Save", exact=True).click()
    expect(ada.page.get_by_role("dialog")).to_contain_text("your changes are still here")
    ada.expect_status("Unsaved changes")
    ada.fill_sign_in()
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    ada.save()
    ada.page.reload()
    expect(ada.widget("Note")).to_be_visible()


def test_several_requests_that_find_the_session_over_ask_once(ada):
    for _ in range(3):
        ada.add("Latest orders")
    expire(ada)
    ada.context.clear_cookies()
    ada.page.emulate_media(color_scheme="dark")  # every widget is drawn anew, and asks
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    expect(ada.page.get_by_text("Your session is over.")).to_have_count(4)
    expect(ada.page.get_by_role("dialog")).to_have_count(1)
    ada.fill_sign_in()
    expect(ada.page.get_by_text("No orders yet.")).to_have_count(3)
    ada.save()


def test_the_server_dies_while_it_saves(ada):
    ada.page.get_by_role("button", name="Add widget").first.hover()
    died_while(ada.world, lambda: ada.page.get_by_role("button", name="Save", exact=True).click(no_wait_after=True))
    expect(ada.page.get_by_role("alert")).to_contain_text("Not saved. The server cannot answer at the moment.")
    ada.expect_status("Unsaved changes")
    expect(ada.widget("Note")).to_be_visible()
    ada.world.wait_until_served()
    ada.page.get_by_role("button", name="Try again").click()
    ada.expect_status("All changes saved")
    ada.page.reload()
    expect(ada.widget("Note")).to_be_visible()


def test_an_answer_that_was_lost_is_no_conflict(ada):
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    ada.page.route("**/layouts/*", lose, times=1)
    ada.page.get_by_role("button", name="Save", exact=True).click()
    expect(ada.page.get_by_role("alert")).to_contain_text("Not saved.")
    ada.page.get_by_role("button", name="Try again").click()
    ada.expect_status("All changes saved")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)


def test_there_is_no_network(ada):
    ada.context.set_offline(True)
    ada.page.get_by_role("button", name="Save", exact=True).click()
    expect(ada.page.get_by_role("alert")).to_contain_text("Not saved. The server cannot be reached.")
    ada.context.set_offline(False)
    ada.page.get_by_role("button", name="Try again").click()
    ada.expect_status("All changes saved")


def test_who_closes_the_window_is_warned_as_long_as_something_is_unsaved(ada):
    asked: list[str] = []
    ada.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    with ada.page.expect_event("dialog"):
        ada.page.close(run_before_unload=True)
    ada.save()
    with ada.page.expect_event("close"):
        ada.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_who_opens_another_layout_is_asked_first(ada):
    ada.save()
    ada.new_layout("Second")
    ada.add("Latest orders")
    choose = ada.page.get_by_label("Layout", exact=True)
    choose.select_option("Shop")
    ada.page.get_by_role("button", name="Cancel").click()
    expect(ada.widget("Latest orders")).to_be_visible()
    expect(choose.locator("option:checked")).to_have_text("Second")
    choose.select_option("Shop")
    ada.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(ada.widget("Note")).to_be_visible()
    choose.select_option("Second")
    expect(ada.widget("Latest orders")).to_be_visible()
