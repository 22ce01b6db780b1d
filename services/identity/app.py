"""The identity service put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import FastAPI

from services.common.application import create_service_app
from services.common.database import Database
from services.common.events.event_metrics import PublishingMetrics
from services.common.events.outbox import OutboxRepository
from services.common.events.relay import OutboxRelay
from services.common.metrics import Metrics
from services.common.tokens.authenticator import Authenticator
from services.common.tokens.revocations import Revocations
from services.common.tokens.verifier import TokenVerifier
from services.common.tracing.tracing import create_tracing
from services.identity.access_tokens import AccessTokens
from services.identity.endpoints import create_router
from services.identity.key_repository import KeyRepository
from services.identity.key_ring import KeyRing
from services.identity.key_store import KeyStore, SealedKeys
from services.identity.oidc.endpoints import create_oidc_router
from services.identity.oidc.provider import Provider
from services.identity.oidc.provider_settings import ProviderSettings
from services.identity.oidc.repository import OidcRepository
from services.identity.oidc.service import ExternalSignInService
from services.identity.password_pool import PasswordPool
from services.identity.pem_keys import PemKeys
from services.identity.policy import TokenPolicy
from services.identity.repository import UserRepository
from services.identity.revocation_relay import RevocationRelay
from services.identity.revocation_repository import RevocationRepository
from services.identity.service import UserService
from services.identity.session_repository import SessionRepository
from services.identity.session_service import SessionService
from services.identity.settings import KeySettings, Settings
from services.identity.trust_endpoints import create_trust_router

if TYPE_CHECKING:
    from services.common.http_client.client import ServiceClient


def create_app(settings: Settings, *, policy: TokenPolicy | None = None) -> FastAPI:
    """The application; nothing is connected before its lifespan starts."""
    policy = policy or TokenPolicy()
    metrics = Metrics()
    database = Database(settings.database_url, name=f"{settings.service}-{settings.replica}")
    keys = KeyRing(create_key_store(settings.keys, database), concern_seconds=policy.concern_seconds)
    revocations = Revocations()
    revocation_rows = RevocationRepository(database)
    relay = RevocationRelay(revocation_rows, revocations, redis_url=settings.redis_url)
    passwords = PasswordPool(threads=settings.hash_threads, most_waiting=settings.hash_waiting)
    user_rows = UserRepository(database, concern_seconds=policy.concern_seconds)
    events = OutboxRelay(
        OutboxRepository(database, "identity"),
        service="identity",
        redis_url=settings.redis_url,
        metrics=PublishingMetrics(metrics.registry),
    )
    users = UserService(user_rows, passwords, revoked=relay.soon, published=events.soon)
    sessions = SessionService(
        SessionRepository(database, concern_seconds=policy.concern_seconds),
        user_rows,
        passwords,
        AccessTokens(keys, settings.expected, access_seconds=policy.access_seconds),
        policy=policy,
        revoked=relay.soon,
    )
    clients = create_clients(settings.providers, metrics)
    external = ExternalSignInService(
        {each.name: Provider(each, clients[each.name]) for each in settings.providers},
        OidcRepository(database),
        sessions,
        policy=policy,
    )
    app = create_service_app(
        "identity",
        routers=[
            create_router(users, sessions),
            create_oidc_router(external, users),
            create_trust_router(keys, revocation_rows),
        ],
        database=database,
        metrics=metrics,
        most_in_flight=settings.most_in_flight,
        tracing=create_tracing(settings),
        adapters=[passwords, keys, relay, events, *clients.values()],
    )
    app.state.authenticator = Authenticator(TokenVerifier(keys, revocations, settings.expected), keys)
    return app


def create_clients(providers: Sequence[ProviderSettings], metrics: Metrics) -> dict[str, ServiceClient]:
    """The HTTP clients of the providers, by name."""
    if not providers:
        return {}
    from services.identity.oidc.provider_client import create_provider_clients  # noqa: PLC0415  see there

    return create_provider_clients(providers, metrics)


def create_key_store(settings: KeySettings, database: Database) -> KeyStore:
    """Mounted keys where there are some."""
    if settings.mounted:
        return PemKeys(settings.mounted)
    assert settings.seal is not None, "the settings insist on one of the two"
    return SealedKeys(KeyRepository(database), seal=settings.seal)
