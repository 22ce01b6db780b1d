"""Which Redis is the cache."""

from __future__ import annotations

import pytest

from services.common.settings import ServiceSettings, SettingsError

DATABASE = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/x"}


@pytest.mark.parametrize(("said", "state", "cache"), [
    ({}, None, None),
    ({"REDIS_URL": "redis://state"}, "redis://state", "redis://state"),
    ({"REDIS_URL": "redis://state", "CACHE_REDIS_URL": "redis://cache"}, "redis://state", "redis://cache"),
    ({"CACHE_REDIS_URL": "redis://cache"}, None, "redis://cache"),
])  # fmt: skip
def test_the_cache_has_its_own_redis_or_shares_the_only_one(said: dict[str, str], state: str | None, cache: str | None):
    settings = ServiceSettings.from_environment({**DATABASE, **said}, service="orders")
    assert (settings.redis_url, settings.cache_redis_url) == (state, cache)


def test_a_wrong_url_is_named():
    with pytest.raises(SettingsError, match=r"^CACHE_REDIS_URL has the scheme 'http'"):
        ServiceSettings.from_environment({**DATABASE, "CACHE_REDIS_URL": "http://:secret@h"}, service="orders")
