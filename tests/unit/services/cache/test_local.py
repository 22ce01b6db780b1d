"""L1 beside a plain list of what was used when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.cache.local import UNHEARD_SECONDS, LocalCache, LocalEntry, size_of

KEYS = st.sampled_from("abcdef")
TAGS = st.lists(st.sampled_from(["red", "green", "blue"]), unique=True, max_size=2).map(tuple)


def entry(body: bytes | None = b"x", *, tags: tuple[str, ...] = (), at: float = 0.0, lives: float = 100.0) -> LocalEntry:
    return LocalEntry(body, tags, started_at=at, fresh_until=at + lives, ends_at=at + lives, refresh_at=at + lives)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=400), TAGS),
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("drop_key"), KEYS),
        st.tuples(st.just("drop_tag"), st.sampled_from(["red", "green", "blue", "unknown"])),
        st.tuples(st.just("clear")),
    ),
    max_size=40,
)


@given(OPERATIONS, st.integers(0, 5), st.integers(0, 4000))
def test_least_recently_used_go_first_and_no_bound_is_ever_passed(operations, most_entries: int, most_bytes: int):
    cache = LocalCache(most_entries=most_entries, most_bytes=most_bytes)
    model: dict[str, LocalEntry] = {}  # in the order of use
    for operation in operations:
        match operation:
            case ["put", key, body, tags]:
                kept = entry(body, tags=tags)
                cache.put(key, kept)
                model.pop(key, None)
                if most_entries > 0 and size_of(key, kept) <= most_bytes:
                    model[key] = kept
                while len(model) > most_entries or sum(size_of(*item) for item in model.items()) > most_bytes:
                    del model[next(iter(model))]
            case ["get", key]:
                found = cache.get(key, 1.0, heard_until=-math.inf)
                assert found is model.get(key)
                if found is not None:
                    model[key] = model.pop(key)
            case ["drop_key", key]:
                cache.drop_key(key)
                model.pop(key, None)
            case ["drop_tag", tag]:
                cache.drop_tag(tag)
                model = {key: kept for key, kept in model.items() if tag not in kept.tags}
            case _:
                cache.clear()
                model = {}
        assert len(cache) == len(model) <= most_entries
        assert cache.used_bytes == sum(size_of(*item) for item in model.items()) <= most_bytes
        assert cache._keys_of_tag == {
            tag: {key for key, kept in model.items() if tag in kept.tags} for kept in model.values() for tag in kept.tags
        }, "the index of tags neither forgets nor grows"


@pytest.mark.parametrize(("now", "heard_until", "found"), [
    (3.9, -math.inf, True),   # young enough, whoever says what
    (4.0, -math.inf, False),  # nobody confirmed it
    (4.0, 1.0, True),         # the news confirms it
    (9.0, 5.1, True),
    (9.0, 5.0, False),        # no news for 4 s
    (9.9, 9.9, True),
    (10.0, 10.0, False),      # its life is over
])  # fmt: skip
def test_an_entry_lives_as_long_as_something_confirms_it(now: float, heard_until: float, found: bool):
    assert UNHEARD_SECONDS == 4.0
    cache = LocalCache()
    cache.put("key", entry(lives=10.0))
    assert (cache.get("key", now, heard_until=heard_until) is not None) == found
    assert len(cache) == found
