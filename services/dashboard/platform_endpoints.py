"""The HTTP side of the platform's history. Who may see it: docs/users.md.

Replicas are for admins, who may change how the platform scales. Health is for staff too, who tell customers why something is slow. Not for
customers: it would tell an attacker how the attack goes, and which services there are.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.common.errors.openapi import problems
from services.common.json_response import json_response
from services.common.tokens.authentication import CALLER_CODES
from services.common.tokens.caller import Caller
from services.dashboard.platform_schemas import HealthHistory, PlatformQuery, ReplicaHistory
from services.dashboard.platform_service import PlatformService

CODES = (*CALLER_CODES, "metrics_not_kept", "dependency_failed", "deadline_exceeded")


def create_platform_router(platform: PlatformService) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/dashboard/platform", tags=["platform"])

    @router.get("/replicas", response_model=ReplicaHistory, openapi_extra=problems(*CODES))
    async def read_replicas(query: Annotated[PlatformQuery, Query()], _caller: Caller) -> Response:
        """How many replicas each service had, and how many the autoscaler wanted."""
        return json_response(await platform.replicas(query.minutes))

    @router.get("/health", response_model=HealthHistory, openapi_extra=problems(*CODES))
    async def read_health(query: Annotated[PlatformQuery, Query()], _caller: Caller) -> Response:
        """Requests, errors and latency of each service."""
        return json_response(await platform.health(query.minutes))

    return router
