"""Which of orders' answers are worth a cache? CPU a request of service, PostgreSQL and Redis together, for each candidate alone and for all.

`python benchmarks/cache.py [SECONDS] [RATE]`: two replicas of orders with a real PostgreSQL (200,000 orders) and a real Redis get the
requests of the journeys' mix before users signed in, at their rate (322 requests/s at 10,000 users), drawn once: every variant gets the same ones at the same
times. A round without any cache stands before and after each variant, and the gain is against the mean of those two. The rate matters:
what ends after a second is found again only if somebody asks within it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from service_processes import DataServer, Replica, free_port  # noqa: E402  needs the path

from benchmarks.order_questions import draw_name  # noqa: E402  needs the path
from benchmarks.process_cpu import cpu_seconds  # noqa: E402  needs the path
from loadtests.journeys import sample  # noqa: E402  needs the path
from scaleproof.runtime.postgres import PostgresServer  # noqa: E402  needs the path
from scaleproof.runtime.redis import RedisServer  # noqa: E402  needs the path
from scaleproof.spec import platform as spec  # noqa: E402  needs the path
from services.orders.setup import setup  # noqa: E402  needs the path

API = "/api/v1/orders"
REPLICAS = 2
WARM_SECONDS = 4.0
VARIANTS = ("revenue", "list", "detail", "search", "detail,list,revenue,search")
NOTHING = "none"


@dataclass(frozen=True)
class Request:
    """One request: when, to which replica, and what."""

    at: float
    replica: int
    path: str
    body: dict[str, object] | None = None


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU a request, and shares of look-ups that were found, by cache."""

    service_ms: float
    postgres_ms: float
    redis_ms: float
    hit_rates: dict[str, float]
    p95_ms: float

    @property
    def total_ms(self) -> float:
        """All together."""
        return self.service_ms + self.postgres_ms + self.redis_ms


def draw_path(source: random.Random) -> tuple[str, dict[str, object] | None]:
    """What users ask of orders, as often as JOURNEYS says."""
    name = draw_name(source)
    if name == "create":
        return API, sample.basket(source, source.randrange(sample.CUSTOMERS) + 1)
    queries = {
        "newest orders": "",
        "of a customer": f"?customer_id={source.randrange(sample.CUSTOMERS) + 1}",
        "detail": f"/{sample.order_id(source)}",
        "by name": f"/search?q={sample.customer_name(source).replace(' ', '%20')}",
        "revenue": f"/revenue/daily?days={source.choice((7, 7, 7, 7, 14, 30))}",
        "to be shipped": "?status=paid",
    }
    return API + queries[name], None


def draw_requests(seconds: float, rate: float) -> list[Request]:
    """Poisson arrivals; replicas are taken in turn, as the gateway does."""
    source = random.Random(6)  # noqa: S311  arrivals, not secrets
    requests: list[Request] = []
    at = 0.0
    while (at := at + source.expovariate(rate)) < seconds:
        path, body = draw_path(source)
        requests.append(Request(at, len(requests) % REPLICAS, path, body))
    return requests


async def send(requests: list[Request], urls: list[str]) -> list[float]:
    """Latencies in seconds, from the intended times. Raises where an answer is an error."""
    latencies: list[float] = []
    start = time.monotonic()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(request: Request) -> None:
            method = "GET" if request.body is None else "POST"
            async with session.request(method, urls[request.replica] + request.path, json=request.body) as response:
                await response.read()
                response.raise_for_status()
            latencies.append(time.monotonic() - start - request.at)

        async with asyncio.TaskGroup() as group:
            for request in requests:
                await asyncio.sleep(max(start + request.at - time.monotonic(), 0))
                group.create_task(one(request))
    return latencies


def read_hit_rates(replicas: list[Replica]) -> dict[str, float]:
    """Found (fresh or stale) over all look-ups, by cache."""
    counted: dict[str, dict[str, float]] = {}
    for replica in replicas:
        for line in replica.client.get("/metrics").text.splitlines():
            if line.startswith("cache_lookups_total{"):
                cache, result = line.split('"')[1::2][:2]
                results = counted.setdefault(cache, {})
                results[result] = results.get(result, 0.0) + float(line.split()[-1])
    return {
        cache: sum(results.get(name, 0.0) for name in ("hit_l1", "hit_l2", "stale"))
        / sum(count for name, count in results.items() if name != "refresh")
        for cache, results in counted.items()
    }


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[list[Replica]]:
    """Replicas of orders."""
    with ExitStack() as stack:
        replicas = [Replica("orders", environment, log) for _ in range(REPLICAS)]
        for replica in replicas:
            stack.callback(replica.stop)
        for replica in replicas:
            replica.wait_ready()
        yield replicas


class Bench:
    """The servers that all variants share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = DataServer(PostgresServer(folder / "postgres", free_port(), spec.Postgres(shared_buffers="128Mi")))
        self._redis = DataServer(RedisServer(folder / "redis", free_port(), spec.Redis(memory="64Mi")))

    def start(self) -> None:
        """With orders in it."""
        self._postgres.start()
        self._redis.start()
        setup(self._postgres.url, today=datetime.now(UTC).date())

    def stop(self) -> None:
        """Both."""
        self._redis.stop()
        self._postgres.stop()

    def measure(self, cached: str, requests: list[Request]) -> Cost:
        """One variant, its first seconds left out: nothing is cached yet, and nothing is prepared."""
        environment = {
            "DATABASE_URL": self._postgres.url,
            "REDIS_URL": self._redis.url,
            "CACHED": cached,
            "MOST_IN_FLIGHT": "200",
            "ACCESS": "open",
        }
        # A cache of its own: the channel and all keys carry the service's name.
        environment["SERVICE"] = f"orders-{cached}-{time.monotonic_ns()}"
        with running(environment, self._folder / "orders.log") as replicas:
            urls = [replica.url for replica in replicas]
            warm = [each for each in requests if each.at < WARM_SECONDS]
            rest = [Request(each.at - WARM_SECONDS, each.replica, each.path, each.body) for each in requests[len(warm) :]]
            asyncio.run(send(warm, urls))
            before = self._read(replicas)
            latencies = sorted(asyncio.run(send(rest, urls)))
            service, postgres, redis = (
                1000 * (after - earlier) / len(rest) for earlier, after in zip(before, self._read(replicas), strict=True)
            )
            return Cost(service, postgres, redis, read_hit_rates(replicas), 1000 * latencies[int(0.95 * len(latencies))])

    def _read(self, replicas: list[Replica]) -> tuple[float, float, float]:
        servers = [server.pid for server in (self._postgres, self._redis)]
        return (sum(cpu_seconds(each.process.pid) for each in replicas), *(cpu_seconds(pid) for pid in servers))  # type: ignore[return-value]


def show(name: str, cost: Cost, beside: float | None = None) -> None:
    """One line."""
    gain = "" if beside is None else f"  capacity {beside / cost.total_ms - 1:+6.1%}"
    hits = "  ".join(f"{cache} {rate:.0%}" for cache, rate in sorted(cost.hit_rates.items()))
    print(
        f"{name:28} {cost.total_ms:.3f} ms = service {cost.service_ms:.3f} + PostgreSQL {cost.postgres_ms:.3f} + Redis "
        f"{cost.redis_ms:.3f}   p95 {cost.p95_ms:5.1f} ms{gain}   found: {hits or '–'}",
        flush=True,
    )


def main(seconds: float, rate: float) -> None:
    """All variants, each between two rounds without any cache."""
    # Not a folder closed to others: PostgreSQL must not run as root.
    folder = Path(tempfile.mkdtemp(prefix="scaleproof-cache-"))
    folder.chmod(0o755)
    bench = Bench(folder)
    try:
        bench.start()
        requests = draw_requests(WARM_SECONDS + seconds, rate)
        print(f"{len(requests)} requests at {rate:.0f}/s, {REPLICAS} replicas, {os.cpu_count()} CPUs")
        before = bench.measure(NOTHING, requests)
        show("no cache", before)
        for variant in VARIANTS:
            cost = bench.measure(variant, requests)
            after = bench.measure(NOTHING, requests)
            show(variant, cost, (before.total_ms + after.total_ms) / 2)
            show("no cache", after)
            before = after
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0, float(sys.argv[2]) if len(sys.argv) > 2 else 322.0)  # noqa: PLR2004
