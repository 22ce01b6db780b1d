"""What is decided about preferences: what a user has who never chose, and what is said of a lost race."""

from __future__ import annotations

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Principal
from services.dashboard.document_versions import NewerDocumentError, upgraded
from services.dashboard.entity_tag import entity_tag
from services.dashboard.layout_service import changed_meanwhile
from services.dashboard.preference_repository import PreferenceRepository, PreferencesRow
from services.dashboard.preference_schemas import PREFERENCES_VERSION, Preferences, StoredPreferences


class PreferenceService:
    """The use cases of preferences: everybody's own, and nobody else's."""

    def __init__(self, preferences: PreferenceRepository) -> None:
        self._preferences = preferences

    async def read(self, caller: Principal) -> StoredPreferences:
        """The caller's; the defaults where none were chosen. Raises ServiceError `document_too_new`."""
        return _shown(caller.user_id, await self._preferences.read(caller.user_id))

    async def write(self, caller: Principal, preferences: Preferences, revisions: list[int]) -> StoredPreferences:
        """Replace the caller's. Raises ServiceError: `changed_meanwhile`, `document_too_new`."""
        document = preferences.model_dump(mode="json")
        row = await self._preferences.write(caller.user_id, document, revisions=revisions)
        if row is None:
            current = await self.read(caller)
            raise changed_meanwhile(current.model_dump(mode="json"), document)
        return _shown(caller.user_id, row)


def _shown(user_id: str, row: PreferencesRow | None) -> StoredPreferences:
    if row is None:
        preferences, revision, updated_at = Preferences(version=PREFERENCES_VERSION), 0, None
    else:
        try:
            document = upgraded(row.document, {}, version=PREFERENCES_VERSION)
        except NewerDocumentError:
            raise ServiceError("document_too_new") from None
        preferences, revision, updated_at = Preferences.model_validate(document), row.revision, row.updated_at
    tag = entity_tag(revision, version=PREFERENCES_VERSION)
    return StoredPreferences(user_id=user_id, preferences=preferences, updated_at=updated_at, etag=tag)
