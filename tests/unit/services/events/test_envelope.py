"""What goes through Redis, and what comes out of it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.common.events.envelope import Event
from services.common.events.stream_entries import Entry, entries_claimed, entries_read

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    id=st.uuids(),
    type=TEXT,
    at=st.datetimes(timezones=st.just(UTC)),
    data=st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.booleans(), st.none()), max_size=5),
)
def test_what_was_sent_arrives(**parts: object):
    event = Event(**parts)
    assert Event.model_validate_json(event.model_dump_json()) == event


def test_what_the_version_looks_like():
    event = Event(id=UUID(int=1), type="user_deleted", at=datetime(2026, 3, 1, tzinfo=UTC), data={"user_id": "17"})
    assert event.model_dump_json() == (
        '{"version":1,"id":"00000000-0000-0000-0000-000000000001","type":"user_deleted","at":"2026-03-01T00:00:00Z",'
        '"data":{"user_id":"17"}}'
    )


def test_answers_of_redis():
    assert entries_read(None) == [], "nothing came in time"
    answer = [[b"events:shop", [[b"1-0", [b"event", b"{}"]], [b"2-0", [b"other", b"1"]], [b"3-0", None]]]]
    assert entries_read(answer) == [Entry(b"1-0", b"{}"), Entry(b"2-0", None), Entry(b"3-0", None)]
    assert entries_claimed([b"9-0", [None, [b"1-0", [b"event", b"{}"]]]]) == (b"9-0", [Entry(b"1-0", b"{}")]), "6.2"
    assert entries_claimed([b"0-0", [[b"1-0", [b"event", b"{}"]]], [b"2-0"]]) == (b"0-0", [Entry(b"1-0", b"{}")]), "7 and later"
