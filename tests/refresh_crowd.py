"""Everybody who asks during a refresh storm: good clients, whose tokens must be taken, and bad ones, whose must not."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from demos.tokens import bearer
from services.identity.cookie import NAME

SESSIONS = "/api/v1/identity/sessions"
ORDERS = "/api/v2/orders"
MOST_SENDS = 8
"""Of one request that is told to come again."""
SHED = 503


@dataclass
class Answer:
    """The last one of a request, and how often it was sent."""

    status: int
    sends: int
    said: str
    refresh_token: str = ""
    access_token: str = ""


@dataclass
class Tally:
    """Requests by what they were and how they were answered in the end; and how many were shed and sent again before."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    sends: Counter[int] = field(default_factory=Counter)
    said: dict[tuple[str, int], str] = field(default_factory=dict)
    """The last one of each kind, for whoever wants to know why."""

    def count(self, kind: str, answer: Answer) -> Answer:
        self.answers[kind, answer.status] += 1
        self.said[kind, answer.status] = answer.said
        self.sends[answer.sends] += 1
        return answer

    def of(self, kind: str) -> dict[int, int]:
        return {status: count for (name, status), count in sorted(self.answers.items()) if name == kind}


class Client:
    """Sends a request again after Retry-After, at a random moment of the second that follows, as it is documented for 503."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ask(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        for sends in itertools.count(1):
            async with self._http.request(method, url, headers=headers) as response:
                said = await response.text()
                if response.status != SHED or sends == MOST_SENDS:
                    answer = Answer(response.status, sends, "" if response.ok else f"{url}: {said}")
                    if response.ok and url.endswith("/refresh"):
                        answer.refresh_token = response.headers["set-cookie"].removeprefix(f"{NAME}=").partition(";")[0]
                        answer.access_token = json.loads(said)["access_token"]
                    return answer
                again_after = float(response.headers["retry-after"])
            await asyncio.sleep(again_after + random.random())
        raise AssertionError("unreachable")

    async def refresh(self, gateway: str, refresh_token: str) -> Answer:
        return await self.ask("POST", f"{gateway}{SESSIONS}/refresh", {"cookie": f"{NAME}={refresh_token}"})


@dataclass
class Steady:
    """Somebody who asks now and then, and refreshes when half of the token's life is over."""

    user_id: int
    refresh_token: str
    access_token: str = ""
    renew_at: float = 0.0

    async def go_on(
        self, client: Client, tally: Tally, gateway: str, *, half_life: float, pause: float, until: Callable[[], bool]
    ) -> None:
        urls = itertools.cycle((f"{gateway}{ORDERS}", f"{gateway}/api/v1/identity/users/{self.user_id}"))
        while not until():
            if time.monotonic() >= self.renew_at:
                answer = tally.count("refresh", await client.refresh(gateway, self.refresh_token))
                if answer.status == 200:
                    self.access_token, self.refresh_token = answer.access_token, answer.refresh_token
                self.renew_at = time.monotonic() + half_life
            tally.count("valid", await client.ask("GET", next(urls), bearer(self.access_token)))
            await asyncio.sleep(pause)


class Attackers:
    """They try whatever they have got hold of, at the gateway and past it."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self.loot: list[tuple[str, Mapping[str, str]]] = []
        """What is wrong with a token, and the header with it."""
        self.refresh_tokens: list[str] = []

    async def go_on(self, client: Client, tally: Tally, gateway: str, *, pause: float, until: Callable[[], bool]) -> None:
        while not until():
            if self.refresh_tokens and random.random() < 0.2:
                tally.count("bad refresh", await client.refresh(gateway, random.choice(self.refresh_tokens)))
            else:
                wrong, headers = random.choice(self.loot)
                tally.count(wrong, await client.ask("GET", random.choice(self._urls), headers))
            await asyncio.sleep(pause)
