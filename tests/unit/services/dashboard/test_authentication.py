"""Who is let in: whoever identity says, and where no identity is configured, nobody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from dashboard_app import ServedApp, Somebody
from dashboard_issuer import REVOKED_SESSION, Issuer
from identity_tokens import NOW, Signer
from service_processes import ROOT

from services.common.settings import SettingsError
from services.common.tokens.principal import Role
from services.common.tokens.settings import DEFAULT_AUDIENCE, DEFAULT_ISSUER, AccessMode, TokenSettings

PATHS = ("/layouts", "/preferences", "/settings/user-0", "/overview")


def challenged(answer, code: str, challenge: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, code), answer.text
    assert answer.headers["www-authenticate"] == challenge


def test_without_a_token_nobody_is_let_in(served: ServedApp):
    for path in PATHS:
        challenged(Somebody(served).ask("GET", path), "unauthenticated", "Bearer")
        basic = served.request("GET", path, headers={"authorization": "Basic dXNlcjpwYXNzd29yZA=="})
        challenged(basic, "unauthenticated", "Bearer")


@pytest.mark.parametrize("token", ["x", "a.b.c", "", Signer().token(iat=NOW, exp=NOW)])
def test_a_token_of_nobody_known_is_refused(token: str, served: ServedApp):
    answer = Somebody(served, token=token).ask("GET", "/layouts")
    challenged(answer, "unauthenticated", 'Bearer error="invalid_token"')


def test_a_revoked_token_is_refused(served: ServedApp, issuer: Issuer):
    token = issuer.token("user-0", Role.customer, session_id=REVOKED_SESSION)
    challenged(Somebody(served, token=token).ask("GET", "/layouts"), "token_expired", 'Bearer error="invalid_token"')


@pytest.fixture
def unconfigured(layouts_url: str) -> Iterator[ServedApp]:
    app = ServedApp({"DATABASE_URL": layouts_url})
    yield app
    app.close()


def test_told_of_no_identity_nobody_is_let_in(unconfigured: ServedApp, somebody: Callable[..., Somebody]):
    admin = somebody(Role.admin)
    for token in (None, "x", admin.token):
        for path in PATHS:
            answer = Somebody(unconfigured, token=token).ask("GET", path)
            assert (answer.status_code, answer.json()["code"]) == (503, "identity_not_configured")
            assert "retry-after" not in answer.headers


def test_what_needs_no_user_can_be_opened_to_everybody(layouts_url: str):
    app = ServedApp({"DATABASE_URL": layouts_url, "ACCESS": "open"})
    try:
        assert app.request("GET", "/settings/somebody").status_code == 200
        assert app.request("GET", "/layouts").status_code == 503, "whose layouts would they be?"
    finally:
        app.close()


def test_access_is_open_or_not():
    assert AccessMode.from_environment({}) is AccessMode.tokens
    assert AccessMode.from_environment({"ACCESS": "open"}) is AccessMode.open
    with pytest.raises(SettingsError, match=r"^ACCESS is 'Open'; expected tokens or open$"):
        AccessMode.from_environment({"ACCESS": "Open"})
    with pytest.raises(SettingsError, match=r"^ACCESS is open, but IDENTITY_URL is set"):
        AccessMode.from_environment({"ACCESS": "open", "IDENTITY_URL": "http://identity:8000"})


def test_settings_of_an_identity_are_whole_or_not_there():
    url = {"IDENTITY_URL": "http://identity:8000"}
    assert TokenSettings.optional_from_environment({}) is None
    found = TokenSettings.optional_from_environment(url)
    assert found is not None
    assert (found.identity_url, found.expected.issuer, found.expected.audience) == (
        *url.values(),
        DEFAULT_ISSUER,
        DEFAULT_AUDIENCE,
    )
    for name in ("TOKEN_ISSUER", "TOKEN_AUDIENCE"):
        with pytest.raises(SettingsError, match=f"^{name} is set, but IDENTITY_URL is not"):
            TokenSettings.optional_from_environment({name: "urn:x"})
    with pytest.raises(SettingsError, match=r"^IDENTITY_URL has the scheme 'ftp'"):
        TokenSettings.optional_from_environment({"IDENTITY_URL": "ftp://identity"})


def test_who_verifies_no_tokens_does_not_pay_for_it():
    program = "import sys, services.dashboard.app, services.dashboard.settings; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0
