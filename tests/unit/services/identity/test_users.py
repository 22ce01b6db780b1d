"""Each endpoint around users, and the cookie, over HTTP."""

from __future__ import annotations

import re

import httpx
import pytest
from identity_accounts import Accounts
from identity_tokens import decoded
from service_processes import Replica, wait_until

from services.common.tokens.principal import Role

API = "/api/v1/identity"
PASSWORD = "correct horse battery"
COOKIE = re.compile(
    r"__Secure-refresh=([A-Za-z0-9_-]{43}); Max-Age=(\d+); Path=/api/v1/identity/sessions; Secure; HttpOnly; SameSite=Strict"
)
REMOVED = '__Secure-refresh=""; Max-Age=0; Path=/api/v1/identity/sessions; Secure; HttpOnly; SameSite=Strict'
EFFECTIVE_SECONDS = 5.0


def register(identity: Replica, email: str, **changed: object) -> httpx.Response:
    body = {"email": email, "name": "Ada", "password": PASSWORD, **changed}
    return identity.client.post(f"{API}/users", json=body)


def sign_in(identity: Replica, email: str, password: str = PASSWORD) -> httpx.Response:
    return identity.client.post(f"{API}/sessions", json={"email": email, "password": password})


def refresh_token(answer: httpx.Response) -> str:
    found = COOKIE.fullmatch(answer.headers["set-cookie"])
    assert found is not None
    return found[1]


def refresh(identity: Replica, token: str) -> httpx.Response:
    # By hand: a client sends a Secure cookie over HTTPS alone.
    return httpx.post(f"{identity.url}{API}/sessions/refresh", headers={"cookie": f"__Secure-refresh={token}"}, trust_env=False)


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def test_register_sign_in_refresh_and_sign_out(identity: Replica):
    registered = register(identity, "Ada@Example.org")
    user = registered.json()
    assert registered.status_code == 201
    assert registered.headers["location"] == f"{API}/users/{user['id']}"
    assert user["id"] > 1_000_000
    assert (user["email"], user["name"], user["roles"], user["disabled"]) == ("ada@example.org", "Ada", ["customer"], False)

    session = sign_in(identity, "ada@example.org")
    assert session.status_code == 201
    assert session.headers["cache-control"] == "no-store"
    body = session.json()
    assert (body["token_type"], body["expires_in"], body["user_id"], body["roles"]) == ("Bearer", 600, user["id"], ["customer"])
    token = refresh_token(session)
    assert 30 * 86_400 - 60 < int(COOKIE.fullmatch(session.headers["set-cookie"])[2]) <= 30 * 86_400
    assert token not in session.text
    assert identity.client.get(registered.headers["location"], headers=bearer(session)).json() == user

    header, payload, _ = body["access_token"].split(".")
    claims = decoded(payload)
    assert decoded(header)["kid"] in {key["kid"] for key in identity.client.get("/.well-known/jwks.json").json()["keys"]}
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "ver", "roles"}
    assert (claims["sub"], claims["exp"] - claims["iat"], claims["roles"]) == (str(user["id"]), 600, ["customer"])

    later = refresh(identity, token)
    assert later.status_code == 200
    assert decoded(later.json()["access_token"].split(".")[1])["sid"] == claims["sid"]

    ended = httpx.delete(
        f"{identity.url}{API}/sessions/current",
        headers={"cookie": f"__Secure-refresh={refresh_token(later)}"},
        trust_env=False,
    )
    assert (ended.status_code, ended.headers["set-cookie"]) == (204, REMOVED)
    again = refresh(identity, refresh_token(later))
    assert (again.status_code, again.json()["code"], again.headers["set-cookie"]) == (401, "session_ended", REMOVED)
    wait_until(
        lambda: identity.client.get(registered.headers["location"], headers=bearer(later)).status_code == 401,
        "the access token is revoked",
        limit_seconds=EFFECTIVE_SECONDS,
    )


def test_an_e_mail_is_taken_whatever_its_case(identity: Replica):
    assert register(identity, "taken@example.org").status_code == 201
    answer = register(identity, "TAKEN@example.org")
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize("changed", [
    {"email": "no address"}, {"email": "a@b"}, {"email": "a@b..org"}, {"email": "a b@example.org"}, {"email": "ä@example.org"},
    {"email": "a@example.org\n"}, {"email": f"{'a' * 65}@example.org"}, {"email": 1}, {"email": None},
    {"name": ""}, {"name": "a" * 101}, {"name": "a\x00b"}, {"name": "a\nb"}, {"name": "\ud800"},
    {"password": "x" * 11}, {"password": "x" * 257}, {"password": 123456789012}, {"password": None},
    {"roles": ["admin"]}, {"id": 1}, {"disabled": False},
])  # fmt: skip
def test_a_wrong_registration_is_422_and_its_values_are_not_repeated(identity: Replica, changed: dict):
    # Written by hand: httpx does not send half a surrogate pair.
    import json

    body = json.dumps({"email": "wrong@example.org", "name": "Ada", "password": PASSWORD, **changed})
    answer = identity.client.post(f"{API}/users", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert PASSWORD not in answer.text
    assert "x" * 11 not in answer.text


def test_users_are_listed_page_by_page(identity: Replica, accounts: Accounts):
    admin = accounts.bearer(accounts.add(roles=[Role.admin]), roles=[Role.admin])
    added = [accounts.add() for _ in range(5)]
    after, seen = added[0] - 1, []
    while after is not None:
        page = identity.client.get(f"{API}/users", params={"after": after, "limit": 2}, headers=admin).json()
        seen += [user["id"] for user in page["users"]]
        after = page["next_after"]
    assert seen[:5] == added
    assert seen == sorted(seen)
    for wrong in ({"limit": 0}, {"limit": 101}, {"after": -1}, {"after": 2**31}, {"offset": 1}):
        assert identity.client.get(f"{API}/users", params=wrong, headers=admin).status_code == 422


def test_other_roles_are_in_force_within_five_seconds(identity: Replica, accounts: Accounts):
    admin = accounts.bearer(accounts.add(roles=[Role.admin]), roles=[Role.admin])
    user_id = accounts.add(password=PASSWORD)
    session = sign_in(identity, accounts.email_of(user_id))
    answer = identity.client.put(f"{API}/users/{user_id}/roles", json={"roles": ["staff", "customer", "staff"]}, headers=admin)
    assert (answer.status_code, answer.json()["roles"]) == (200, ["customer", "staff"])
    path = f"{API}/users/{user_id}"

    def is_refused() -> bool:
        answer = identity.client.get(path, headers=bearer(session))
        return answer.status_code == 401 and answer.json()["code"] == "token_expired"

    wait_until(is_refused, "the token with the old roles is refused", limit_seconds=EFFECTIVE_SECONDS)
    later = refresh(identity, refresh_token(session))
    assert later.json()["roles"] == ["customer", "staff"]
    assert identity.client.get(path, headers=bearer(later)).status_code == 200


def test_whoever_is_disabled_is_out_within_five_seconds_and_may_be_let_in_again(identity: Replica, accounts: Accounts):
    admin = accounts.bearer(accounts.add(roles=[Role.admin]), roles=[Role.admin])
    user_id = accounts.add(password=PASSWORD)
    path = f"{API}/users/{user_id}"
    session = sign_in(identity, accounts.email_of(user_id))
    assert identity.client.put(f"{path}/status", json={"disabled": True}, headers=admin).json()["disabled"] is True
    assert refresh(identity, refresh_token(session)).status_code == 401
    assert sign_in(identity, accounts.email_of(user_id)).status_code == 401
    wait_until(
        lambda: identity.client.get(path, headers=bearer(session)).status_code == 401,
        "the token is refused",
        limit_seconds=EFFECTIVE_SECONDS,
    )
    assert identity.client.put(f"{path}/status", json={"disabled": False}, headers=admin).json()["disabled"] is False
    assert sign_in(identity, accounts.email_of(user_id)).status_code == 201


def test_changing_the_password_gives_a_new_session(identity: Replica, accounts: Accounts):
    user_id = accounts.add(password=PASSWORD)
    session = sign_in(identity, accounts.email_of(user_id))
    path = f"{API}/users/{user_id}/password"
    wrong = identity.client.put(
        path, json={"current_password": "a wrong one", "new_password": "another password"}, headers=bearer(session)
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    changed = identity.client.put(
        path, json={"current_password": PASSWORD, "new_password": "another password"}, headers=bearer(session)
    )
    assert changed.status_code == 200
    assert identity.client.get(f"{API}/users/{user_id}", headers=bearer(changed)).status_code == 200
    assert refresh(identity, refresh_token(session)).status_code == 401
    assert refresh(identity, refresh_token(changed)).status_code == 200


def test_a_deleted_user_is_gone(identity: Replica, accounts: Accounts):
    admin = accounts.bearer(accounts.add(roles=[Role.admin]), roles=[Role.admin])
    user_id = accounts.add(password=PASSWORD)
    assert identity.client.delete(f"{API}/users/{user_id}", headers=admin).status_code == 204
    for answer in (
        identity.client.get(f"{API}/users/{user_id}", headers=admin),
        identity.client.delete(f"{API}/users/{user_id}", headers=admin),
        identity.client.put(f"{API}/users/{user_id}/roles", json={"roles": []}, headers=admin),
        identity.client.put(f"{API}/users/{user_id}/status", json={"disabled": True}, headers=admin),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "user_unknown")
    assert sign_in(identity, accounts.email_of(user_id)).status_code == 401


def test_without_a_cookie_there_is_no_session(identity: Replica):
    answer = identity.client.post(f"{API}/sessions/refresh")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert identity.client.delete(f"{API}/sessions/current").status_code == 204


def test_the_key_set_may_be_cached_and_holds_nothing_private(identity: Replica):
    answer = identity.client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")


@pytest.mark.parametrize("since", ["-1", "nan", "inf", "x", "1e11"])
def test_a_wrong_time_of_revocations_is_422(identity: Replica, since: str):
    assert identity.client.get("/internal/v1/revocations", params={"since": since}).status_code == 422
