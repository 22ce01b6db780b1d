"""What a replica knows of revocations, however it comes to know it; and that it never fails open."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_accounts import Accounts
from identity_tokens import NOW, Clock, batch, heard, principal
from identity_world import opened
from service_processes import DataServer, Replica, free_port

from services.common.tokens.identity_reader import IdentityReader, IdentityUnreachableError
from services.common.tokens.principal import Role
from services.common.tokens.revocation_batch import COMMIT_SECONDS, WINDOW_SECONDS
from services.common.tokens.revocation_feed import POLL_AFTER_SECONDS, RevocationFeed
from services.common.tokens.revocations import SILENCE_SECONDS, Revocations
from services.identity.revocation_relay import EVERY_SECONDS, RevocationRelay
from services.identity.revocation_repository import RevocationRepository


@pytest.mark.parametrize(("version", "revoked", "gloss"), [
    (2, True, "older than the change"), (3, True, "older than the change"), (4, False, "since the change"),
])  # fmt: skip
def test_a_users_older_tokens_are_revoked(version: int, revoked: bool, gloss: str):
    assert heard(users=(("17", 4),)).is_revoked(principal(version=version)) == revoked, gloss
    assert not heard(users=(("18", 4),)).is_revoked(principal(version=version))


def test_an_older_message_that_comes_later_takes_nothing_back():
    revocations = heard(users=(("17", 4),), sessions=("session-1",))
    revocations.apply(batch(users=(("17", 2),)), heard_at=0)
    assert revocations.is_revoked(principal(version=3, session_id="another"))
    assert revocations.is_revoked(principal(user_id="18"))


def test_a_timeline_of_silence():
    clock = Clock(100)
    revocations = Revocations(clock=clock)
    assert revocations.is_silent(), "nothing was ever heard"
    assert not revocations.apply(batch(since=NOW - WINDOW_SECONDS, as_of=NOW), heard_at=100)
    assert revocations.is_silent(), "what was before the window nobody knows"
    assert revocations.apply(batch(as_of=NOW), heard_at=100)
    clock.now = 100 + SILENCE_SECONDS
    assert not revocations.is_silent()
    clock.now += 0.001
    assert revocations.is_silent()
    assert revocations.apply(batch(since=NOW - COMMIT_SECONDS, as_of=NOW + 9), heard_at=clock.now)
    assert not revocations.is_silent(), "somebody spoke again"
    assert not revocations.apply(batch(since=NOW + 4, as_of=NOW + 19), heard_at=clock.now + 3)
    clock.now += SILENCE_SECONDS + 0.001
    assert revocations.is_silent(), "a message that leaves a gap breaks no silence"
    assert revocations.complete_until == NOW + 9 - COMMIT_SECONDS


def test_what_a_message_with_a_gap_says_counts_all_the_same():
    revocations = heard()
    assert not revocations.apply(batch(since=NOW + 100, as_of=NOW + 115, sessions=("session-1",)), heard_at=0)
    assert revocations.is_revoked(principal())


def test_what_no_token_can_live_to_see_is_forgotten():
    revocations = heard(sessions=("session-1",), users=(("17", 9),))
    revocations.apply(batch(as_of=NOW + 660 + 59), heard_at=0)
    assert revocations.is_revoked(principal())
    revocations.apply(batch(as_of=NOW + 660 + 61 + 30), heard_at=0)
    assert not revocations.is_revoked(principal())


@given(
    recorded=st.lists(st.integers(0, 100), max_size=20),
    delays=st.lists(st.floats(0, 5), min_size=20, max_size=20),
    lost=st.sets(st.integers(0, 100)),
)
def test_whoever_is_not_silent_knows_everything_that_was_committed_a_window_ago(recorded, delays, lost):
    """Messages every second, any of them lost: either the replica is silent, or it has every revocation that was visible
    when it was last told."""
    clock = Clock(0)
    revocations = Revocations(clock=clock)
    revocations.apply(batch(as_of=0.0), heard_at=0)
    told_at = 0
    for second in range(1, 101):
        clock.now = second
        visible = tuple(
            f"s{number}" for number, at in enumerate(recorded) if at + delays[number] <= second and at > second - WINDOW_SECONDS
        )
        if second not in lost and revocations.apply(
            batch(since=second - WINDOW_SECONDS, as_of=float(second), sessions=visible), heard_at=second
        ):
            told_at = second
        if not revocations.is_silent():
            for number, at in enumerate(recorded):
                if at + delays[number] <= told_at:
                    assert revocations.is_revoked(principal(session_id=f"s{number}"))


class Identity:
    """Answers with what it has, or not at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = batch().model_dump_json().encode()
        self.is_there = True

    async def read(self, path: str) -> bytes:
        self.asked.append(path)
        if not self.is_there:
            raise IdentityUnreachableError("gone")
        return self.answer


def test_identity_is_asked_at_the_start_and_after_two_seconds_of_silence_only():
    async def tell() -> None:
        clock, identity = Clock(0), Identity()
        revocations = Revocations(clock=clock)
        feed = RevocationFeed(revocations, identity, redis_url=None, clock=clock)
        await feed.poll_if_silent()
        assert identity.asked == ["/internal/v1/revocations?since=0.0"]
        clock.now = POLL_AFTER_SECONDS - 0.1
        await feed.poll_if_silent()
        assert len(identity.asked) == 1
        feed.take(batch(since=NOW - COMMIT_SECONDS + 1, as_of=NOW + 10).model_dump_json().encode())
        clock.now += POLL_AFTER_SECONDS
        await feed.poll_if_silent()
        assert identity.asked[1:] == [f"/internal/v1/revocations?since={NOW - COMMIT_SECONDS!r}"], "it left a gap"
        feed.take(batch(since=NOW - WINDOW_SECONDS, as_of=NOW + 1).model_dump_json().encode())
        clock.now += POLL_AFTER_SECONDS - 0.1
        await feed.poll_if_silent()
        assert len(identity.asked) == 2

    asyncio.run(tell())


def test_with_redis_and_identity_gone_nobodys_token_is_taken_after_five_seconds():
    async def tell() -> None:
        clock, identity = Clock(0), Identity()
        revocations = Revocations(clock=clock)
        feed = RevocationFeed(revocations, identity, redis_url=None, clock=clock)
        await feed.poll_if_silent()
        identity.is_there = False
        for clock.now in (2.0, 3.0, 4.0, 5.0):
            with pytest.raises(IdentityUnreachableError):
                await feed.poll_if_silent()
            assert not revocations.is_silent()
        clock.now = 5.5
        assert revocations.is_silent()
        identity.is_there = True
        await feed.poll_if_silent()
        assert not revocations.is_silent()

    asyncio.run(tell())


def test_what_is_no_revocation_is_left_alone():
    async def tell() -> None:
        revocations = heard(clock := Clock(0))
        feed = RevocationFeed(revocations, Identity(), redis_url=None, clock=clock)
        for nonsense in (b"", b"{}", b"null", b"\xff", json.dumps({"since": 0}).encode()):
            feed.take(nonsense)
        assert not revocations.is_revoked(principal())

    asyncio.run(tell())


async def until(holds, limit_seconds: float) -> float:
    """How long it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while not holds():
        assert loop.time() - started < limit_seconds, f"not within {limit_seconds} s"
        await asyncio.sleep(0.02)
    return loop.time() - started


@pytest.mark.parametrize("by", ["redis", "polling"])
def test_a_revocation_reaches_another_service_within_five_seconds(
    by: str, identity: Replica, accounts: Accounts, redis: DataServer
):
    """Of a real identity, over a real Redis, or over HTTP where nobody listens at Redis' address."""

    async def tell() -> None:
        url = redis.url if by == "redis" else f"redis://127.0.0.1:{free_port()}"
        revocations = Revocations()
        feed = RevocationFeed(revocations, IdentityReader(identity.url), redis_url=url)
        await feed.open()
        try:
            assert not revocations.is_silent()
            user_id = accounts.add()
            admin = accounts.bearer(accounts.add(roles=[Role.admin]), roles=[Role.admin])
            path = f"/api/v1/identity/users/{user_id}/roles"
            answer = await asyncio.to_thread(identity.client.put, path, json={"roles": ["staff"]}, headers=admin)
            assert answer.status_code == 200
            caller = principal(user_id=str(user_id), version=1)
            await until(lambda: revocations.is_revoked(caller), 5.0)
            await asyncio.sleep(2 * EVERY_SECONDS)
            assert not revocations.is_silent()
            assert not revocations.is_revoked(principal(user_id=str(user_id), version=2))
        finally:
            await feed.close()

    asyncio.run(tell())


def test_what_one_replica_of_identity_wrote_another_one_tells(accounts: Accounts, redis: DataServer):
    """A replica that dies between the commit and the message loses nothing."""

    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            await world.sessions.sign_out(session.refresh_token)
            other = RevocationRelay(RevocationRepository(world.database), Revocations(), redis_url=redis.url)
            revocations = Revocations()
            feed = RevocationFeed(revocations, FromDatabase(world.database), redis_url=redis.url)
            await feed.open()
            try:
                caller = principal(session_id=accounts.rows(
                    f"SELECT id FROM identity.sessions WHERE user_id = {session.user_id}"
                )[0][0])  # fmt: skip
                await other.relay()
                await until(lambda: revocations.is_revoked(caller), 5.0)
            finally:
                await feed.close()
                await other.close()

    asyncio.run(tell())


class FromDatabase:
    """An identity that tells the time and nothing else."""

    def __init__(self, database) -> None:
        self._database = database

    async def read(self, _path: str) -> bytes:
        found = await RevocationRepository(self._database).since(0.0)
        return found.model_copy(update={"sessions": [], "users": []}).model_dump_json().encode()


def test_a_relay_whose_redis_is_gone_goes_on_reading(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            relay = RevocationRelay(
                RevocationRepository(world.database), world.revocations, redis_url=f"redis://127.0.0.1:{free_port()}"
            )
            for _ in range(2):
                assert await relay.relay() == EVERY_SECONDS
                assert not world.revocations.is_silent()
            await relay.close()

    asyncio.run(tell())
