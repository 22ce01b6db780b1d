"""The bytes of an entry, and what may be cached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.common.cache.cacheable import Cacheable
from services.common.cache.entry import Entry, header_of, pack, unpack


class Price(BaseModel):
    cents: int


class RenamedPrice(BaseModel):
    price_cents: int


BODIES = st.none() | st.binary(max_size=200)


@given(st.binary(max_size=40), BODIES, st.integers(0, 2**32 - 1), st.integers(1, 2**33))
def test_what_was_packed_is_unpacked(stamp: bytes, body: bytes | None, stale_ms: int, left_ms: int):
    data = pack(stamp, body, stale_ms=stale_ms)
    assert data.startswith(stamp)
    found = unpack(data, stamp_bytes=len(stamp), left_ms=left_ms)
    assert found == Entry(body, (left_ms - stale_ms) / 1000, left_ms / 1000)


@given(st.binary(max_size=30), st.integers(0, 20))
def test_what_is_broken_is_nothing_and_no_error(data: bytes, stamp_bytes: int):
    found = unpack(data, stamp_bytes=stamp_bytes, left_ms=1000)
    assert found is None or len(data) >= stamp_bytes + 5


def test_nothing_and_an_empty_answer_are_two_things():
    assert pack(b"", None, stale_ms=0) != pack(b"", b"", stale_ms=0)


def test_another_schema_has_another_header_and_the_same_one_the_same():
    assert header_of(Price) == header_of(Price)
    assert header_of(Price) != header_of(RenamedPrice)
    assert len(header_of(Price)) == 9


def test_scopes_never_meet_whatever_a_user_asks_for():
    prices = Cacheable(name="prices", schema=Price, fresh_seconds=1)
    assert prices.key("7", scope="staff") == "prices/staff/7"
    assert prices.key("staff/7", scope="customer-1") != prices.key("7", scope="staff")
    for scope in ("", "customer-1/staff"):
        with pytest.raises(ValueError, match="an access scope is"):
            prices.key("7", scope=scope)


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_two_scopes_two_keys(scope: str, key: str, other_scope: str, other_key: str):
    prices = Cacheable(name="prices", schema=Price, fresh_seconds=1)
    scope, other_scope = (text.replace("/", "") or "all" for text in (scope, other_scope))
    same = prices.key(key, scope=scope) == prices.key(other_key, scope=other_scope)
    assert same == ((scope, key) == (other_scope, other_key))


@pytest.mark.parametrize("wrong", [
    {"name": ""}, {"name": "a/b"}, {"fresh_seconds": 0}, {"stale_seconds": -1}, {"negative_seconds": -0.1},
])  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict):
    with pytest.raises(ValueError, match=r"name is|must be"):
        Cacheable(**{"name": "prices", "schema": Price, "fresh_seconds": 1, **wrong})
