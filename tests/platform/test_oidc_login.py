"""Signing in with a real OpenID provider: npm's certified `oidc-provider`, run by Node, and identity as a process.

What nobody may get in by is in tests/unit/services/identity/test_oidc_login.py; here a provider that was written by others agrees.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from oidc_issuer import Issuer
from service_processes import DataServer, Replica, free_port

from scaleproof.runtime.postgres import PostgresServer
from scaleproof.spec import platform as spec
from services.identity.setup import setup

API = "/api/v1/identity"
PASSWORD = "correct horse battery"
SEAL = bytes(range(32))
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
STRICT = "strict"
"""Makes no accounts."""
SECRET = "secret of a client: 100 % / + &="


@dataclass
class Platform:
    """What the tests talk to. Each provider is one client of the same issuer, which signs its ID tokens by another algorithm."""

    identity: Replica
    issuer: Issuer
    issuer_port: int


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with ExitStack() as ending:
        # Not pytest's own folder: it is closed to other users, and PostgreSQL must not run as root.
        folder = Path(tempfile.mkdtemp(prefix="scaleproof-oidc-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        server = PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="16Mi"))
        ending.callback(server.remove)
        postgres = DataServer(server)
        ending.callback(postgres.stop)
        postgres.start()
        setup(postgres.url, seal=SEAL, admin=None, now=time.time())

        names = {algorithm.lower(): algorithm for algorithm in ALGORITHMS} | {STRICT: "ES256"}
        environment = {
            "DATABASE_URL": postgres.url,
            "KEY_SEAL": base64.b64encode(SEAL).decode(),
            "OIDC_PROVIDERS": ",".join(names),
        }
        identity_port, issuer_port = free_port(), free_port()
        clients = []
        for name, algorithm in names.items():
            redirect_uri = f"http://127.0.0.1:{identity_port}{API}/oidc/{name}/callback"
            secret = folder / f"{name}-secret"
            secret.write_text(f"{SECRET}\n", encoding="utf-8")
            clients.append(
                {
                    "client_id": f"shop {name}",
                    "client_secret": SECRET,
                    "redirect_uris": [redirect_uri],
                    "id_token_signed_response_alg": algorithm,
                    "token_endpoint_auth_method": "client_secret_basic",
                }
            )
            environment |= {
                f"OIDC_{name.upper()}_ISSUER": f"http://127.0.0.1:{issuer_port}",
                f"OIDC_{name.upper()}_CLIENT_ID": f"shop {name}",
                f"OIDC_{name.upper()}_CLIENT_SECRET_FILE": str(secret),
                f"OIDC_{name.upper()}_REDIRECT_URI": redirect_uri,
                f"OIDC_{name.upper()}_CREATES_USERS": "no" if name == STRICT else "yes",
            }
        issuer = Issuer(clients, folder / "issuer.log")
        ending.callback(issuer.stop)
        issuer.start(issuer_port)
        identity = Replica("identity", {**environment, "PORT": str(identity_port)}, folder / "identity.log")
        ending.callback(identity.stop)
        identity.port, identity.url = identity_port, f"http://127.0.0.1:{identity_port}"
        identity.client.base_url = identity.url
        yield Platform(identity.wait_ready(), issuer, issuer_port)


class Browser:
    """Carries identity's cookies by hand: a client sends Secure ones over TLS alone."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **more.pop("headers", {})}
        answer = httpx.request(
            method, f"{self.platform.identity.url}{API}{path}", headers=headers, timeout=20, trust_env=False, **more
        )
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def start(self, provider: str, return_to: str = "/orders") -> str:
        started = self.ask("GET", f"/oidc/{provider}/start", params={"return_to": return_to})
        assert started.status_code == 303, started.text
        return started.headers["location"]

    def back(self, provider: str, answer: dict[str, str]) -> httpx.Response:
        return self.ask("GET", f"/oidc/{provider}/callback", params=answer)

    def sign_in(self, provider: str, subject: str) -> httpx.Response:
        return self.back(provider, self.platform.issuer.sign_in(self.start(provider), subject))

    def session(self) -> dict:
        refreshed = self.ask("POST", "/sessions/refresh")
        assert refreshed.status_code == 200, refreshed.text
        return refreshed.json()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_one_person_is_one_user_by_whatever_client_and_algorithm(platform: Platform):
    users = set()
    for algorithm in ALGORITHMS:
        browser = Browser(platform)
        back = browser.sign_in(algorithm.lower(), "ada")
        assert (back.status_code, back.headers["location"]) == (303, "/orders"), back.text
        session = browser.session()
        users.add(session["user_id"])
        bearer = {"authorization": f"Bearer {session['access_token']}"}
        user = browser.ask("GET", f"/users/{session['user_id']}", headers=bearer).json()
        # Of userinfo: this provider, to the letter of the standard, tells neither in the ID token.
        assert (user["email"], user["name"], user["roles"]) == ("ada@example.org", "Somebody called ada", ["customer"])
    assert len(users) == 1
    other = Browser(platform)
    assert other.sign_in("es256", "grace").status_code == 303
    assert other.session()["user_id"] not in users


def test_who_breaks_off_there_is_told_so(platform: Platform):
    browser = Browser(platform)
    answer = platform.issuer.sign_in(browser.start("es256"), "ada", breaks_off=True)
    assert answer["error"] == "access_denied"
    assert code_of(browser.back("es256", answer)) == (403, "oidc_denied")


def test_an_answer_is_good_once_and_so_is_its_code(platform: Platform):
    browser = Browser(platform)
    used = platform.issuer.sign_in(browser.start("es256"), "ada")
    assert browser.back("es256", used).status_code == 303
    assert code_of(browser.back("es256", used)) == (400, "oidc_state_refused")
    fresh = platform.issuer.sign_in(browser.start("es256"), "ada")
    assert code_of(browser.back("es256", {**fresh, "code": used["code"]})) == (400, "oidc_code_refused")


def test_a_stolen_code_is_worth_nothing_in_another_attempt(platform: Platform):
    """The provider compares the code verifier (RFC 7636)."""
    stolen = platform.issuer.sign_in(Browser(platform).start("es256"), "ada")
    thief = Browser(platform)
    own = platform.issuer.sign_in(thief.start("es256"), "mallory")
    assert code_of(thief.back("es256", {**own, "code": stolen["code"]})) == (400, "oidc_code_refused")


def test_a_code_of_another_client_is_refused(platform: Platform):
    stolen = platform.issuer.sign_in(Browser(platform).start("rs256"), "ada")
    thief = Browser(platform)
    own = platform.issuer.sign_in(thief.start("es256"), "mallory")
    assert code_of(thief.back("es256", {**own, "code": stolen["code"]})) == (400, "oidc_code_refused")


def test_a_user_with_a_password_links_and_is_the_same_user_from_then_on(platform: Platform):
    browser = Browser(platform)
    assert code_of(browser.sign_in(STRICT, "alan")) == (403, "oidc_not_linked")
    new = {"email": "alan@example.org", "name": "Alan", "password": PASSWORD}
    user_id = browser.ask("POST", "/users", json=new).json()["id"]
    assert code_of(browser.sign_in("es256", "alan")) == (409, "email_taken"), "an e-mail links nobody"
    session = browser.ask("POST", "/sessions", json={"email": new["email"], "password": PASSWORD}).json()
    bearer = {"authorization": f"Bearer {session['access_token']}"}
    started = browser.ask("POST", f"/oidc/{STRICT}/link", json={"return_to": "/settings"}, headers=bearer)
    back = browser.back(STRICT, platform.issuer.sign_in(started.json()["authorization_url"], "alan"))
    assert (back.status_code, back.headers["location"]) == (303, "/settings"), back.text

    elsewhere = Browser(platform)
    assert elsewhere.sign_in(STRICT, "alan").status_code == 303
    assert elsewhere.session()["user_id"] == user_id


def test_a_provider_that_is_gone_and_comes_back_with_other_keys(platform: Platform):
    browser = Browser(platform)
    url = browser.start("es256")
    answer = platform.issuer.sign_in(url, "ada")
    platform.issuer.stop()
    gone = browser.back("es256", answer)
    assert code_of(gone) == (503, "oidc_provider_unavailable")
    assert int(gone.headers["retry-after"]) >= 1
    session = browser.ask("POST", "/users", json={"email": "no@example.org", "name": "No", "password": PASSWORD})
    assert session.status_code == 201, "everything else goes on"
    platform.issuer.start(platform.issuer_port)

    def signs_in() -> bool:
        return Browser(platform).sign_in("es256", "ada").status_code == 303

    deadline = time.monotonic() + 20
    while not signs_in():  # new keys are looked for every five seconds at most
        assert time.monotonic() < deadline
        time.sleep(0.5)
