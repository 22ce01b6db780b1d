"""The HTTP side of the dashboard: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.dashboard.schemas import Overview, StoredSettings, UserSettings
from services.dashboard.service import DashboardService

UserId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def create_router(service: DashboardService) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/dashboard", tags=["dashboard"])

    @router.get("/overview")
    async def overview(days: Annotated[int, Query(ge=1, le=90)] = 7) -> Overview:
        """Revenue, its trend, and the newest orders."""
        return await service.overview(days)

    @router.get("/settings/{user_id}")
    async def read_settings(user_id: UserId) -> StoredSettings:
        """A user's settings; the defaults where none were chosen."""
        return await service.read_settings(user_id)

    @router.put("/settings/{user_id}")
    async def write_settings(user_id: UserId, settings: UserSettings) -> StoredSettings:
        """Replace a user's settings."""
        return await service.write_settings(user_id, settings)

    return router
