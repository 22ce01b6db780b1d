"""Sessions on a real PostgreSQL: rotation, reuse, two tabs at once, and what ends a session. The clock is the test's."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from identity_accounts import Accounts
from identity_world import PASSWORD, World, opened
from psycopg.rows import dict_row

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Role
from services.identity.refresh_token import digest, new_refresh_token
from services.identity.repository import ASSIGN_ROLES
from services.identity.revocation_repository import RevocationRepository
from services.identity.session_repository import NewSession
from services.identity.session_service import Session, SessionEndedError

DAY = 86_400


def test_each_refresh_token_brings_the_next(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in(roles=(Role.customer, Role.staff))
            first = await world.verified(session)
            assert first.user_id == str(session.user_id)
            assert first.roles == {Role.customer, Role.staff}
            assert (first.issued_at, first.expires_at) == (world.clock.now, world.clock.now + 600)
            seen = {session.refresh_token}
            for _ in range(5):
                world.clock.now += 590
                session = await world.sessions.refresh(session.refresh_token)
                found = await world.verified(session)
                assert (found.user_id, found.session_id, found.roles) == (first.user_id, first.session_id, first.roles)
                assert found.token_id != first.token_id
                seen.add(session.refresh_token)
            assert len(seen) == 6

    asyncio.run(tell())


@pytest.mark.parametrize(("seconds", "gloss"), [
    (0, "two tabs, or an answer that was lost"), (9.9, "slow tabs"), (10, "the last moment"),
])  # fmt: skip
def test_reused_within_ten_seconds_gets_a_sibling(accounts: Accounts, seconds: float, gloss: str):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            world.clock.now += 600
            one = await world.sessions.refresh(session.refresh_token)
            world.clock.now += seconds
            other = await world.sessions.refresh(session.refresh_token)
            assert one.refresh_token != other.refresh_token, gloss
            assert (await world.verified(one)).session_id == (await world.verified(other)).session_id
            for sibling in (one, other):
                assert await world.sessions.refresh(sibling.refresh_token), gloss

    asyncio.run(tell())


def test_reused_later_the_session_ends_for_thief_and_owner(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            elsewhere = await world.sessions.sign_in(accounts.email_of(session.user_id), PASSWORD)
            owners = await world.sessions.refresh(session.refresh_token)
            world.clock.now += 10.001
            assert await world.has_ended(session.refresh_token), "the stolen one"
            assert await world.has_ended(owners.refresh_token), "the owner's"
            assert await world.is_revoked(owners), "and what was issued before"
            assert not await world.is_revoked(elsewhere), "the user's other session goes on"
            assert not await world.has_ended(elsewhere.refresh_token)

    asyncio.run(tell())


def test_the_first_use_counts_not_the_last(accounts: Accounts):
    """Otherwise a thief who comes every ten seconds would never be noticed."""

    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            await world.sessions.refresh(session.refresh_token)
            world.clock.now += 8
            await world.sessions.refresh(session.refresh_token)
            world.clock.now += 8
            assert await world.has_ended(session.refresh_token)

    asyncio.run(tell())


def test_reused_by_many_at_once_the_session_ends_once(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            await world.sessions.refresh(session.refresh_token)
            world.clock.now += 60
            assert all(await asyncio.gather(*(world.has_ended(session.refresh_token) for _ in range(8))))
            session_id = (await session_ids(world, session))[0]
            told = accounts.rows(f"SELECT count(*) FROM identity.revocations WHERE session_id = '{session_id}'")
            assert told == [(1,)]

    asyncio.run(tell())


async def session_ids(world: World, session: Session) -> list[str]:
    rows = world.accounts.rows(f"SELECT id FROM identity.sessions WHERE user_id = {session.user_id}")
    return [row[0] for row in rows]


def test_a_storm_of_users_with_two_tabs_each(accounts: Accounts):
    """0 wrongly refused: both tabs of each of 100 users go on, again and again."""

    async def tell() -> None:
        async with opened(accounts) as world:
            tokens = await asyncio.gather(*(bare_session(world, accounts.add()) for _ in range(100)))
            turns = asyncio.Semaphore(50)

            async def tab(refresh_token: str) -> str:
                async with turns:
                    return (await world.sessions.refresh(refresh_token)).refresh_token

            for _ in range(3):
                pairs = [token for token in tokens for _ in range(2)]
                answers = await asyncio.gather(*(tab(token) for token in pairs))
                assert len(set(answers)) == 200
                # A browser's tabs share one cookie: the answer that came last stays.
                tokens = answers[1::2]
                world.clock.now += 600

    asyncio.run(tell())


async def bare_session(world: World, user_id: int) -> str:
    """Without the Argon2."""
    token = new_refresh_token()
    await world.database.fetch_one(
        """
        WITH session AS (
            INSERT INTO identity.sessions (id, user_id, generation, created_at, expires_at)
            VALUES (%(token)s, %(user_id)s, 1, now(), to_timestamp(%(expires)s)) RETURNING id
        ) INSERT INTO identity.refresh_tokens (token_hash, session_id, created_at)
          SELECT %(hash)s, id, now() FROM session RETURNING 1 AS made
        """,
        {"token": token, "user_id": user_id, "hash": digest(token), "expires": world.clock.now + 30 * DAY},
        dict_row,
    )
    return token


def test_refreshing_does_not_prolong_a_session(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            assert session.refresh_seconds == 30 * DAY
            world.clock.now += 29 * DAY
            session = await world.sessions.refresh(session.refresh_token)
            assert session.refresh_seconds == DAY
            world.clock.now += DAY
            assert await world.has_ended(session.refresh_token)

    asyncio.run(tell())


@pytest.mark.parametrize(
    "presented", [None, "", "k" * 42, "k" * 44, "k" * 42 + "=", "k" * 42 + "\x00", "never-issued" + "k" * 31]
)
def test_what_is_no_refresh_token_of_ours_is_refused(accounts: Accounts, presented: str | None):
    async def tell() -> None:
        async with opened(accounts) as world:
            with pytest.raises(SessionEndedError):
                await world.sessions.refresh(presented)
            await world.sessions.sign_out(presented)

    asyncio.run(tell())


def test_signing_out_ends_this_session_alone(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            elsewhere = await world.sessions.sign_in(accounts.email_of(session.user_id), PASSWORD)
            await world.sessions.sign_out(session.refresh_token)
            await world.sessions.sign_out(session.refresh_token)
            assert await world.has_ended(session.refresh_token)
            assert await world.is_revoked(session)
            assert not await world.is_revoked(elsewhere)

    asyncio.run(tell())


def test_changing_the_password_ends_every_other_session(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            elsewhere = await world.sessions.sign_in(accounts.email_of(session.user_id), PASSWORD)
            changed = await world.sessions.change_password(session.user_id, PASSWORD, "another horse battery")
            for old in (session, elsewhere):
                assert await world.is_revoked(old)
                assert await world.has_ended(old.refresh_token)
            assert not await world.is_revoked(changed), "issued within the same second"
            assert not await world.has_ended(changed.refresh_token)
            with pytest.raises(ServiceError, match="invalid_credentials"):
                await world.sessions.sign_in(accounts.email_of(session.user_id), PASSWORD)
            assert await world.sessions.sign_in(accounts.email_of(session.user_id), "another horse battery")

    asyncio.run(tell())


def test_of_two_changes_of_a_password_at_once_one_counts(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            wanted = ["one horse battery", "two horse battery"]
            outcomes = await asyncio.gather(
                *(world.sessions.change_password(session.user_id, PASSWORD, password) for password in wanted),
                return_exceptions=True,
            )
            assert sorted(isinstance(outcome, Session) for outcome in outcomes) == [False, True]

    asyncio.run(tell())


def test_whoever_is_disabled_while_the_password_is_hashed_does_not_get_in(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            account = await world.user_rows.find_account_of(session.user_id)
            assert await world.users.set_disabled(session.user_id, disabled=True)
            assert await world.is_revoked(session)
            assert await world.has_ended(session.refresh_token)
            assert await open_with(world, account) is None
            await world.users.set_disabled(session.user_id, disabled=False)
            assert await world.has_ended(session.refresh_token), "what ended stays so"
            assert await open_with(world, account) is not None

    asyncio.run(tell())


async def open_with(world: World, account) -> object:
    _, new = world.sessions._drawn()
    assert isinstance(new, NewSession)
    return await world.session_rows.open(account.id, password_hash=account.password_hash, account=b"nobody's", new=new)


def test_other_roles_reach_older_tokens_and_the_session_goes_on(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in(roles=(Role.staff,))
            await world.users.assign_roles(session.user_id, [Role.customer])
            assert await world.is_revoked(session)
            refreshed = await world.sessions.refresh(session.refresh_token)
            assert (await world.verified(refreshed)).roles == {Role.customer}

    asyncio.run(tell())


def test_a_deleted_users_tokens_are_worth_nothing(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            await world.users.delete(session.user_id)
            assert await world.is_revoked(session)
            assert await world.has_ended(session.refresh_token)
            assert accounts.rows(f"SELECT count(*) FROM identity.sessions WHERE user_id = {session.user_id}") == [(0,)]

    asyncio.run(tell())


def test_no_token_lies_in_the_database(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            session = await world.signed_in()
            later = await world.sessions.refresh(session.refresh_token)
            stored = "".join(
                str(accounts.rows(f"SELECT string_agg(t::text, ';') FROM identity.{table} t"))
                for table in ("users", "sessions", "refresh_tokens", "revocations", "sign_in_attempts")
            )
            assert digest(later.refresh_token).hex() in stored, "this is where it would be"
            for token in (session.refresh_token, later.refresh_token, session.access_token):
                assert token not in stored
                assert token.encode().hex() not in stored

    asyncio.run(tell())


def test_two_admins_who_remove_each_other_at_once_leave_one(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            # The admins of other tests must not be the ones who stay.
            await world.database.fetch_all(
                "UPDATE identity.users SET roles = '{customer}' WHERE 'admin' = ANY (roles) RETURNING id", {}, dict_row
            )
            for _ in range(5):
                first, second = (accounts.add(roles=[Role.admin]) for _ in range(2))
                removals = await asyncio.gather(
                    world.users.assign_roles(first, [Role.staff]),
                    world.users.set_disabled(second, disabled=True),
                    return_exceptions=True,
                )
                refused = [outcome for outcome in removals if isinstance(outcome, ServiceError)]
                assert [error.code for error in refused] == ["last_admin"]
                left = accounts.rows("SELECT id FROM identity.users WHERE 'admin' = ANY (roles) AND disabled_at IS NULL")
                assert len(left) == 1
                with pytest.raises(ServiceError, match="last_admin"):
                    await world.users.delete(left[0][0])
                await world.database.fetch_all("UPDATE identity.users SET roles = '{}' RETURNING id", {}, dict_row)

    asyncio.run(tell())


def test_an_admin_who_is_just_being_removed_counts_for_nobody(accounts: Accounts):
    """The first removal is not committed yet when the second one asks who is left: it waits, and looks again."""

    async def tell() -> None:
        async with opened(accounts) as world:
            await world.database.fetch_all("UPDATE identity.users SET roles = '{}' RETURNING id", {}, dict_row)
            first, second = (accounts.add(roles=[Role.admin]) for _ in range(2))
            with psycopg.connect(accounts.url) as uncommitted:
                uncommitted.execute(ASSIGN_ROLES, {"user_id": first, "roles": ["staff"], "concern_seconds": 660})
                removal = asyncio.create_task(world.users.set_disabled(second, disabled=True))
                waiting = (
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                while not removal.done() and accounts.rows(waiting) == [(0,)]:  # noqa: ASYNC110  PostgreSQL raises no event
                    await asyncio.sleep(0.01)
            with pytest.raises(ServiceError, match="last_admin"):
                await removal

    asyncio.run(tell())


def test_what_is_over_is_forgotten_and_what_is_not_stays(accounts: Accounts):
    async def tell() -> None:
        async with opened(accounts) as world:
            world.clock.now = accounts.rows("SELECT extract(epoch FROM now())::float8")[0][0]
            kept = await world.signed_in()
            gone = await world.signed_in()
            await world.sessions.sign_out(gone.refresh_token)
            accounts.rows(f"""
                UPDATE identity.sessions SET revoked_at = now() - interval '2 days' WHERE user_id = {gone.user_id} RETURNING id
            """)
            accounts.rows("UPDATE identity.revocations SET expires_at = now() - interval '2 minutes' RETURNING id")
            await RevocationRepository(world.database).forget()
            assert accounts.rows(f"SELECT id FROM identity.sessions WHERE user_id = {gone.user_id}") == []
            assert accounts.rows("SELECT id FROM identity.revocations") == []
            assert await world.sessions.refresh(kept.refresh_token)

    asyncio.run(tell())
