"""Identity with two OpenID providers of this process, and browsers that go to it, without a socket. PostgreSQL is real."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from identity_accounts import Accounts
from identity_world import POLICY, World

from fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from services.common.application import create_service_app
from services.common.http_client.policy import DependencyPolicy
from services.common.metrics import Metrics
from services.common.tokens.authenticator import Authenticator
from services.identity.endpoints import create_router
from services.identity.oidc.endpoints import create_oidc_router
from services.identity.oidc.provider import Provider
from services.identity.oidc.provider_settings import ProviderSettings
from services.identity.oidc.repository import OidcRepository
from services.identity.oidc.service import ExternalSignInService
from services.identity.session_service import Session

API = "/api/v1/identity"
SITE = "https://shop.example"
NUMBERS = itertools.count(time.time_ns())


def somebody() -> str:
    """A subject that no test has used."""
    return f"subject-{next(NUMBERS)}"


def settings_of(name: str, issuer: str, *, creates_users: bool) -> ProviderSettings:
    return ProviderSettings(
        name=name,
        issuer=issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uri=f"{SITE}{API}/oidc/{name}/callback",
        scopes=("openid", "email", "profile"),
        creates_users=creates_users,
        policy=DependencyPolicy(),
    )


class OidcWorld(World):
    """`corp` makes accounts for whoever comes, `strict` makes none."""

    def __init__(self, url: str, accounts: Accounts) -> None:
        super().__init__(url, accounts)
        self.providers: dict[str, Provider] = {}
        self.renew_providers()
        self.external = ExternalSignInService(
            self.providers, OidcRepository(self.database), self.sessions, policy=POLICY, clock=self.clock
        )
        self.app = create_service_app(
            "identity",
            routers=[create_router(self.users, self.sessions), create_oidc_router(self.external, self.users)],
            database=self.database,
            metrics=Metrics(),
            most_in_flight=24,
        )
        self.app.state.authenticator = Authenticator(self.verifier, self.ring, clock=self.clock)

    def renew_providers(self) -> None:
        """Others of the same names, of which nothing is kept."""
        self.corp = FakeProvider("https://corp.example", clock=self.clock)
        self.strict = FakeProvider("https://strict.example/tenant", clock=self.clock)
        self.fakes = {"corp": self.corp, "strict": self.strict}
        for name, fake in self.fakes.items():
            settings = settings_of(name, fake.issuer, creates_users=name == "corp")
            self.providers[name] = Provider(settings, fake, clock=self.clock)

    def browser(self) -> Browser:
        return Browser(self)

    def user_of(self, subject: str) -> int:
        [(user_id,)] = self.accounts.rows(
            f"SELECT user_id FROM identity.external_identities WHERE subject = '{subject}' AND issuer = '{self.corp.issuer}'"
        )
        return user_id


class Browser:
    """Keeps cookies, and goes nowhere by itself."""

    def __init__(self, world: OidcWorld) -> None:
        self.world = world
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=SITE)

    async def start(self, name: str = "corp", **query: str) -> httpx.Response:
        return await self.client.get(f"{API}/oidc/{name}/start", params=query)

    async def back(self, answer: dict[str, str], name: str = "corp") -> httpx.Response:
        return await self.client.get(f"{API}/oidc/{name}/callback", params=answer)

    async def at_provider(self, subject: str, name: str = "corp", **claims: object) -> dict[str, str]:
        """As far as the provider has signed somebody in; what the browser is sent back with."""
        started = await self.start(name)
        assert started.status_code == 303, started.text
        return self.world.fakes[name].signs_in(started.headers["location"], subject, **claims)

    async def sign_in(self, subject: str, name: str = "corp", **claims: object) -> httpx.Response:
        return await self.back(await self.at_provider(subject, name, **claims), name)

    async def link(self, session: Session, subject: str, name: str = "corp") -> httpx.Response:
        started = await self.client.post(f"{API}/oidc/{name}/link", json={}, headers=await self.bearer(session))
        assert started.status_code == 200, started.text
        answer = self.world.fakes[name].signs_in(started.json()["authorization_url"], subject)
        return await self.back(answer, name)

    async def bearer(self, session: Session) -> dict[str, str]:
        await self.world.relay.relay()
        return {"authorization": f"Bearer {session.access_token}"}


@asynccontextmanager
async def opened_with_providers(accounts: Accounts) -> AsyncIterator[OidcWorld]:
    world = OidcWorld(accounts.url, accounts)
    await world.database.open()
    await world.ring.reload()
    try:
        yield world
    finally:
        await world.passwords.close()
        await world.database.close()
