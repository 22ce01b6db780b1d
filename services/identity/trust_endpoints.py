"""What those who verify tokens ask: the public keys, and what was revoked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.common.given import Nothing
from services.common.json_response import json_response
from services.common.tokens.jwks import JWKS_PATH
from services.common.tokens.revocation_batch import REVOCATIONS_PATH, RevocationBatch
from services.identity.key_ring import KeyRing
from services.identity.key_schedule import JWKS_CACHE_SECONDS
from services.identity.revocation_repository import RevocationRepository
from services.identity.schemas import JsonWebKeySet, RevocationQuery


def create_trust_router(keys: KeyRing, revocations: RevocationRepository) -> APIRouter:
    """Neither is under /api: the gateway routes the key set at most, and the revocations never."""
    router = APIRouter(tags=["trust"])

    @router.get(JWKS_PATH, response_model=JsonWebKeySet)
    async def key_set(_query: Nothing) -> Response:
        """The keys that access tokens are signed with."""
        return json_response(keys.jwks(), headers={"cache-control": f"public, max-age={JWKS_CACHE_SECONDS}"})

    @router.get(REVOCATIONS_PATH, response_model=RevocationBatch)
    async def revoked(query: Annotated[RevocationQuery, Query()]) -> Response:
        """What was revoked since then, straight from PostgreSQL. For the platform's own services."""
        return json_response(await revocations.since(query.since), headers={"cache-control": "no-store"})

    return router
