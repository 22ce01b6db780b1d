"""`scaleproof demo cache`: orders without and with its cache, on real PostgreSQL and Redis.

Reads a second and what they cost; how old an answer is after a write; many who miss at once; Redis killed under load.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import httpx

from benchmarks.process_cpu import cpu_seconds
from demos.figures import p95, table
from demos.program import main
from demos.stage import Data, Replica, Stage
from services.orders.caching import LIST

API = "/api/v1/orders"
REVENUE = f"{API}/revenue/daily?days="
NEWEST = f"{API}?limit=1"
DAYS = (7, 14, 30)
EVERYTHING = "detail,list,revenue,search"
LOADS = ("miss", "unavailable", "refresh")
"""Look-ups that ask PostgreSQL (docs/caching.md)."""
REPLICAS = 2
READERS = 8
CROWD = 100
"""Requests at once to each replica."""
WRITES = 20
MOST_STALE_SECONDS = 1.0
REDIS_SECONDS = 11.0
"""Half of it without Redis: longer than what L1 is believed in without news."""
SETTLE_SECONDS = 0.2
"""For a message between replicas, many times what it takes."""


@dataclass
class Tally:
    """What readers saw. Times are seconds of the monotonic clock."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    ended_at: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def per_second(self) -> float:
        """Reads a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU so far."""

    services: float
    postgres: float
    redis: float


async def read_for(seconds: float, replicas: Sequence[Replica], *, halfway: Callable[[], None] | None = None) -> Tally:
    """Readers that ask for revenue one after another, each answer as soon as the last one is there. `halfway` is called once."""
    tally = Tally()
    begun = time.monotonic()
    end = begun + seconds

    async def reader(number: int, session: aiohttp.ClientSession) -> None:
        source = random.Random(number)  # noqa: S311  questions, not secrets
        url = replicas[number % len(replicas)].url
        while (asked := time.monotonic()) < end:
            try:
                async with session.get(f"{url}{REVENUE}{source.choice(DAYS)}") as response:
                    await response.read()
                    response.raise_for_status()
            except (aiohttp.ClientError, TimeoutError):
                tally.errors += 1
            else:
                now = time.monotonic()
                tally.latencies.append(now - asked)
                tally.ended_at.append(now)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        if halfway is not None:
            asyncio.get_running_loop().call_later(seconds / 2, halfway)
        await asyncio.gather(*(reader(number, session) for number in range(READERS)))
    tally.seconds = time.monotonic() - begun
    return tally


def lookups(replicas: Sequence[Replica], cache: str) -> Counter[str]:
    """Look-ups of all replicas so far, by result."""
    found: Counter[str] = Counter()
    for replica in replicas:
        for line in httpx.get(f"{replica.url}/metrics", timeout=5, trust_env=False).text.splitlines():
            if line.startswith(f'cache_lookups_total{{cache="{cache}"'):
                found[line.split('result="')[1].split('"')[0]] += round(float(line.split()[-1]))
    return found


def loads(counted: Counter[str]) -> int:
    """How often PostgreSQL was asked."""
    return sum(counted[result] for result in LOADS)


@dataclass(frozen=True)
class Platform:
    """The servers, and two replicas of orders of each kind."""

    postgres: Data
    redis: Data
    without: Sequence[Replica]
    cached: Sequence[Replica]

    @classmethod
    def start(cls, stage: Stage, *, orders: int) -> Platform:
        """With so many orders in PostgreSQL; ready."""
        postgres, redis = stage.postgres(), stage.redis()
        environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "CACHE_REDIS_URL": redis.url,
            "ACCESS": "open",
            "MOST_IN_FLIGHT": str(4 * CROWD),  # the crowd is what is to be seen, not that it is refused
        }
        stage.set_up("orders", {**environment, "SAMPLE_ORDERS": str(orders)})

        def kind(name: str, cached: str) -> list[Replica]:
            # A cache of its own: the channel and all keys carry the service's name.
            own = {**environment, "CACHED": cached, "SERVICE": name}
            return [stage.replica("services.orders", own) for _ in range(REPLICAS)]

        platform = cls(postgres, redis, kind("orders-without", "none"), kind("orders-cached", EVERYTHING))
        stage.wait_ready()
        return platform

    def cost(self, replicas: Sequence[Replica]) -> Cost:
        """Now."""
        services = sum(cpu_seconds(replica.part.pid) for replica in replicas)
        return Cost(services, cpu_seconds(self.postgres.part.pid), cpu_seconds(self.redis.part.pid))


def show_reads(platform: Platform, seconds: float) -> bool:
    """Both kinds after one another; whether PostgreSQL was spared."""
    print(f"Revenue by day, {READERS} readers for {seconds:g} s on {REPLICAS} replicas: as fast as answers come")
    rows, shares = [], []
    for name, replicas in (("without a cache", platform.without), ("with it", platform.cached)):
        asyncio.run(read_for(seconds / 5, replicas))  # connections, prepared statements
        before, counted = platform.cost(replicas), lookups(replicas, "revenue")
        tally = asyncio.run(read_for(seconds, replicas))
        after = platform.cost(replicas)
        reads = len(tally.latencies)
        # Where nothing is looked up, each read is a question to PostgreSQL.
        asked = reads if replicas is platform.without else loads(lookups(replicas, "revenue") - counted)
        services, postgres, redis = (
            1000 * (getattr(after, part) - getattr(before, part)) / reads for part in ("services", "postgres", "redis")
        )
        shares.append(asked / reads)
        rows.append(
            [
                name,
                f"{tally.per_second:,.0f}",
                f"{asked:,}",
                f"{services + postgres + redis:.2f} ms",
                f"{postgres:.2f} ms",
                f"{1000 * p95(tally.latencies):.1f} ms",
                str(tally.errors),
            ]
        )
    header = ["", "reads/s", "calls of PostgreSQL", "CPU a read, all servers", "of it PostgreSQL", "p95", "errors"]
    print(table(header, rows))
    return shares[1] < shares[0] / 10


@dataclass
class Staleness:
    """After writes, in seconds; how often the replica that wrote gave an old answer."""

    elsewhere: list[float] = field(default_factory=list)
    old_at_home: int = 0


async def write_and_look(replicas: Sequence[Replica], writes: int) -> Staleness:
    """Place orders at the first replica, and look at the list of the newest at both."""
    found = Staleness()
    home, elsewhere = (replica.url for replica in replicas)
    order = {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}]}

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

        async def newest(url: str) -> int:
            async with session.get(url + NEWEST) as response:
                return int((await response.json())["orders"][0]["id"])

        for _ in range(writes):
            await asyncio.gather(newest(home), newest(elsewhere))  # both have the list now
            async with session.post(home + API, json=order) as response:
                response.raise_for_status()
                placed = int((await response.json())["id"])
            written = time.monotonic()
            found.old_at_home += await newest(home) < placed
            while await newest(elsewhere) < placed:
                if time.monotonic() - written > LIST.fresh_seconds:
                    break
            found.elsewhere.append(time.monotonic() - written)
    return found


def show_staleness(platform: Platform, writes: int) -> bool:
    """Whether answers are new soon enough."""
    found = asyncio.run(write_and_look(platform.cached, writes))
    worst = max(found.elsewhere)
    print(f"\n{writes} orders placed at one replica; the list of the newest orders, which both had cached")
    print(f"  without invalidation it may be old for {LIST.fresh_seconds:g} s, its life")
    print(f"  at the replica that wrote: {found.old_at_home} old answers")
    print(
        f"  at the other one it is new after {1000 * sorted(found.elsewhere)[writes // 2]:.1f} ms (median), {1000 * worst:.1f} ms at most"
    )
    return found.old_at_home == 0 and worst < MOST_STALE_SECONDS


async def crowd(replicas: Sequence[Replica]) -> int:
    """Invalidate the list, then ask for it from everywhere at once; how many were answered."""
    order = {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}]}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def ask(url: str) -> int:
            async with session.get(url + NEWEST) as response:
                await response.read()
                return response.status

        async with session.post(replicas[0].url + API, json=order) as response:
            response.raise_for_status()
        await asyncio.sleep(SETTLE_SECONDS)
        statuses = await asyncio.gather(*(ask(replica.url) for replica in replicas for _ in range(CROWD)))
    return statuses.count(httpx.codes.OK)


def show_crowd(platform: Platform) -> bool:
    """Whether many who miss at once are one question."""
    before = lookups(platform.cached, "list")
    answered = asyncio.run(crowd(platform.cached))
    asked = loads(lookups(platform.cached, "list") - before)
    print(f"\n{REPLICAS * CROWD} requests at the same moment for what was just invalidated, over {REPLICAS} replicas")
    print(f"  without a cache {REPLICAS * CROWD} questions to PostgreSQL, with it {asked}; {answered} answered")
    return asked == 1 and answered == REPLICAS * CROWD


def show_redis_killed(platform: Platform, seconds: float) -> bool:
    """Whether nobody notices but the metrics."""
    killed_at: list[float] = []

    def kill() -> None:
        platform.redis.part.kill()
        killed_at.append(time.monotonic())

    before = lookups(platform.cached, "revenue")
    begun = time.monotonic()
    tally = asyncio.run(read_for(seconds, platform.cached, halfway=kill))
    counted = lookups(platform.cached, "revenue") - before
    [moment] = killed_at
    first = sum(ended < moment for ended in tally.ended_at)
    print(f"\nRedis killed (kill -9) in the middle of {seconds:g} s of reading")
    print(
        f"  reads/s before {first / (moment - begun):,.0f}, after {(len(tally.ended_at) - first) / (begun + tally.seconds - moment):,.0f}; "
        f"errors {tally.errors}; look-ups that the metrics call unavailable {counted['unavailable']}"
    )
    return tally.errors == 0 < counted["unavailable"]


def demo(stage: Stage, *, quick: bool) -> bool:
    """All four; whether each is as it should be."""
    seconds, orders = (2.0, 20_000) if quick else (10.0, 100_000)
    platform = Platform.start(stage, orders=orders)
    print(f"{orders:,} orders in PostgreSQL")
    return all(
        [
            show_reads(platform, seconds),
            show_staleness(platform, WRITES),
            show_crowd(platform),
            show_redis_killed(platform, REDIS_SECONDS),
        ]
    )


if __name__ == "__main__":
    main(demo, "The cache: reads a second, calls of PostgreSQL, staleness, a crowd, Redis killed.")
