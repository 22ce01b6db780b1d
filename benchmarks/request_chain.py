"""What everything around an endpoint costs: gateway, token, checks, limits, metrics and errors, beside a bare FastAPI endpoint.

`python benchmarks/request_chain.py [SECONDS]`, on real PostgreSQL, Redis, Envoy and identity; two things are measured:

- **Latency**: reads of one order, through the whole chain and at `benchmarks/bare_orders.py`, which runs the same query, at half the
  rate that the chain answers when it is asked as often as it can answer: client, gateway, service and database share this machine. Poisson arrivals, latency from the intended time; ABBA, so that drift counts for both.
- **Cached reads**: a replica of orders that keeps orders in its cache, tokens verified, is asked for the same hundred over and over. Reads a
  second and core are reads by CPU seconds of the process; beside it FastAPI answering fixed bytes.

Exit code 1 where the chain adds more than 3 ms to p95, or where a core serves fewer than 600 cached reads a second, 3 where a request failed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.process_cpu import cpu_seconds  # noqa: E402  needs the path
from demos.stage import Replica, Routed, Stage, open_stage  # noqa: E402  needs the path
from demos.tokens import Seal, bearer, gateway_jwt  # noqa: E402  needs the path
from services.common.tokens.jwks import JWKS_PATH  # noqa: E402  needs the path

ORDERS = 20_000
PATH = "/api/v1/orders/{}"
WARM_SECONDS = 3.0
CONNECTIONS = 8
SAME = 100
"""Orders that are asked for over and over."""
MOST_ADDED_MS = 3.0
LEAST_CACHED = 600.0
CHUNKS = 20
"""Of a round, for the interval of the difference."""


@dataclass(frozen=True)
class Side:
    """Where requests go, and with what."""

    name: str
    url: str
    headers: Mapping[str, str]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Platform:
    """What runs."""

    chain: Side
    bare: Side
    cached: Replica
    fixed: Replica


def start(stage: Stage) -> Platform:
    """PostgreSQL with orders, Redis, identity, orders without and with cached orders, the bare endpoint and the gateway; ready."""
    postgres, redis = stage.postgres(), stage.redis()
    environment = {
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "KEY_SEAL_FILE": str(Seal.draw(stage).file),
        "MOST_IN_FLIGHT": "200",  # far below it: nothing is shed
    }
    stage.set_up("identity", environment)
    stage.set_up("orders", {**environment, "SAMPLE_ORDERS": str(ORDERS)})
    identity = stage.replica("services.identity", environment)
    identity.part.wait_ready()  # the gateway fetches its keys as it starts
    of_orders = {**environment, "IDENTITY_URL": identity.url}
    orders = stage.replica("services.orders", {**of_orders, "CACHED": "none"})
    cached = stage.replica("services.orders", {**of_orders, "CACHED": "detail", "SERVICE": "orders-cached"})
    fixed = stage.replica("benchmarks.bare_orders", environment)
    jwt = gateway_jwt(jwks_url=identity.url + JWKS_PATH)
    gateway = stage.gateway({"orders": Routed(["/api/v1/orders"], [orders.port])}, jwt=jwt)
    stage.wait_ready()
    made = subprocess.run(
        [sys.executable, "-m", "services.identity.sample_sessions", "--staff", "1"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    headers = bearer(json.loads(made.stdout)["access_token"])
    source = random.Random(3)  # noqa: S311  which orders are read, not secrets
    paths = tuple(PATH.format(source.randrange(ORDERS) + 1) for _ in range(5_000))
    return Platform(
        chain=Side("the whole chain", gateway, headers, paths),
        bare=Side("the bare endpoint", fixed.url, {}, paths),
        cached=cached,
        fixed=fixed,
    )


async def open_loop(side: Side, *, rate: float, seconds: float, seed: int) -> list[float]:
    """Latencies in milliseconds, in order of the intended times. Raises where an answer is an error."""
    source = random.Random(seed)  # noqa: S311  arrivals, not secrets
    arrivals = list(itertools.accumulate(source.expovariate(rate) for _ in range(int(rate * seconds))))
    latencies = [0.0] * len(arrivals)
    begun = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=side.headers) as session:

        async def one(number: int) -> None:
            async with session.get(side.url + side.paths[number % len(side.paths)]) as response:
                await response.read()
                response.raise_for_status()
            latencies[number] = 1000 * (time.monotonic() - begun - arrivals[number])

        async with asyncio.TaskGroup() as group:
            for number, at in enumerate(arrivals):
                await asyncio.sleep(max(begun + at - time.monotonic(), 0))
                group.create_task(one(number))
    return latencies


async def closed_loop(side: Side, *, seconds: float) -> int:
    """Requests answered by then; each connection asks again as soon as it has an answer."""
    answered = 0
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=side.headers) as session:

        async def ask(first: int) -> None:
            nonlocal answered
            number = first
            while time.monotonic() < end:
                async with session.get(side.url + side.paths[number % len(side.paths)]) as response:
                    await response.read()
                    response.raise_for_status()
                answered += 1
                number += CONNECTIONS

        async with asyncio.TaskGroup() as group:
            for first in range(CONNECTIONS):
                group.create_task(ask(first))
    return answered


def per_core(side: Side, replica: Replica, *, seconds: float) -> float:
    """Requests a second that a core of this process serves."""
    asyncio.run(closed_loop(side, seconds=WARM_SECONDS))
    before = cpu_seconds(replica.part.pid)
    answered = asyncio.run(closed_loop(side, seconds=seconds))
    return answered / (cpu_seconds(replica.part.pid) - before)


def p95(latencies: list[float]) -> float:
    """Of a round."""
    return float(np.quantile(latencies, 0.95))


def added(platform: Platform, *, rate: float, seconds: float) -> tuple[float, float, float]:
    """p95 of the chain, of the bare endpoint, and how far the difference moves between halves of the rounds (90 %, bootstrap)."""
    rounds: dict[str, list[list[float]]] = {platform.chain.name: [], platform.bare.name: []}
    for seed, side in enumerate((platform.bare, platform.chain, platform.chain, platform.bare)):
        asyncio.run(open_loop(side, rate=rate, seconds=WARM_SECONDS, seed=99))
        latencies = asyncio.run(open_loop(side, rate=rate, seconds=seconds, seed=seed // 2))
        rounds[side.name] += [list(chunk) for chunk in np.array_split(latencies, CHUNKS)]
        print(
            f"  {side.name:18} p50 {np.median(latencies):5.2f} ms   p95 {p95(latencies):5.2f} ms   {len(latencies)} requests",
            flush=True,
        )
    chain, bare = (p95(list(itertools.chain(*chunks))) for chunks in rounds.values())
    draws = np.random.default_rng(1)
    differences = []
    for _ in range(400):
        drawn = [
            np.concatenate([np.asarray(chunks[i]) for i in draws.integers(0, len(chunks), len(chunks))])
            for chunks in rounds.values()
        ]
        differences.append(float(np.quantile(drawn[0], 0.95) - np.quantile(drawn[1], 0.95)))
    low, high = np.quantile(differences, [0.05, 0.95])
    return chain - bare, float(low), float(high)


def main(seconds: float) -> int:
    """Both parts, with the figures; the exit code."""
    with open_stage() as stage:
        platform = start(stage)
        asyncio.run(closed_loop(platform.chain, seconds=WARM_SECONDS))
        capacity = asyncio.run(closed_loop(platform.chain, seconds=seconds)) / seconds
        print(f"The chain answers at most {capacity:.0f} uncached reads a second on {os.cpu_count()} CPUs.")
        print(f"Reads of one order at {capacity / 2:.0f} requests/s, half of that:")
        difference, low, high = added(platform, rate=capacity / 2, seconds=seconds)
        print(f"  the chain adds {difference:.2f} ms to p95 ({low:.2f} to {high:.2f}); at most {MOST_ADDED_MS:g} ms wanted")
        few = platform.chain.paths[:SAME]
        cached = per_core(Side("cached", platform.cached.url, platform.chain.headers, few), platform.cached, seconds=seconds)
        fixed = per_core(Side("fixed", platform.fixed.url, {}, ("/fixed",)), platform.fixed, seconds=seconds)
        print(
            f"Cached reads: a core of orders serves {cached:.0f} a second, of a bare FastAPI endpoint {fixed:.0f} fixed answers "
            f"({cached / fixed:.0%}); at least {LEAST_CACHED:g} wanted"
        )
    return 0 if difference <= MOST_ADDED_MS and cached >= LEAST_CACHED else 1


if __name__ == "__main__":
    try:
        code = main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
    except* aiohttp.ClientError as refused:
        print(f"not measured, a request failed: {refused.exceptions[0]}; is the machine busy?", file=sys.stderr)
        code = 3
    sys.exit(code)
