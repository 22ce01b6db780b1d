"""The HTTP side of preferences: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.common.errors.openapi import problems
from services.common.given import Nothing
from services.common.tokens.authentication import CALLER_CODES
from services.common.tokens.caller import Caller
from services.dashboard.conditional import (
    READ,
    TAGGED,
    WRITE_CODES,
    IfMatch,
    IfNoneMatch,
    read_response,
    revisions_to_change,
    tagged_response,
)
from services.dashboard.preference_schemas import Preferences, StoredPreferences
from services.dashboard.preference_service import PreferenceService

ONE = (*CALLER_CODES, "document_too_new")


def create_preference_router(preferences: PreferenceService) -> APIRouter:
    """The routes of preferences."""
    router = APIRouter(prefix="/api/v1/dashboard/preferences", tags=["preferences"])

    @router.get("", response_model=StoredPreferences, responses=READ, openapi_extra=problems(*ONE))
    async def read_preferences(caller: Caller, _query: Nothing, if_none_match: IfNoneMatch = None) -> Response:
        """The caller's preferences; the defaults where none were chosen."""
        stored = await preferences.read(caller.principal)
        return read_response(stored, if_none_match, etag=stored.etag)

    @router.put("", response_model=StoredPreferences, responses=TAGGED, openapi_extra=problems(*ONE, *WRITE_CODES))
    async def write_preferences(wanted: Preferences, caller: Caller, _query: Nothing, if_match: IfMatch = None) -> Response:
        """Replace the caller's preferences, if they still are the version in If-Match."""
        stored = await preferences.write(caller.principal, wanted, revisions_to_change(if_match))
        return tagged_response(stored, stored.etag)

    return router
