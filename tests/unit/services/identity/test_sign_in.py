"""Signing in: who is told what, how often one may try, and what happens when too many try at once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest
from identity_accounts import Accounts
from identity_tokens import Clock
from identity_world import PASSWORD, POLICY, opened
from service_processes import Replica

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Role
from services.identity import session_service
from services.identity.password_hasher import NOBODYS_HASH, hash_password, is_outdated, is_password
from services.identity.password_pool import PasswordPool
from services.identity.repository import Account
from services.identity.session_repository import Attempts
from services.identity.session_service import SessionService

SESSIONS = "/api/v1/identity/sessions"


def sign_in(identity: Replica, email: str, password: str):
    return identity.client.post(SESSIONS, json={"email": email, "password": password})


def told(answer) -> tuple:
    """All that a client sees but the trace id."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, {**answer.json(), "trace_id": ""}, headers


def test_a_wrong_password_an_unknown_e_mail_and_a_disabled_account_are_answered_alike(identity: Replica, accounts: Accounts):
    known = accounts.email_of(accounts.add(password=PASSWORD))
    disabled = accounts.email_of(accounts.add(password=PASSWORD, disabled=True))
    without = accounts.email_of(accounts.add())
    answers = [
        told(sign_in(identity, email, password))
        for email, password in [
            (known, "a wrong password"),
            ("nobody@example.org", PASSWORD),
            (disabled, PASSWORD),
            (without, PASSWORD),
        ]
    ]
    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "invalid_credentials"
    assert answers[1:] == answers[:1] * 3
    assert sign_in(identity, known.upper().replace("EXAMPLE", "Example"), PASSWORD).status_code == 201


class Rows:
    """Repositories of users and sessions that count what they are asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.account: Account | None = None
        self.attempts = 1

    async def count_attempt(self, _account, *, now, window_began):
        self.asked["count"] += 1
        return Attempts(self.attempts, now)

    async def find_account(self, _email):
        self.asked["find"] += 1
        return self.account


def service_of(rows: Rows, passwords: PasswordPool) -> SessionService:
    return SessionService(rows, rows, passwords, None, policy=POLICY, revoked=lambda: None, clock=Clock())


def test_an_unknown_e_mail_costs_the_same_work(monkeypatch: pytest.MonkeyPatch):
    hashed: list[str] = []

    def verify(self, hash_, password):
        hashed.append(hash_)
        raise VerifyMismatchError

    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    monkeypatch.setattr(PasswordHasher, "verify", verify)

    async def asked(account: Account | None) -> Counter[str]:
        rows = Rows()
        rows.account = account
        with pytest.raises(ServiceError, match="invalid_credentials"):
            await service_of(rows, PasswordPool(threads=1, most_waiting=0)).sign_in("a@example.org", "x")
        return rows.asked

    theirs = hash_password(PASSWORD)
    assert asyncio.run(asked(None)) == asyncio.run(asked(Account(1, "a@example.org", theirs))) == {"count": 1, "find": 1}
    assert hashed == [NOBODYS_HASH, theirs]


def test_argon2id_with_the_parameters_that_are_documented():
    parameters = "$argon2id$v=19$m=19456,t=2,p=1$"
    hashed = hash_password(PASSWORD)
    assert hashed.startswith(parameters)
    assert NOBODYS_HASH.startswith(parameters)
    assert len(NOBODYS_HASH.split("$")[-1]) == len(hashed.split("$")[-1])
    assert is_password(PASSWORD, hashed)
    assert not is_password(PASSWORD + " ", hashed)
    assert not is_password("", None)
    assert not is_password(PASSWORD, "no hash at all")
    assert not is_outdated(hashed)
    assert is_outdated(hashed.replace("t=2", "t=1"))
    assert hash_password(PASSWORD) != hashed, "salted"


def test_a_letter_is_the_same_however_it_was_typed():
    assert is_password("cafe\u0301 au lait!", hash_password("caf\u00e9 au lait!"))


def test_ten_attempts_then_none_whether_there_is_an_account_or_not(identity: Replica, accounts: Accounts):
    known = accounts.email_of(accounts.add(password=PASSWORD))
    told_of: list[list[tuple]] = []
    for email in (known, "stranger@example.org"):
        answers = [sign_in(identity, email, "a wrong password") for _ in range(POLICY.most_attempts + 1)]
        assert [answer.status_code for answer in answers] == [401] * POLICY.most_attempts + [429]
        assert answers[-1].json()["code"] == "too_many_attempts"
        assert 890 <= int(answers[-1].headers["retry-after"]) <= 900
        told_of.append([told(answer)[:2] for answer in answers])
    assert told_of[0] == told_of[1]
    assert sign_in(identity, known, PASSWORD).status_code == 429, "the right password included"


def test_a_success_clears_the_count(identity: Replica, accounts: Accounts):
    email = accounts.email_of(accounts.add(password=PASSWORD))
    for _ in range(2):
        for _ in range(POLICY.most_attempts - 1):
            assert sign_in(identity, email, "a wrong password").status_code == 401
        assert sign_in(identity, email, PASSWORD).status_code == 201


def test_guesses_at_once_cannot_outrun_the_count(accounts: Accounts, monkeypatch: pytest.MonkeyPatch):

    looked_at = Counter()

    def never(_password: str, _hashed: str | None) -> bool:
        looked_at["password"] += 1
        return False

    monkeypatch.setattr(session_service, "is_password", never)

    async def tell() -> None:
        async with opened(accounts) as world:
            email = accounts.email_of(accounts.add(password=PASSWORD))
            outcomes = await asyncio.gather(*(world.sessions.sign_in(email, "x") for _ in range(40)), return_exceptions=True)
            assert Counter(error.code for error in outcomes) == {"invalid_credentials": 10, "too_many_attempts": 30}
            assert looked_at["password"] == 10
            world.clock.now += POLICY.attempts_seconds
            with pytest.raises(ServiceError, match="invalid_credentials"):
                await world.sessions.sign_in(email, "x")

    asyncio.run(tell())


def test_a_full_pool_refuses_before_anything_is_asked_or_counted():
    async def tell() -> None:
        rows = Rows()
        pool = PasswordPool(threads=1, most_waiting=1)
        service = service_of(rows, pool)
        with pool.place(), pool.place():
            with pytest.raises(ServiceError) as caught:
                await service.sign_in("a@example.org", "x")
            assert (caught.value.code, caught.value.retry_after_seconds) == ("overloaded", 2)
            assert rows.asked == {}
        with pool.place(), pytest.raises(ServiceError, match="invalid_credentials"):
            await service.sign_in("a@example.org", "x")
        with pool.place(), pool.place():
            pass
        await pool.close()

    asyncio.run(tell())


def test_no_more_threads_hash_than_were_set():
    async def tell() -> None:
        pool = PasswordPool(threads=2, most_waiting=20)
        together, most = 0, 0
        lock = threading.Lock()

        def work() -> None:
            nonlocal together, most
            with lock:
                together += 1
                most = max(most, together)
            barrier.wait(timeout=10)
            with lock:
                together -= 1

        barrier = threading.Barrier(2)
        await asyncio.gather(*(pool.run(work) for _ in range(10)))
        assert most == 2
        await pool.close()

    asyncio.run(tell())


def test_a_hash_of_older_parameters_is_replaced_at_the_next_sign_in(identity: Replica, accounts: Accounts):
    from argon2 import PasswordHasher

    user_id = accounts.add(roles=[Role.customer], password=PASSWORD)
    older = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    accounts.rows(f"UPDATE identity.users SET password_hash = '{older}' WHERE id = {user_id} RETURNING id")
    assert sign_in(identity, accounts.email_of(user_id), PASSWORD).status_code == 201
    [(hashed,)] = accounts.rows(f"SELECT password_hash FROM identity.users WHERE id = {user_id}")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert sign_in(identity, accounts.email_of(user_id), PASSWORD).status_code == 201
