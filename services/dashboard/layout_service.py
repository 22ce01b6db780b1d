"""What is decided about layouts: who may read and change which, which widgets a user may place, and what is said of a lost race."""

from __future__ import annotations

from typing import Any, Final

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Principal, Role
from services.dashboard.document_versions import NewerDocumentError, upgraded_layout
from services.dashboard.entity_tag import entity_tag
from services.dashboard.layout_document import LAYOUT_VERSION, LayoutDocument
from services.dashboard.layout_repository import LayoutRepository, LayoutRow, NameTakenError, SharesRow, SummaryRow
from services.dashboard.layout_schemas import Layout, LayoutDraft, LayoutPage, LayoutQuery, LayoutSummary, Shares, StoredShares
from services.dashboard.placement import misplaced
from services.dashboard.widgets import NEEDED_ROLES

MOST_LAYOUTS: Final = 50
"""Of one user."""
SHARES_VERSION: Final = 1
SHARE_WITH_ROLES: Final = frozenset({Role.staff, Role.admin})
"""Who may share with roles: a customer's layout in every customer's list would be an advertisement."""


class LayoutService:
    """The use cases of layouts. Everybody has own ones; those of others may be read where they are shared, and never be changed."""

    def __init__(self, layouts: LayoutRepository) -> None:
        self._layouts = layouts

    async def page(self, caller: Principal, query: LayoutQuery) -> LayoutPage:
        """Layouts without their documents."""
        if query.of == "mine":
            rows = await self._layouts.mine(caller.user_id, after=query.after, limit=query.limit)
        else:
            rows = await self._layouts.shared(caller, after=query.after, limit=query.limit)
        next_after = rows[-1].id if len(rows) == query.limit else None
        return LayoutPage(layouts=[LayoutSummary(**_summary(row)) for row in rows], next_after=next_after)

    async def find(self, caller: Principal, layout_id: str) -> Layout:
        """Raises ServiceError: `layout_unknown`, `document_too_new`."""
        return _shown(await self._readable(caller, layout_id))

    async def add(self, caller: Principal, draft: LayoutDraft) -> Layout:
        """Raises ServiceError: `validation_failed`, `widget_not_allowed`, `layout_name_taken`, `too_many_layouts`."""
        _check(caller, draft.document)
        try:
            row = await self._layouts.add(caller.user_id, name=draft.name, document=_stored(draft.document), most=MOST_LAYOUTS)
        except NameTakenError:
            raise ServiceError("layout_name_taken") from None
        if row is None:
            raise ServiceError("too_many_layouts")
        return _shown(row)

    async def replace(self, caller: Principal, layout_id: str, draft: LayoutDraft, revisions: list[int]) -> Layout:
        """Raises ServiceError as `add` and `find`, and `forbidden`, `changed_meanwhile`."""
        _check(caller, draft.document)
        try:
            row = await self._layouts.replace(
                caller.user_id, layout_id, name=draft.name, document=_stored(draft.document), revisions=revisions
            )
        except NameTakenError:
            raise ServiceError("layout_name_taken") from None
        if row is None:
            raise await self._refusal(caller, layout_id, yours=draft.model_dump(mode="json"))
        return _shown(row)

    async def delete(self, caller: Principal, layout_id: str, revisions: list[int]) -> None:
        """Raises ServiceError as `find`, and `forbidden`, `changed_meanwhile`."""
        if not await self._layouts.delete(caller.user_id, layout_id, revisions=revisions):
            raise await self._refusal(caller, layout_id, yours=None)

    async def shares(self, caller: Principal, layout_id: str) -> StoredShares:
        """Raises ServiceError: `layout_unknown`, `forbidden`."""
        row = await self._layouts.find_shares(caller.user_id, layout_id)
        if row is None:
            await self._readable(caller, layout_id)
            raise ServiceError("forbidden", "Only its owner may see whom a layout is shared with.")
        return _shown_shares(row)

    async def share(self, caller: Principal, layout_id: str, shares: Shares, revisions: list[int]) -> StoredShares:
        """Raises ServiceError: `layout_unknown`, `forbidden`, `role_sharing_not_allowed`, `changed_meanwhile`."""
        if shares.roles and not SHARE_WITH_ROLES & caller.roles:
            raise ServiceError("role_sharing_not_allowed")
        roles = [role.value for role in shares.roles]
        row = await self._layouts.share(caller.user_id, layout_id, users=shares.users, roles=roles, revisions=revisions)
        if row is None:
            current = await self.shares(caller, layout_id)
            raise changed_meanwhile(current.model_dump(mode="json"), shares.model_dump(mode="json"))
        return _shown_shares(row)

    async def _readable(self, caller: Principal, layout_id: str) -> LayoutRow:
        row = await self._layouts.find(caller, layout_id)
        if row is None:
            raise ServiceError("layout_unknown")
        return row

    async def _refusal(self, caller: Principal, layout_id: str, *, yours: dict[str, Any] | None) -> ServiceError:
        """Why nothing was written. A statement of its own: the one that waited still sees what was there before it waited."""
        row = await self._readable(caller, layout_id)
        if row.owner_id != caller.user_id:
            return ServiceError("forbidden", "Only its owner may change a layout.")
        return changed_meanwhile(_shown(row).model_dump(mode="json"), yours)


def changed_meanwhile(current: dict[str, Any], yours: dict[str, Any] | None) -> ServiceError:
    """The 412 that holds both versions."""
    return ServiceError("changed_meanwhile", members={"conflict": {"current": current, "yours": yours}})


def _check(caller: Principal, document: LayoutDocument) -> None:
    fields = misplaced(document, at="/document")
    if fields:
        raise ServiceError("validation_failed", fields=fields)
    for widget in document.widgets:
        needed = NEEDED_ROLES.get(widget.kind)
        if needed is not None and not needed & caller.roles:
            raise ServiceError("widget_not_allowed", f"{widget.kind} needs one of these roles: {', '.join(sorted(needed))}.")


def _stored(document: LayoutDocument) -> dict[str, Any]:
    return document.model_dump(mode="json")


def _summary(row: SummaryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner_id": row.owner_id,
        "name": row.name,
        "updated_at": row.updated_at,
        "etag": entity_tag(row.revision, version=LAYOUT_VERSION),
    }


def _shown(row: LayoutRow) -> Layout:
    try:
        document = upgraded_layout(row.document)
    except NewerDocumentError:
        raise ServiceError("document_too_new") from None
    return Layout(**_summary(row), document=LayoutDocument.model_validate(document))


def _shown_shares(row: SharesRow) -> StoredShares:
    shares = Shares(users=row.users, roles=[Role(name) for name in row.roles])
    return StoredShares(layout_id=row.layout_id, shares=shares, etag=entity_tag(row.revision, version=SHARES_VERSION))
