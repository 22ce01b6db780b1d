"""Signing in elsewhere, from the browser's first step to the session, and every way to get in by it that is known of.

The provider is one of this process (fakes/oidc_provider.py); tests/platform/test_oidc_login.py asks a real one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from identity_accounts import Accounts
from identity_world import PASSWORD
from oidc_world import API, SITE, OidcWorld, opened_with_providers, somebody
from pydantic import TypeAdapter, ValidationError

from fakes.oidc_provider import ACCESS_TOKEN, said
from services.common.http_client.exchange import Reply
from services.common.tokens.principal import Role
from services.identity.oidc.repository import UNLINK
from services.identity.oidc.schemas import ReturnPath
from services.identity.session_service import Session

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

START_COOKIE = re.compile(
    r"__Secure-oidc=[A-Za-z0-9_-]{43}; Max-Age=600; Path=/api/v1/identity/oidc; Secure; HttpOnly; SameSite=Lax"
)
SESSION_COOKIE = re.compile(
    r"__Secure-refresh=[A-Za-z0-9_-]{43}; Max-Age=2592000; Path=/api/v1/identity/sessions; Secure; HttpOnly; SameSite=Strict"
)


def test_somebody_new_gets_an_account_and_comes_back_to_it(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, browser = somebody(), world.browser()
            started = await browser.start(return_to="/orders?page=2#top")
            assert (started.status_code, started.headers["cache-control"]) == (303, "no-store")
            assert START_COOKIE.fullmatch(started.headers["set-cookie"])
            answer = world.corp.signs_in(
                started.headers["location"], person, email=f"{person}@Example.org", name="Ada\nLovelace", roles=["admin"]
            )

            back = await browser.back({**answer, "session_state": "unknown to us", "scope": "openid"})
            assert (back.status_code, back.headers["location"]) == (303, "/orders?page=2#top")
            assert back.headers["cache-control"] == "no-store"
            assert SESSION_COOKIE.fullmatch(back.headers["set-cookie"])
            assert back.text == ""

            refreshed = await browser.client.post(f"{API}/sessions/refresh")
            session = refreshed.json()
            assert (session["user_id"], session["roles"]) == (world.user_of(person), ["customer"])
            await world.relay.relay()
            assert world.verifier.verify(session["access_token"], world.clock.now).roles == {Role.customer}
            user = await world.users.find(session["user_id"])
            assert (user.email, user.name) == (f"{person}@example.org", "AdaLovelace")

            later = world.browser()
            assert (await later.sign_in(person, email="another@example.org")).status_code == 303
            again = await later.client.post(f"{API}/sessions/refresh")
            assert again.json()["user_id"] == session["user_id"], "by issuer and subject, whatever the e-mail is today"

    asyncio.run(tell())


def test_the_browser_is_sent_away_with_secrets_that_are_drawn_anew(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            browser = world.browser()
            locations = [(await browser.start("strict")).headers["location"] for _ in range(2)]
            first, second = (parse_qs(urlsplit(location).query) for location in locations)
            assert first["redirect_uri"] == [f"{SITE}{API}/oidc/strict/callback"]
            assert first["scope"] == ["openid email profile"]
            for name in ("state", "nonce", "code_challenge"):
                assert len(first[name][0]) == 43
                assert first[name] != second[name]

    asyncio.run(tell())


def test_attempts_in_two_tabs_both_come_to_their_end(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, browser = somebody(), world.browser()
            answers = [await browser.at_provider(person, email=f"{person}@example.org") for _ in range(2)]
            assert [(await browser.back(answer)).status_code for answer in answers] == [303, 303]

    asyncio.run(tell())


def test_somebody_new_who_comes_twice_at_once_gets_one_account(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            for _ in range(3):
                person = somebody()
                backs = await asyncio.gather(
                    *(world.browser().sign_in(person, email=f"{person}@example.org") for _ in range(4))
                )
                assert [back.status_code for back in backs] == [303] * 4
                assert world.user_of(person)

    asyncio.run(tell())


# Every way to get in that is known of, one a row.

Attack = Callable[[OidcWorld], Awaitable[httpx.Response]]


async def another_browser(world: OidcWorld) -> httpx.Response:
    """Login CSRF: the attacker's answer, brought by the victim's browser."""
    return await world.browser().back(await world.browser().at_provider(somebody()))


async def another_browser_with_an_attempt_of_its_own(world: OidcWorld) -> httpx.Response:
    victim = world.browser()
    await victim.start()
    return await victim.back(await world.browser().at_provider(somebody()))


async def swapped_state(world: OidcWorld) -> httpx.Response:
    one, other = world.browser(), world.browser()
    theirs, ours = await one.at_provider(somebody()), await other.at_provider(somebody())
    return await other.back({**ours, "state": theirs["state"]})


async def invented_state(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    return await browser.back({**await browser.at_provider(somebody()), "state": "k" * 43})


async def shapeless_state(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    return await browser.back({**await browser.at_provider(somebody()), "state": "' OR 1=1 -- \x00"})


async def no_state(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    del answer["state"]
    return await browser.back(answer)


async def old_state(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    world.clock.now += 600
    return await browser.back(answer)


async def replayed_answer(world: OidcWorld) -> httpx.Response:
    person, browser = somebody(), world.browser()
    answer = await browser.at_provider(person, email=f"{person}@example.org")
    assert (await browser.back(answer)).status_code == 303
    return await browser.back(answer)


async def replayed_while_it_is_served(world: OidcWorld) -> httpx.Response:
    person, browser = somebody(), world.browser()
    answer = await browser.at_provider(person, email=f"{person}@example.org")
    backs = await asyncio.gather(*(browser.back(answer) for _ in range(5)))
    assert sorted(back.status_code for back in backs) == [303, 400, 400, 400, 400]
    return next(back for back in backs if back.status_code == 400)


async def another_providers_callback(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    return await browser.back(await browser.at_provider(somebody()), "strict")


async def mixed_up_issuer(world: OidcWorld) -> httpx.Response:
    """The browser believes to be at one provider, the answer is another one's (RFC 9207)."""
    browser = world.browser()
    return await browser.back({**await browser.at_provider(somebody()), "iss": world.strict.issuer})


async def unnamed_issuer(world: OidcWorld) -> httpx.Response:
    """Left out, though this provider says that all its answers have it."""
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    del answer["iss"]
    return await browser.back(answer)


async def replayed_code(world: OidcWorld) -> httpx.Response:
    person, browser = somebody(), world.browser()
    used = await browser.at_provider(person, email=f"{person}@example.org")
    assert (await browser.back(used)).status_code == 303
    return await browser.back({**await browser.at_provider(person), "code": used["code"]})


async def injected_code(world: OidcWorld) -> httpx.Response:
    """A stolen code, never used, in the thief's own attempt: it was asked for with another code verifier."""
    stolen = await world.browser().at_provider(somebody())
    thief = world.browser()
    return await thief.back({**await thief.at_provider(somebody()), "code": stolen["code"]})


async def no_code(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    del answer["code"]
    return await browser.back(answer)


async def denied(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    return await browser.back({"state": answer["state"], "iss": answer["iss"], "error": "access_denied"})


async def denied_with_a_code(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    return await browser.back({**await browser.at_provider(somebody()), "error": "access_denied"})


async def not_now(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    return await browser.back({"state": answer["state"], "iss": answer["iss"], "error": "temporarily_unavailable"})


async def down_at_the_start(world: OidcWorld) -> httpx.Response:
    world.strict.is_down = True  # before anything is kept of it
    return await world.browser().start("strict")


async def down_at_the_end(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    answer = await browser.at_provider(somebody())
    world.corp.is_down = True
    return await browser.back(answer)


def with_claims(**changed: object) -> Attack:
    async def attack(world: OidcWorld) -> httpx.Response:
        world.corp.changed = changed
        return await world.browser().sign_in(somebody())

    return attack


async def another_sessions_token(world: OidcWorld) -> httpx.Response:
    """A whole ID token, good a moment ago, in place of this attempt's."""
    person, tokens = somebody(), []
    make = world.corp.token
    world.corp.forge = lambda claims: tokens.append(make(claims)) or tokens[0]
    assert (await world.browser().sign_in(person, email=f"{person}@example.org")).status_code == 303
    return await world.browser().sign_in(somebody())


async def another_providers_token(world: OidcWorld) -> httpx.Response:
    world.corp.forge = world.strict.token
    return await world.browser().sign_in(somebody())


async def another_access_token(world: OidcWorld) -> httpx.Response:
    world.corp.changed = {"at_hash": "A" * 22}
    return await world.browser().sign_in(somebody())


async def disabled_user(world: OidcWorld) -> httpx.Response:
    person = somebody()
    await world.browser().sign_in(person, email=f"{person}@example.org")
    await world.users.set_disabled(world.user_of(person), disabled=True)
    return await world.browser().sign_in(person)


async def nobodys_identity(world: OidcWorld) -> httpx.Response:
    return await world.browser().sign_in(somebody(), "strict", email="somebody@example.org")


async def somebodys_email(world: OidcWorld) -> httpx.Response:
    """The provider says that the e-mail is verified: it still opens nobody's account."""
    victim = world.accounts.add(password=PASSWORD)
    return await world.browser().sign_in(somebody(), email=world.accounts.email_of(victim).upper(), email_verified=True)


async def no_email(world: OidcWorld) -> httpx.Response:
    person = somebody()
    world.corp.userinfo = {"sub": person, "email_verified": True}
    return await world.browser().sign_in(person)


async def somebody_elses_userinfo(world: OidcWorld) -> httpx.Response:
    world.corp.userinfo = {"sub": somebody(), "email": f"{somebody()}@example.org"}
    return await world.browser().sign_in(somebody())


async def no_provider(world: OidcWorld) -> httpx.Response:
    return await world.browser().start("other")


async def no_provider_at_the_end(world: OidcWorld) -> httpx.Response:
    browser = world.browser()
    return await browser.back(await browser.at_provider(somebody()), "other")


ATTACKS: list[tuple[Attack, int, str]] = [
    (another_browser, 400, "oidc_state_refused"),
    (another_browser_with_an_attempt_of_its_own, 400, "oidc_state_refused"),
    (swapped_state, 400, "oidc_state_refused"),
    (invented_state, 400, "oidc_state_refused"),
    (shapeless_state, 400, "oidc_state_refused"),
    (no_state, 400, "oidc_state_refused"),
    (old_state, 400, "oidc_state_refused"),
    (replayed_answer, 400, "oidc_state_refused"),
    (replayed_while_it_is_served, 400, "oidc_state_refused"),
    (another_providers_callback, 400, "oidc_state_refused"),
    (mixed_up_issuer, 400, "oidc_token_refused"),
    (unnamed_issuer, 400, "oidc_token_refused"),
    (replayed_code, 400, "oidc_code_refused"),
    (injected_code, 400, "oidc_code_refused"),
    (no_code, 400, "oidc_code_refused"),
    (denied, 403, "oidc_denied"),
    (denied_with_a_code, 403, "oidc_denied"),
    (not_now, 503, "oidc_provider_unavailable"),
    (down_at_the_start, 503, "oidc_provider_unavailable"),
    (down_at_the_end, 503, "oidc_provider_unavailable"),
    (with_claims(nonce="another attempt's"), 400, "oidc_nonce_wrong"),
    (with_claims(nonce=None), 400, "oidc_nonce_wrong"),
    (another_sessions_token, 400, "oidc_nonce_wrong"),
    (another_providers_token, 400, "oidc_token_refused"),
    (with_claims(aud="another client"), 400, "oidc_token_refused"),
    (with_claims(iss="https://strict.example/tenant"), 400, "oidc_token_refused"),
    (another_access_token, 400, "oidc_token_refused"),
    (disabled_user, 403, "user_disabled"),
    (nobodys_identity, 403, "oidc_not_linked"),
    (somebodys_email, 409, "email_taken"),
    (no_email, 403, "oidc_email_missing"),
    (somebody_elses_userinfo, 503, "oidc_provider_unavailable"),
    (no_provider, 404, "oidc_provider_unknown"),
    (no_provider_at_the_end, 404, "oidc_provider_unknown"),
]


def test_attacks(accounts: Accounts):
    """All rows in one world: connecting to PostgreSQL takes longer than an attack. What differs is shown by row."""

    async def outcome(world: OidcWorld, attack: Attack) -> tuple[int, str, bool]:
        world.renew_providers()
        answer = await attack(world)
        document = answer.json()
        assert "set-cookie" not in answer.headers
        assert (document["status"], answer.headers["content-type"]) == (answer.status_code, "application/problem+json")
        return answer.status_code, document["code"], "retry-after" in answer.headers

    async def outcomes() -> list[tuple[int, str, bool]]:
        async with opened_with_providers(accounts) as world:
            return [await outcome(world, attack) for attack, _, _ in ATTACKS]

    names = [attack.__name__ for attack, _, _ in ATTACKS]
    expected = [(status, code, status == 503) for _, status, code in ATTACKS]
    assert list(zip(names, asyncio.run(outcomes()), strict=True)) == list(zip(names, expected, strict=True))


def test_nobody_else_can_use_up_an_attempt(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, browser = somebody(), world.browser()
            answer = await browser.at_provider(person, email=f"{person}@example.org")
            assert (await world.browser().back(answer)).status_code == 400
            assert (await browser.back(answer, "strict")).status_code == 400
            assert (await browser.back(answer)).status_code == 303

    asyncio.run(tell())


def test_neither_state_nor_cookie_lies_in_the_database(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            browser = world.browser()
            started = await browser.start()
            stored = str(accounts.rows("SELECT string_agg(t::text, ';') FROM identity.oidc_attempts t"))
            [state] = parse_qs(urlsplit(started.headers["location"]).query)["state"]
            secret = browser.client.cookies["__Secure-oidc"]
            assert len(secret) == 43
            for value in (state, secret):
                assert value not in stored
                assert value.encode().hex() not in stored

    asyncio.run(tell())


# The provider's documents.

UNUSABLE: list[tuple[str, object]] = [
    ("another issuer", {"issuer": "https://corp.example/"}),
    ("no issuer", {"issuer": None}),
    ("symmetric algorithms alone", {"id_token_signing_alg_values_supported": ["HS256", "none"]}),
    ("no algorithms", {"id_token_signing_alg_values_supported": None}),
    ("an endpoint without TLS", {"token_endpoint": "http://corp.example/token"}),
    ("an endpoint on this machine without TLS", {"jwks_uri": "http://127.0.0.1:5432/jwks"}),
    ("an endpoint that is a script", {"authorization_endpoint": "javascript:alert(1)"}),
    ("an endpoint with a user", {"authorization_endpoint": "https://corp.example@evil.example/auth"}),
    ("an endpoint with a line break", {"authorization_endpoint": "https://corp.example/auth\r\nset-cookie: a=b"}),
    ("an endpoint that is a path", {"token_endpoint": "/token"}),
    ("an endpoint that is a number", {"token_endpoint": 1}),
    ("no endpoint", {"authorization_endpoint": None}),
    ("an endpoint with a wrong port", {"token_endpoint": "https://corp.example:x/token"}),
]


@pytest.mark.parametrize(("gloss", "changed"), UNUSABLE, ids=[gloss for gloss, _ in UNUSABLE])
def test_a_discovery_document_that_makes_no_sense_is_used_for_nothing(gloss: str, changed: dict):
    from services.identity.oidc.provider_metadata import parse_metadata

    good = {
        "issuer": "https://corp.example",
        "authorization_endpoint": "https://corp.example/auth",
        "token_endpoint": "https://corp.example/token",
        "jwks_uri": "https://corp.example/jwks",
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    assert parse_metadata(said(good).body, issuer="https://corp.example").algorithms == {"RS256"}
    with pytest.raises(ValueError, match="discovery document"):
        parse_metadata(said({**good, **changed}).body, issuer="https://corp.example")


def test_answers_that_make_no_sense_are_the_providers_fault(accounts: Accounts):
    nonsense = [b"", b"[]", b"{", b'{"a": ' * 100_000, b"\xff", b'{"keys": 1}', b"{" + b" " * 300_000 + b"}"]

    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            for path in ("/token", "/jwks"):
                for body in nonsense:
                    browser = world.browser()
                    answer = await browser.at_provider(somebody())
                    world.corp.answers = {path: Reply(200, body, {})}
                    back = await browser.back(answer)
                    world.corp.answers = {}
                    assert (back.status_code, back.json()["code"]) == (503, "oidc_provider_unavailable"), (path, body[:20])
            for reply in (said({"error": "invalid_client"}, status=401), said({}, status=404), said({}, status=500), said({})):
                browser = world.browser()
                answer = await browser.at_provider(somebody())
                world.corp.answers = {"/token": reply}
                back = await browser.back(answer)
                world.corp.answers = {}
                assert (back.status_code, back.json()["code"]) == (503, "oidc_provider_unavailable"), reply

    asyncio.run(tell())


def test_document_and_keys_are_asked_for_once_until_they_are_too_old(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, asked = somebody(), world.corp.asked
            await asyncio.gather(*(world.browser().sign_in(person, email=f"{person}@example.org") for _ in range(4)))
            for seconds in (0, 299):
                world.clock.now += seconds
                await world.browser().sign_in(person)
            discovery = "/.well-known/openid-configuration"
            assert (asked[discovery], asked["/jwks"], asked["/token"]) == (1, 1, 6)
            world.clock.now += 2
            await world.browser().sign_in(person)
            assert (asked[discovery], asked["/jwks"]) == (1, 2)
            world.clock.now += 3600
            await world.browser().sign_in(person)
            assert (asked[discovery], asked["/jwks"]) == (2, 3)

    asyncio.run(tell())


def test_a_new_key_is_looked_for_once_and_an_old_one_is_forgotten(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, corp = somebody(), world.corp
            assert (await world.browser().sign_in(person, email=f"{person}@example.org")).status_code == 303
            old = corp.key
            corp.key, corp.key_id = ec.generate_private_key(ec.SECP256R1()), "key-2"
            corp.jwks = [corp.jwk()]
            assert (await world.browser().sign_in(person)).json()["code"] == "oidc_token_refused", "asked a moment ago"
            world.clock.now += 5
            assert (await world.browser().sign_in(person)).status_code == 303
            assert corp.asked["/jwks"] == 2
            corp.key, corp.key_id = old, "key-1"
            world.clock.now += 5
            assert (await world.browser().sign_in(person)).json()["code"] == "oidc_token_refused"
            assert corp.asked["/jwks"] == 3

    asyncio.run(tell())


def test_the_secret_goes_where_the_provider_takes_it(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person = somebody()
            world.corp.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_post"]
            assert (await world.browser().sign_in(person, email=f"{person}@example.org")).status_code == 303
            assert "authorization" not in world.corp.redeeming.headers
            person = somebody()
            world.strict.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post", "client_secret_basic"]
            assert (await world.browser().sign_in(person, "strict")).json()["code"] == "oidc_not_linked"
            assert world.strict.redeeming.headers["authorization"].startswith("Basic ")

    asyncio.run(tell())


def test_an_e_mail_that_the_id_token_lacks_is_asked_for(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person = somebody()
            world.corp.userinfo = {"sub": person, "email": f"{person}@example.org", "preferred_username": " ada "}
            assert (await world.browser().sign_in(person)).status_code == 303
            user = await world.users.find(world.user_of(person))
            assert (user.email, user.name) == (f"{person}@example.org", "ada")
            assert world.corp.asked["/userinfo"] == 1
            assert (await world.browser().sign_in(person)).status_code == 303
            assert world.corp.asked["/userinfo"] == 1, "for a new account alone"
            stored = str(accounts.rows("SELECT string_agg(t::text, ';') FROM identity.external_identities t"))
            assert ACCESS_TOKEN not in stored

    asyncio.run(tell())


@pytest.mark.parametrize(
    "email", [None, 1, "", "nobody", "a@b", "ä@example.org", "a@example.org\n", f"{'a' * 65}@example.org", ["a@example.org"]]
)
def test_an_e_mail_that_no_account_can_have_makes_none(email: object):
    from services.identity.oidc.profile import read_profile

    assert read_profile({"email": email, "name": "Ada"}) is None


@pytest.mark.parametrize(("claims", "name"), [
    ({"name": "Ada"}, "Ada"),
    ({"name": "", "preferred_username": "ada"}, "ada"),
    ({"name": 1}, "a"),
    ({"name": "\ud800"}, "a"),
    ({"name": "x" * 200}, "x" * 100),
    ({}, "a"),
])  # fmt: skip
def test_there_is_always_a_name(claims: dict, name: str):
    from services.identity.oidc.profile import read_profile

    assert read_profile({"email": "A@example.org", **claims}).name == name


# Where the browser goes on afterwards.

ELSEWHERE = [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "///evil.example", "",
    "orders", "javascript:alert(1)", "/\n", "/a\r\nset-cookie: a=b", "/a//b", "/ä", "/%0d%0a\x00", " /", "/ ", "/a b", "?a", "#a",
    "/?a=b?\\", "http:/a", "/" + "a" * 512,
]  # fmt: skip
HERE = [
    "/",
    "/orders",
    "/orders/",
    "/orders/1?a=b&c=/d#e",
    "/?a=https://evil.example",
    "/a/../b",
    "/%2F%2Fevil.example",
    "/#",
    "/?",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nobody_is_sent_elsewhere(path: str):
    with pytest.raises(ValidationError):
        TypeAdapter(ReturnPath).validate_python(path)


def test_a_wrong_path_to_return_to_is_422(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            browser = world.browser()
            for answer in (
                await browser.start(return_to="//evil.example"),
                await browser.start(return_to="/", next="//evil.example"),
                await browser.start("Corp!"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")

    asyncio.run(tell())


@pytest.mark.parametrize("path", HERE)
def test_a_path_of_this_site_may_be_returned_to(path: str):
    assert TypeAdapter(ReturnPath).validate_python(path) == path


@given(st.text(st.sampled_from("/\\.:?#@%a \t\n"), max_size=12))
def test_whatever_may_be_returned_to_is_of_this_site(path: str):
    """As a browser reads it (WHATWG URL): a backslash is a slash, tabs and line breaks are nothing."""
    try:
        TypeAdapter(ReturnPath).validate_python(path)
    except ValidationError:
        return
    read = re.sub(r"[\t\r\n]", "", path).replace("\\", "/")
    assert urljoin(f"{SITE}{API}/oidc/corp/callback", read).startswith(f"{SITE}/")
    assert read.startswith("/")
    assert not read.startswith("//")


# Linking.


def test_who_is_signed_in_links_a_provider_and_signs_in_there_from_then_on(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            session, person, browser = await world.signed_in(roles=(Role.staff,)), somebody(), world.browser()
            linked = await browser.link(session, person, "strict")
            assert (linked.status_code, linked.headers["location"]) == (303, "/")
            assert "set-cookie" not in linked.headers, "whoever links has a session"
            assert (await browser.link(session, person, "strict")).status_code == 303, "twice is once"

            path = f"{API}/users/{session.user_id}/external-identities"
            [link] = (await browser.client.get(path, headers=await browser.bearer(session))).json()["external_identities"]
            assert (link["provider"], link["issuer"]) == ("strict", world.strict.issuer)

            elsewhere = world.browser()
            assert (await elsewhere.sign_in(person, "strict")).status_code == 303
            found = (await elsewhere.client.post(f"{API}/sessions/refresh")).json()
            assert (found["user_id"], found["roles"]) == (session.user_id, ["staff"])

    asyncio.run(tell())


def test_an_identity_is_one_accounts_and_an_account_has_one_of_each_issuer(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            ours, theirs, person = await world.signed_in(), await world.signed_in(), somebody()
            assert (await world.browser().link(ours, person)).status_code == 303
            for session, subject in ((theirs, person), (ours, somebody())):
                refused = await world.browser().link(session, subject)
                assert (refused.status_code, refused.json()["code"]) == (409, "oidc_already_linked")
            assert world.user_of(person) == ours.user_id

    asyncio.run(tell())


def test_a_link_is_for_the_browser_and_the_user_who_asked_for_it(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            session, browser = await world.signed_in(), world.browser()
            assert (await browser.client.post(f"{API}/oidc/corp/link", json={})).status_code == 401
            headers = await browser.bearer(session)

            async def answer() -> dict[str, str]:
                started = await browser.client.post(f"{API}/oidc/corp/link", json={"return_to": "/me"}, headers=headers)
                return world.corp.signs_in(started.json()["authorization_url"], somebody())

            victim = await world.browser().back(await answer())
            assert victim.json()["code"] == "oidc_state_refused"

            begun = await answer()
            await world.sessions.change_password(session.user_id, PASSWORD, "another horse battery")
            assert (await browser.back(begun)).json()["code"] == "oidc_state_refused", "begun by whoever had the old password"
            assert await world.external.links(session.user_id) == []

    asyncio.run(tell())


def test_a_session_links_soon_after_it_began_or_never(accounts: Accounts):
    """A stolen access token is good for ten minutes; it must not become a way in for good."""

    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            session, browser = await world.signed_in(), world.browser()

            async def asked(session: Session) -> httpx.Response:
                return await browser.client.post(f"{API}/oidc/corp/link", json={}, headers=await browser.bearer(session))

            world.clock.now += 595
            session = await world.sessions.refresh(session.refresh_token)
            world.clock.now += 305
            assert (await asked(session)).status_code == 200
            world.clock.now += 1
            late = await asked(session)
            assert (late.status_code, late.json()["code"]) == (403, "sign_in_again")

            headers = await browser.bearer(again := await world.signed_in())
            await world.sessions.sign_out(again.refresh_token)
            ended = await browser.client.post(f"{API}/oidc/corp/link", json={}, headers=headers)
            assert (ended.status_code, ended.json()["code"]) == (403, "sign_in_again"), "nobody has heard of it yet"

    asyncio.run(tell())


def test_a_user_who_is_disabled_or_deleted_meanwhile_is_not_linked(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            session, browser = await world.signed_in(), world.browser()
            headers, person = await browser.bearer(session), somebody()
            started = await browser.client.post(f"{API}/oidc/corp/link", json={}, headers=headers)
            answer = world.corp.signs_in(started.json()["authorization_url"], person)
            await world.users.set_disabled(session.user_id, disabled=True)
            late = await browser.client.post(f"{API}/oidc/corp/link", json={}, headers=headers)
            assert (late.status_code, late.json()["code"]) == (403, "sign_in_again"), "nobody has heard of it yet"
            assert (await browser.back(answer)).json()["code"] == "oidc_state_refused"

            other = await world.signed_in()
            assert (await world.browser().link(other, person)).status_code == 303
            await world.users.delete(other.user_id)
            refused = await world.browser().sign_in(person, email=f"{person}@example.org")
            assert refused.status_code == 303, "a new account: nothing is left of the old one"
            assert world.user_of(person) != other.user_id

    asyncio.run(tell())


def test_some_way_to_sign_in_is_left(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            person, session = somebody(), await world.signed_in()
            await world.browser().sign_in(person, email=f"{person}@example.org")
            without_password, browser = world.user_of(person), world.browser()
            admin = await browser.bearer(await world.signed_in(roles=(Role.admin,)))

            async def unlink(user_id: int, name: str) -> httpx.Response:
                return await browser.client.delete(f"{API}/users/{user_id}/external-identities/{name}", headers=admin)

            last = await unlink(without_password, "corp")
            assert (last.status_code, last.json()["code"]) == (409, "last_sign_in")
            assert (await unlink(without_password, "strict")).status_code == 204, "there was none"
            assert (await unlink(without_password, "other")).json()["code"] == "oidc_provider_unknown"

            await world.browser().link(session, somebody())
            assert (await unlink(session.user_id, "corp")).status_code == 204, "the password is left"
            assert await world.external.links(session.user_id) == []

            rows = world.external._rows
            outcome = await rows.link(
                world.strict.issuer, somebody(), user_id=without_password, session_generation=1, now=world.sessions._now()
            )
            assert outcome.user_id == without_password
            # The first removal is not committed yet when the second one asks what is left: it waits, and looks again.
            with psycopg.connect(accounts.url) as uncommitted:
                uncommitted.execute(UNLINK, {"user_id": without_password, "issuer": world.corp.issuer})
                removal = asyncio.create_task(rows.unlink(without_password, issuer=world.strict.issuer))
                while not removal.done() and accounts.rows(WAITING) == [(0,)]:  # noqa: ASYNC110  PostgreSQL raises no event
                    await asyncio.sleep(0.01)
            assert not await removal

    asyncio.run(tell())


def test_what_was_never_finished_is_forgotten(accounts: Accounts):
    from services.identity.revocation_repository import RevocationRepository

    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            await world.browser().start()
            accounts.rows("UPDATE identity.oidc_attempts SET expires_at = now() - interval '1 second' RETURNING provider")
            await RevocationRepository(world.database).forget()
            assert accounts.rows("SELECT provider FROM identity.oidc_attempts") == []

    asyncio.run(tell())


def test_the_providers_are_listed(accounts: Accounts):
    async def tell() -> None:
        async with opened_with_providers(accounts) as world:
            assert (await world.browser().client.get(f"{API}/oidc")).json() == {"providers": ["corp", "strict"]}

    asyncio.run(tell())
