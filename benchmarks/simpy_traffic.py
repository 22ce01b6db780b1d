"""The traffic simulation as one writes it in SimPy: replicas, metrics-server, autoscaler and traffic are processes.

The same model as `simulator.traffic.kernel` for a CPU metric, with the autoscaler that the embedded default runs
(`hpa.controller`). benchmarks/simulator.py holds both against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import simpy

from scaleproof.hpa.controller import HorizontalController, Pod, Sample
from scaleproof.simulator.traffic.kernel import PERIOD, World
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

# What happens within a second: replicas change at its begin, then scrapes, decisions, requests.
SCRAPES_AFTER: Final = 0.25
DECIDES_AFTER: Final = 0.5
SERVES_AFTER: Final = 0.75

FRESH_CONTAINER_SECONDS: Final = 10.0
LONG_AGO: Final = 1e6

Process = Iterator[simpy.Event]


@dataclass
class Replica:
    """One pod."""

    ordinal: int
    begins: float
    ready_at: float
    warm_at: float
    running: bool = False
    ready: bool = False
    warm: bool = False
    served: float = 0.0
    """Requests since its last scrape."""
    scrapes: int = 0
    sample: Sample | None = None


class TrafficSimulation:
    """One service under one policy; `run` it once, then read `counts` (before each decision), `replica_seconds`, `violated`."""

    def __init__(self, world: World, service: ServiceModel, spec: AutoscalingSpec, initial: int) -> None:
        self.counts: list[int] = []
        self.replica_seconds = 0
        self.violated = 0.0
        self._env = simpy.Environment()
        self._world = world
        self._service = service
        self._controller = HorizontalController(spec)
        self._replicas: list[Replica] = []
        self._ever = 0
        self._scrapes = 0
        rate = min(world.rate_before / initial, service.most_served_per_second)
        for ordinal in range(initial):
            replica = Replica(
                ordinal - initial, -LONG_AGO, -LONG_AGO, -LONG_AGO, running=True, ready=True, warm=True, scrapes=2
            )
            replica.sample = Sample(self._millicores(rate), world.scrape_phase - PERIOD, PERIOD)
            replica.served = rate * (PERIOD - world.scrape_phase)
            self._replicas.append(replica)

    def run(self) -> None:
        """The whole trace."""
        for process in (self._metrics_server(), self._autoscaler(), self._traffic()):
            self._env.process(process)
        self._env.run(until=len(self._world.rates))

    def _replica(self, replica: Replica) -> Process:
        yield from self._wait_until(math.ceil(replica.begins))
        replica.running = True
        yield from self._wait_until(replica.ready_at)
        replica.ready = True
        yield from self._wait_until(replica.warm_at)
        replica.warm = True

    def _wait_until(self, moment: float) -> Process:
        if moment > self._env.now:
            yield self._env.timeout(moment - self._env.now)

    def _metrics_server(self) -> Process:
        yield self._env.timeout(self._world.scrape_phase + SCRAPES_AFTER)
        while True:
            now = math.floor(self._env.now)
            self._scrapes += 1
            for replica in self._replicas:
                age = now - replica.begins
                if age <= 0:
                    continue
                window = 0.0
                if replica.scrapes > 0:
                    window = PERIOD
                elif FRESH_CONTAINER_SECONDS <= age < PERIOD:
                    window = age
                if window:
                    replica.sample = Sample(self._millicores(replica.served / window), now, window)
                replica.scrapes += 1
                replica.served = 0.0
            yield self._env.timeout(PERIOD)

    def _millicores(self, rate: float) -> int:
        noise = self._world.noise[self._scrapes % len(self._world.noise)]
        cores = rate * self._service.cpu_seconds_per_request * noise + self._service.idle_cores
        return math.ceil(math.floor(min(cores, self._service.limit_millicores / 1000) * 1e9 + 1e-3) / 1e6)

    def _autoscaler(self) -> Process:
        yield self._env.timeout(self._world.sync_phase + DECIDES_AFTER)
        while True:
            now = math.floor(self._env.now)
            self.counts.append(len(self._replicas))
            pods = [self._pod(replica) for replica in self._replicas]
            desired = self._controller.reconcile(now, current_replicas=len(pods), pods=pods).desired_replicas
            while len(self._replicas) < desired:
                self._create(now)
            while len(self._replicas) > desired:
                self._replicas.remove(max(self._replicas, key=_removal))
            yield self._env.timeout(PERIOD)

    def _pod(self, replica: Replica) -> Pod:
        return Pod(
            name=f"replica-{replica.ordinal}",
            phase="Running" if replica.running else "Pending",
            start_time=replica.begins if replica.running else None,
            ready=replica.ready,
            ready_since=replica.ready_at if replica.ready else replica.begins,
            requests_milli={"cpu": self._service.request_millicores},
            samples={} if replica.sample is None else {"cpu": replica.sample},
        )

    def _create(self, now: float) -> None:
        waits = self._service.node_seconds if len(self._replicas) >= self._service.node_replicas else 0.0
        begins = now + waits
        ready_at = begins + float(self._world.starts[self._ever % len(self._world.starts)])
        replica = Replica(self._ever, begins, math.ceil(ready_at), math.ceil(ready_at + self._service.warm_up_seconds))
        self._ever += 1
        self._replicas.append(replica)
        self._env.process(self._replica(replica))

    def _traffic(self) -> Process:
        yield self._env.timeout(SERVES_AFTER)
        backlog = 0.0
        for rate in self._world.rates.tolist():
            ready = [replica for replica in self._replicas if replica.ready]
            warming = sum(not replica.warm for replica in ready)
            held = len(ready) - warming + warming / self._service.warm_up_factor
            load = rate + backlog
            served = min(load, held * self._service.most_served_per_second)
            backlog = load - served
            if load > held * self._service.capacity_per_second:
                self.violated += rate
            for replica in ready:
                replica.served += served / len(ready)
            self.replica_seconds += len(self._replicas)
            yield self._env.timeout(1)


def _removal(replica: Replica) -> tuple[Any, ...]:
    """Those not ready first, the latest created; then the one that became ready last."""
    return (not replica.ready, replica.ready_at if replica.ready else 0.0, replica.ordinal)
