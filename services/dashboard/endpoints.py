"""The HTTP side of the dashboard: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.common.json_response import json_response
from services.dashboard.schemas import Overview, StoredSettings, UserSettings
from services.dashboard.service import DashboardService

UserId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def create_router(service: DashboardService) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/dashboard", tags=["dashboard"])

    @router.get("/overview", response_model=Overview)
    async def overview(days: Annotated[int, Query(ge=1, le=90)] = 7) -> Response:
        """Revenue, its trend, and the newest orders."""
        return json_response(await service.overview(days))

    @router.get("/settings/{user_id}", response_model=StoredSettings)
    async def read_settings(user_id: UserId) -> Response:
        """A user's settings; the defaults where none were chosen."""
        return json_response(await service.read_settings(user_id))

    @router.put("/settings/{user_id}", response_model=StoredSettings)
    async def write_settings(user_id: UserId, settings: UserSettings) -> Response:
        """Replace a user's settings."""
        return json_response(await service.write_settings(user_id, settings))

    return router
