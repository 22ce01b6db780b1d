"""The HTTP side of the dashboard: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.common.errors.openapi import problems
from services.common.given import Nothing
from services.common.json_response import json_response
from services.common.tokens.authentication import Guard
from services.common.tokens.caller import Access
from services.dashboard.schemas import Overview, OverviewQuery, StoredSettings, UserId, UserSettings
from services.dashboard.service import DashboardService

UserIdInPath = Annotated[UserId, Path()]


def create_router(service: DashboardService, guard: Guard) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/dashboard", tags=["dashboard"])

    @router.get(
        "/overview", response_model=Overview, openapi_extra=problems(*guard.codes, "dependency_failed", "deadline_exceeded")
    )
    async def overview(query: Annotated[OverviewQuery, Query()], _caller: Access = guard.caller) -> Response:
        """Revenue, its trend, and the newest orders."""
        return json_response(await service.overview(query.days))

    @router.get("/settings/{user_id}", response_model=StoredSettings, openapi_extra=problems(*guard.codes))
    async def read_settings(user_id: UserIdInPath, _query: Nothing, caller: Access = guard.caller) -> Response:
        """A user's settings; the defaults where none were chosen."""
        caller.must_own(user_id)
        return json_response(await service.read_settings(user_id))

    @router.put("/settings/{user_id}", response_model=StoredSettings, openapi_extra=problems(*guard.codes))
    async def write_settings(
        user_id: UserIdInPath, settings: UserSettings, _query: Nothing, caller: Access = guard.caller
    ) -> Response:
        """Replace a user's settings."""
        caller.must_own(user_id)
        return json_response(await service.write_settings(user_id, settings))

    return router
