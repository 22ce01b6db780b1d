"""Four replicas as four processes write and read for a minute, with a real Redis: how old is what readers get?

For 40 s everything works. Then, for 20 s, the news of invalidations is cut off three times for 5 s, silently: connections stay open.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cache_racer import Settings, make_truth
from service_processes import ROOT, DataServer, free_port

from fakes.mute_proxy import MuteProxy
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec

REPLICAS = 4
SECONDS = 60.0
CUTS = ((40.0, 45.0), (47.0, 52.0), (54.0, 59.0))
START_SECONDS = 5.0
"""For four processes to import everything."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[DataServer]:
    running = DataServer(RedisServer(tmp_path / "redis", free_port(), spec.Redis(memory="16Mi")))
    try:
        running.start()
        yield running
    finally:
        running.stop()


async def run_replica(settings: Settings) -> dict:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cache_racer",
        json.dumps(vars(settings)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


@pytest.mark.timeout(120)
def test_a_minute_of_writes_and_reads_on_four_replicas(redis: DataServer, tmp_path: Path):
    truth = make_truth(tmp_path / "truth")

    async def timeline() -> list[dict]:
        async with MuteProxy(redis.server.port) as proxy:
            starts_at = time.monotonic() + START_SECONDS
            racing = asyncio.gather(
                *(
                    run_replica(Settings(redis.url, proxy.url_like(redis.url), truth, number, REPLICAS, starts_at, SECONDS))
                    for number in range(REPLICAS)
                )
            )
            for begin, end in CUTS:
                await asyncio.sleep(starts_at + begin - time.monotonic())
                proxy.mute()
                await asyncio.sleep(starts_at + end - time.monotonic())
                proxy.unmute()
            return await racing

    tallies = asyncio.run(timeline())
    ages = {second: max(tally["oldest_by_second"].get(str(second), 0.0) for tally in tallies) for second in range(int(SECONDS))}
    connected = max(age for second, age in ages.items() if second < CUTS[0][0])
    cut_off = max(age for second, age in ages.items() if second >= CUTS[0][0])
    total = {name: sum(tally[name] for tally in tallies) for name in ("reads", "loads", "writes", "errors")}
    sys.stdout.write(f"{total}; oldest read {connected:.3f} s, with the news cut off {cut_off:.2f} s\n")
    assert total["errors"] == 0
    assert total["reads"] > 20_000
    assert total["writes"] > 1_000
    assert total["loads"] < total["reads"] / 2, "the cache was used"
    assert connected < 1.0
    assert 1.0 < cut_off < 5.0, "it was cut off, and noticed in time"
