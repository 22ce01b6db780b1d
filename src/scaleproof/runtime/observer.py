"""Looks at everything at its own pace: memory four times a second, the run tables each second, metrics-server and history every 15 s."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping

import aiohttp

from scaleproof.runtime.component import Component
from scaleproof.runtime.cpu_limit import CpuLimit
from scaleproof.runtime.envoy import parse_counted, parse_histograms
from scaleproof.runtime.metrics_history import Counted, MetricsHistory, Seen
from scaleproof.runtime.processes import HostMeter
from scaleproof.runtime.recorder import Recorder
from scaleproof.runtime.replica import Replica
from scaleproof.runtime.replica_set import ReplicaSet
from scaleproof.runtime.sampler import METRIC_RESOLUTION_SECONDS, MetricsServer, Reading
from scaleproof.runtime.servers import Servers

TICKS_A_SECOND = 4


class Observer:
    """Fills the recorder, the metrics server and the history."""

    def __init__(
        self,
        sets: Mapping[str, ReplicaSet],
        servers: Servers,
        recorder: Recorder,
        history: MetricsHistory,
        cpu_limit: CpuLimit,
        phase: random.Random,
    ) -> None:
        self.metrics = MetricsServer()
        self._sets = sets
        self._servers = servers
        self._recorder = recorder
        self._history = history
        self._cpu_limit = cpu_limit
        self._phase = phase
        self._host = HostMeter()
        self._cpu: dict[str, float] = {}
        self._throttled: dict[str, float] = {}
        self._last_time = 0.0

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled. Ticks keep to the clock, so that rows are a second apart however long one takes."""
        tick = 1
        self._use(self._servers.components, 1.0)
        self._host.read()
        start = time.monotonic()
        next_scrape = start + self._phase.uniform(0, METRIC_RESOLUTION_SECONDS)
        self._last_time = time.time()
        await asyncio.sleep(1 / TICKS_A_SECOND)
        gateway: asyncio.Task[None] | None = None
        while True:
            for replica in self._replicas():
                replica.measure()
            if tick % TICKS_A_SECOND == 0:
                self._second(time.time())
                if gateway is None or gateway.done():
                    gateway = asyncio.create_task(self._gateway(session))
            if time.monotonic() >= next_scrape:
                next_scrape += METRIC_RESOLUTION_SECONDS
                self.metrics.scrape({replica.name: _reading(replica) for replica in self._replicas() if replica.memory_bytes})
            tick = max(tick + 1, int((time.monotonic() - start) * TICKS_A_SECOND) + 1)
            await asyncio.sleep(max(start + tick / TICKS_A_SECOND - time.monotonic(), 0))

    def _replicas(self) -> list[Replica]:
        return [replica for replicas in self._sets.values() for replica in replicas.replicas.values()]

    def _second(self, now: float) -> None:
        elapsed = max(now - self._last_time, 1e-3)
        self._last_time = now
        cpu, throttled = {}, {}
        for replica in self._replicas():
            cpu[replica.name] = replica.cpu_seconds
            throttled[replica.name] = self._cpu_limit.throttling(replica.name).throttled_seconds
            row = (
                now,
                replica.service_name,
                replica.name,
                str(replica.state),
                (cpu[replica.name] - self._cpu.get(replica.name, 0.0)) / elapsed,
                min(max(throttled[replica.name] - self._throttled.get(replica.name, 0.0), 0.0) / elapsed, 1.0),
                replica.memory_bytes,
            )
            self._recorder.add("replicas", row)
        self._cpu, self._throttled = cpu, throttled
        share = self._host.read()
        gateway_cores, gateway_memory = self._use([self._servers.gateway], elapsed)
        datastores_cores, _ = self._use(self._servers.datastores, elapsed)
        self._recorder.add("host", (now, share.cpu, share.steal, gateway_cores, datastores_cores, gateway_memory))

    def _use(self, components: list[Component], elapsed: float) -> tuple[float, int]:
        """Cores and bytes of some components since the last second."""
        seconds, memory = 0.0, 0
        for component in components:
            if component.meter is not None:
                before = component.meter.seconds
                seconds += component.meter.read() - before
                memory += component.meter.memory_bytes
        return seconds / elapsed, memory

    async def _gateway(self, session: aiohttp.ClientSession) -> None:
        """A gateway that is just being restarted has nothing to say."""
        text, histograms = "", {}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with session.get(self._servers.envoy.stats_url) as answer:
                text = await answer.text()
            histograms = parse_histograms(text)
            self._recorder.histogram(time.time(), histograms)
        if self._history.is_due(now := time.time()):
            counted = parse_counted(text, histograms)
            seen = {
                name: Seen(len(replicas.alive), replicas.desired, counted.get(name, Counted()) if text else None)
                for name, replicas in self._sets.items()
            }
            self._history.record(now, seen)


def _reading(replica: Replica) -> Reading:
    meter = replica.meter
    assert meter is not None
    return Reading(time.time(), replica.started_at, meter.seconds, meter.memory_bytes)
