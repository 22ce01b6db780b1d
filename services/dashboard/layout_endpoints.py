"""The HTTP side of layouts: what is taken, what is answered, which status. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

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
from services.dashboard.layout_schemas import Layout, LayoutDraft, LayoutId, LayoutPage, LayoutQuery, Shares, StoredShares
from services.dashboard.layout_service import LayoutService

PREFIX = "/api/v1/dashboard/layouts"
LayoutIdInPath = Annotated[LayoutId, Path()]
ONE = (*CALLER_CODES, "layout_unknown", "document_too_new")
CHANGED = (*ONE, *WRITE_CODES)
DRAFTED = ("layout_name_taken", "widget_not_allowed")


def create_layout_router(layouts: LayoutService) -> APIRouter:
    """The routes of layouts."""
    router = APIRouter(prefix=PREFIX, tags=["layouts"])
    add_layout_routes(router, layouts)
    add_share_routes(router, layouts)
    return router


def add_layout_routes(router: APIRouter, layouts: LayoutService) -> None:
    """Listing, making, reading, changing and deleting."""

    @router.get("", response_model=LayoutPage, responses=READ, openapi_extra=problems(*CALLER_CODES))
    async def list_layouts(
        query: Annotated[LayoutQuery, Query()], caller: Caller, if_none_match: IfNoneMatch = None
    ) -> Response:
        """Layouts by id, without their documents, page by page."""
        return read_response(await layouts.page(caller.principal, query), if_none_match)

    @router.post(
        "", status_code=201, response_model=Layout, openapi_extra=problems(*CALLER_CODES, *DRAFTED, "too_many_layouts")
    )
    async def add_layout(draft: LayoutDraft, caller: Caller, _query: Nothing) -> Response:
        """Make a layout; the caller owns it."""
        layout = await layouts.add(caller.principal, draft)
        return tagged_response(layout, layout.etag, status_code=201, headers={"location": f"{PREFIX}/{layout.id}"})

    @router.get("/{layout_id}", response_model=Layout, responses=READ, openapi_extra=problems(*ONE))
    async def read_layout(
        layout_id: LayoutIdInPath, caller: Caller, _query: Nothing, if_none_match: IfNoneMatch = None
    ) -> Response:
        """One layout: the caller's own, or shared with the caller."""
        layout = await layouts.find(caller.principal, layout_id)
        return read_response(layout, if_none_match, etag=layout.etag)

    @router.put("/{layout_id}", response_model=Layout, responses=TAGGED, openapi_extra=problems(*CHANGED, *DRAFTED))
    async def replace_layout(
        layout_id: LayoutIdInPath, draft: LayoutDraft, caller: Caller, _query: Nothing, if_match: IfMatch = None
    ) -> Response:
        """Replace the caller's own layout, if it still is the version in If-Match."""
        revisions = revisions_to_change(if_match)
        layout = await layouts.replace(caller.principal, layout_id, draft, revisions)
        return tagged_response(layout, layout.etag)

    @router.delete("/{layout_id}", status_code=204, openapi_extra=problems(*CHANGED))
    async def delete_layout(layout_id: LayoutIdInPath, caller: Caller, _query: Nothing, if_match: IfMatch = None) -> Response:
        """Delete the caller's own layout, if it still is the version in If-Match."""
        await layouts.delete(caller.principal, layout_id, revisions_to_change(if_match))
        return Response(status_code=204)


def add_share_routes(router: APIRouter, layouts: LayoutService) -> None:
    """Who else may read."""

    @router.get("/{layout_id}/shares", response_model=StoredShares, responses=READ, openapi_extra=problems(*ONE))
    async def read_shares(
        layout_id: LayoutIdInPath, caller: Caller, _query: Nothing, if_none_match: IfNoneMatch = None
    ) -> Response:
        """Whom the caller shares the own layout with."""
        shares = await layouts.shares(caller.principal, layout_id)
        return read_response(shares, if_none_match, etag=shares.etag)

    @router.put(
        "/{layout_id}/shares",
        response_model=StoredShares,
        responses=TAGGED,
        openapi_extra=problems(*CHANGED, "role_sharing_not_allowed"),
    )
    async def share_layout(
        layout_id: LayoutIdInPath, shares: Shares, caller: Caller, _query: Nothing, if_match: IfMatch = None
    ) -> Response:
        """Replace whom the caller shares the own layout with, if that still is the version in If-Match. They may read it."""
        stored = await layouts.share(caller.principal, layout_id, shares, revisions_to_change(if_match))
        return tagged_response(stored, stored.etag)
