"""A thousand users refresh at once, two tabs each, while a key is rotated and forged, expired and revoked tokens are tried."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest
from refresh_crowd import ORDERS, SESSIONS, Answer, Attackers, Client, Steady, Tally
from short_lived import JWKS_CACHE_SECONDS, POLICY, PUBLISH_SECONDS

from demos.forged_tokens import forged_tokens
from demos.stage import Routed, Stage, open_stage
from demos.tokens import Seal, bearer, gateway_jwt
from services.common.tokens.signature import decode
from services.identity import keys
from services.identity.cookie import NAME
from services.identity.sample_sessions import add_sessions
from services.identity.signing_key import SigningKey

TESTS = Path(__file__).parents[1]
USERS, TABS = 1_000, 2
STEADY, SIGNED_OUT, ATTACKERS = 40, 40, 10
PAUSE_SECONDS = 0.5
ROBBED = 50
"""Of the users: a thief has the refresh token that the storm has used, and tries it later."""
MOST_IN_FLIGHT = 250
"""Of a replica: these have no CPU limit, and the usual 24 are for a tenth of a core. As many as may wait for a connection to the database."""
BEFORE_SWITCH_SECONDS = 1.0
REVOKED_SECONDS = 5.0
"""Within which a revocation is in force everywhere (docs/jwt.md)."""
AFTERWARDS_SECONDS = 4.0
FORGED, KINDS = "forged: ", 12
WORTHLESS = ("expired", "revoked")


@dataclass(frozen=True)
class Platform:
    """Two replicas of identity and two of orders behind a gateway that asks for tokens."""

    environment: dict[str, str]
    seal: Seal
    gateway: str
    services: tuple[str, ...]
    """Past the gateway: a path that asks for a token, at each replica."""

    @classmethod
    def start(cls, stage: Stage) -> Platform:
        postgres, redis = stage.postgres(), stage.redis()
        seal = Seal.draw(stage)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "KEY_SEAL_FILE": str(seal.file)}
        stage.set_up("identity", environment)
        stage.set_up("orders", {**environment, "SAMPLE_ORDERS": "10000"})
        own = {**environment, "PYTHONPATH": str(TESTS), "SERVICE": "identity", "MOST_IN_FLIGHT": str(MOST_IN_FLIGHT)}
        identity = [stage.replica("short_lived", own) for _ in range(2)]
        own |= {"SERVICE": "orders", "IDENTITY_URL": identity[0].url}
        orders = [stage.replica("short_lived", own) for _ in range(2)]
        for replica in identity:
            replica.part.wait_ready()  # the gateway fetches its keys as it starts
        gateway = stage.gateway(
            {
                "identity": Routed(["/api/v1/identity"], [replica.port for replica in identity]),
                "orders": Routed([ORDERS], [replica.port for replica in orders]),
            },
            jwt=gateway_jwt([SESSIONS], jwks_service="identity"),
            users=USERS * TABS + 500,
            keys_seconds=JWKS_CACHE_SECONDS,
        )
        stage.wait_ready()
        past = (
            *(f"{replica.url}{ORDERS}" for replica in orders),
            *(f"{each.url}/api/v1/identity/users/1" for each in identity),
        )
        return cls(environment, seal, gateway, past)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.environment["DATABASE_URL"])

    def sessions(self, count: int) -> list[tuple[int, str]]:
        """Users and their refresh tokens."""
        with self.connect() as connection:
            made = add_sessions(connection, customers=count, staff=0, aged_seconds=0, now=time.time(), policy=POLICY)
        return [(each.opened.user_id, each.refresh_token) for each in made]

    def keys(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "services.identity.keys", *arguments]
        subprocess.run(command, env={**os.environ, **self.environment}, check=True, capture_output=True, timeout=20)

    def last_key_signs_at(self) -> float:
        with self.connect() as connection:
            return max(key.sign_after for key in keys.live_keys(connection))

    def retire(self, key_id: str) -> None:
        """By the lengths of this test; the command knows the real ones alone."""
        with self.connect() as connection:
            keys.retire(connection, key_id, now=time.time(), concern_seconds=POLICY.concern_seconds, compromised=False)


@pytest.fixture
def platform() -> Iterator[Platform]:
    with open_stage() as stage:
        yield Platform.start(stage)


@dataclass(frozen=True)
class Tab:
    """One of a user's two: what it got, and when."""

    user_id: int
    presented: str
    refreshed: Answer
    seconds: float
    ended_at: float


class Storm:
    """What happens, in order."""

    def __init__(self, platform: Platform, client: Client) -> None:
        self.platform, self.client, self.tally = platform, client, Tally()
        self.steady = [Steady(*session) for session in platform.sessions(STEADY)]
        [self.copied] = platform.sessions(1)
        self.signing_out = platform.sessions(SIGNED_OUT)
        self.users = platform.sessions(USERS)
        self.attackers = Attackers([f"{platform.gateway}{ORDERS}", *platform.services])
        self.over = False
        self.tabs: list[Tab] = []
        self.storm_seconds = 0.0
        self.revoked_seconds: list[float] = []

    async def play(self) -> None:
        """All of it."""
        first_key = self.platform.seal.signing_key(self.platform.environment["DATABASE_URL"])
        copied = await self._refreshed(self.copied)
        self._forge(copied.access_token, first_key)
        async with asyncio.TaskGroup() as beside:
            for each in self.steady:
                beside.create_task(
                    each.go_on(
                        self.client,
                        self.tally,
                        self.platform.gateway,
                        half_life=POLICY.access_seconds / 2,
                        pause=PAUSE_SECONDS,
                        until=lambda: self.over,
                    )
                )
            for _ in range(ATTACKERS):
                beside.create_task(
                    self.attackers.go_on(
                        self.client, self.tally, self.platform.gateway, pause=PAUSE_SECONDS, until=lambda: self.over
                    )
                )
            try:
                await self._rotate_and_storm(first_key)
                new_key = await asyncio.to_thread(self.platform.seal.signing_key, self.platform.environment["DATABASE_URL"])
                self._forge((await self._refreshed((self.copied[0], copied.refresh_token))).access_token, new_key)
                await self._rob()
                await self._retire(first_key)
            finally:
                self.over = True

    async def _refreshed(self, session: tuple[int, str]) -> Answer:
        answer = await self.client.refresh(self.platform.gateway, session[1])
        assert answer.status == 200
        return answer

    async def _rotate_and_storm(self, first_key: SigningKey) -> None:
        await asyncio.to_thread(self.platform.keys, "rotate", "--publish-seconds", str(PUBLISH_SECONDS))
        self.switch_at = await asyncio.to_thread(self.platform.last_key_signs_at)
        await asyncio.gather(*(self._sign_out(session) for session in self.signing_out))
        await sleep_until(self.switch_at - BEFORE_SWITCH_SECONDS)
        too_early = asyncio.create_task(self._retire_too_early(first_key))
        begun = time.monotonic()
        self.tabs = await asyncio.gather(*(self._open_tab(session) for session in self.users for _ in range(TABS)))
        self.storm_seconds = time.monotonic() - begun
        await too_early

    async def _sign_out(self, session: tuple[int, str]) -> None:
        answer = await self._refreshed(session)
        headers = {"cookie": f"{NAME}={answer.refresh_token}"}
        ended = await self.client.ask("DELETE", f"{self.platform.gateway}{SESSIONS}/current", headers)
        assert ended.status == 204
        asyncio.get_running_loop().call_later(REVOKED_SECONDS, self._hand_to_attackers, answer)

    async def _open_tab(self, session: tuple[int, str]) -> Tab:
        user_id, presented = session
        begun = time.monotonic()
        refreshed = self.tally.count("storm", await self.client.refresh(self.platform.gateway, presented))
        ended_at = time.monotonic()
        own = await self.client.ask("GET", f"{self.platform.gateway}{ORDERS}", bearer(refreshed.access_token))
        self.tally.count("token of the storm", own)
        return Tab(user_id, presented, refreshed, ended_at - begun, ended_at)

    async def _rob(self) -> None:
        """Used refresh tokens come again, too late. Everything of those sessions is over soon."""
        await asyncio.sleep(POLICY.reuse_seconds + 0.5)
        robbed = self.tabs[: ROBBED * TABS]
        before = await asyncio.gather(*(self._status_of(tab, place) for place, tab in enumerate(robbed)))
        self.tally.answers.update(("before the theft", status) for status in before)
        begun = time.monotonic()
        await asyncio.gather(*(self._steal(tab) for tab in robbed[::TABS]))
        self.revoked_seconds = await asyncio.gather(
            *(self._until_refused(tab, place, begun) for place, tab in enumerate(robbed))
        )
        for tab in robbed:
            answer = await self.client.refresh(self.platform.gateway, tab.refreshed.refresh_token)
            self.tally.count("refresh of a robbed session", answer)
            asyncio.get_running_loop().call_later(REVOKED_SECONDS, self._hand_to_attackers, tab.refreshed)

    async def _steal(self, tab: Tab) -> None:
        self.tally.count("late reuse", await self.client.refresh(self.platform.gateway, tab.presented))

    async def _status_of(self, tab: Tab, place: int) -> int:
        """At the gateway, at a replica of orders or at one of identity: in turn."""
        urls = [
            f"{self.platform.gateway}{ORDERS}",
            *(url.replace("users/1", f"users/{tab.user_id}") for url in self.platform.services),
        ]
        return (await self.client.ask("GET", urls[place % len(urls)], bearer(tab.refreshed.access_token))).status

    async def _until_refused(self, tab: Tab, place: int, begun: float) -> float:
        while await self._status_of(tab, place) != 401:
            assert time.monotonic() - begun < 2 * REVOKED_SECONDS, "not revoked"
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    async def _retire_too_early(self, first_key: SigningKey) -> None:
        await sleep_until(self.switch_at + 1)
        with pytest.raises(keys.RefusedError, match="verifying"):
            await asyncio.to_thread(self.platform.retire, first_key.key_id)

    async def _retire(self, first_key: SigningKey) -> None:
        """The key that signed before goes when its last token is over; so are the storm's."""
        await sleep_until(self.switch_at + POLICY.concern_seconds + 0.5)
        await asyncio.to_thread(self.platform.retire, first_key.key_id)
        await sleep_until(self.switch_at - BEFORE_SWITCH_SECONDS + self.storm_seconds + POLICY.concern_seconds)
        self.attackers.loot += [(WORTHLESS[0], bearer(tab.refreshed.access_token)) for tab in self.tabs]
        await asyncio.sleep(AFTERWARDS_SECONDS)

    def key_ids(self) -> set[str]:
        """Of the keys that signed the storm's tokens."""
        tokens = [tab.refreshed.access_token for tab in self.tabs if tab.refreshed.access_token]
        return {json.loads(decode(token.partition(".")[0]))["kid"] for token in tokens}

    def _forge(self, good: str, key: SigningKey) -> None:
        self.attackers.loot += [(FORGED + forged.name, forged.headers) for forged in forged_tokens(good, key)]

    def _hand_to_attackers(self, answer: Answer) -> None:
        self.attackers.loot.append((WORTHLESS[1], bearer(answer.access_token)))
        self.attackers.refresh_tokens.append(answer.refresh_token)


async def sleep_until(moment: float) -> None:
    """Seconds since 1970."""
    await asyncio.sleep(max(0.0, moment - time.time()))


async def played(platform: Platform) -> Storm:
    # No cookie jar, and a connection a request where need be: each is a browser of its own.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        storm = Storm(platform, Client(http))
        await storm.play()
    return storm


def report(storm: Storm) -> str:
    """The figures, for people."""
    tally, seconds = storm.tally, sorted(tab.seconds for tab in storm.tabs)
    apart = max(abs(one.ended_at - other.ended_at) for one, other in zip(storm.tabs[::TABS], storm.tabs[1::TABS], strict=True))
    bad = {kind: sum(tally.of(kind).values()) for kind, _ in tally.answers if kind.startswith(FORGED) or kind in WORTHLESS}
    shed = sum(times * (sends - 1) for sends, times in tally.sends.items())
    return f"""
{USERS:,} users refreshed in {TABS} tabs each within {storm.storm_seconds:.1f} s, with {len(storm.key_ids())} keys signing: {tally.of("storm")}
a tab: median {statistics.median(seconds):.2f} s, at most {seconds[-1]:.2f} s; a user's tabs at most {apart:.2f} s apart
requests with the new tokens: {tally.of("token of the storm")}; others beside it: {tally.of("valid")}, refreshes {tally.of("refresh")}
forged, expired and revoked tokens: {sum(bad.values()):,} requests, {len(bad)} kinds; refresh tokens of ended sessions: {tally.of("bad refresh")}
shed and sent again after Retry-After: {shed:,}, none more than {max(tally.sends) - 1} times
{len(storm.revoked_seconds)} tokens of {ROBBED} robbed sessions: refused after {max(storm.revoked_seconds):.2f} s at most"""


@pytest.mark.timeout(180)
def test_nobody_is_wrongly_refused_or_accepted(platform, capsys):
    storm = asyncio.run(played(platform))
    tally = storm.tally
    with capsys.disabled():
        print(report(storm))  # noqa: T201  the figures are what is shown

    assert tally.of("storm") == {200: USERS * TABS}, tally.said
    assert tally.of("token of the storm") == {200: USERS * TABS}, tally.said
    assert set(tally.of("valid")) == {200}, tally.said
    assert set(tally.of("refresh")) == {200}, tally.said
    assert len(storm.key_ids()) == 2, "the switch is within the storm"

    assert tally.of("before the theft") == {200: ROBBED * TABS}
    assert tally.of("late reuse") == {401: ROBBED}
    assert tally.of("refresh of a robbed session") == {401: ROBBED * TABS}
    assert max(storm.revoked_seconds) < REVOKED_SECONDS

    assert set(tally.of("bad refresh")) == {401}, tally.said
    forged = {kind: set(tally.of(kind)) for kind, _ in tally.answers if kind.startswith(FORGED)}
    # Envoy answers 403 there. Who got in would be answered 200: what the forger asks for is the user's own.
    assert forged.pop(f"{FORGED}for another audience") <= {401, 403}
    assert len(forged) == KINDS - 1
    assert set().union(*forged.values()) == {401}, tally.said
    assert {kind: set(tally.of(kind)) for kind in WORTHLESS} == {kind: {401} for kind in WORTHLESS}, tally.said
