"""The process that owns a platform on this machine: gateway, datastores, replicas, CPU limits, autoscaler, observations."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from scaleproof.runtime.budget import budget_of, check_budget
from scaleproof.runtime.cpu_limit import FORCE, CpuLimit, make_cpu_limit, own_cpu_cgroup
from scaleproof.runtime.free_ports import FreePorts, check_gateway_port
from scaleproof.runtime.metrics_history import MetricsHistory
from scaleproof.runtime.metrics_port import VARIABLE, MetricsPort
from scaleproof.runtime.observer import Observer
from scaleproof.runtime.orders import Orders
from scaleproof.runtime.recorder import Recorder
from scaleproof.runtime.replica import PROBE_TIMEOUT_SECONDS, Surroundings, told
from scaleproof.runtime.replica_set import ReplicaSet
from scaleproof.runtime.servers import Servers
from scaleproof.runtime.state_folder import MARKER, StateFolder
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform, Service, filled
from scaleproof.spec.policy import Policy

RECONCILE_SECONDS = 1.0
LOG_CHECK_SECONDS = 10.0


class Supervisor:
    """One platform, from its start to its end."""

    def __init__(self, folder: StateFolder, orders: Orders) -> None:
        self.folder = folder
        self.orders = orders
        self.platform: Platform = orders.platform
        self.policy: Policy = orders.policy
        self.recorder = Recorder()
        self.history = MetricsHistory(time.time())
        self.metrics_port = MetricsPort(self.history)
        self.sets: dict[str, ReplicaSet] = {}
        self.held: dict[str, int] = {}
        self.epoch = 0
        """Grows whenever the autoscaler must forget what it remembers."""
        self.is_up = False
        self.ending = asyncio.Event()
        self.adopted = False
        self.cpu_limit: CpuLimit
        self.servers: Servers
        self.services: Mapping[str, Service]
        """With what each is told alone: the files of its secrets, its own way into the database, what becomes of traces."""
        self._shared: Surroundings
        self.observer: Observer
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the platform inherits: no PostgreSQL of somebody else's, and traces only as the spec says."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "OTEL_"))}
        return inherited | {MARKER: self.orders.token}

    async def run(self) -> None:
        """Start everything, serve until told to end, stop everything. Raises what kept it from starting."""
        check_budget(budget_of(self.platform, self.policy, self.orders.cores))
        check_gateway_port(self.platform.gateway.port)
        self.cpu_limit = make_cpu_limit(
            self.orders.token[:12], self.folder.cgroup_register, force=os.environ.get(FORCE), parent=own_cpu_cgroup()
        )
        probe = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT_SECONDS), connector=aiohttp.TCPConnector(force_close=True)
        )
        try:
            await self._until_ended(self._start(probe))
            await self._until_ended(asyncio.Event().wait())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(replicas.stop() for replicas in self.sets.values()))
            if hasattr(self, "servers"):
                await self.servers.stop()
            await self.metrics_port.stop()
            self.cpu_limit.close()
            await probe.close()

    async def _until_ended(self, work: Any) -> None:
        """Do the work, but no longer than until the platform is told to end."""
        task, ending = asyncio.ensure_future(work), asyncio.create_task(self.ending.wait())
        await asyncio.wait([task, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if self.ending.is_set():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            await task

    async def _start(self, probe: aiohttp.ClientSession) -> None:
        ports = FreePorts()
        await self.metrics_port.start()
        self.servers = Servers(self.folder, self.platform, ports, self.recorder, self.environment, self.orders.seed)
        await self.servers.start()
        self._shared = shared = Surroundings(
            folder=self.orders.project,
            logs=self.folder.logs,
            ports=ports,
            cpu_limit=self.cpu_limit,
            recorder=self.recorder,
            probe=probe,
            environment=self.environment | self.servers.addresses | {VARIABLE: self.metrics_port.url},
            publish=self._publish,
            drain_propagation_seconds=self.servers.drain_propagation_seconds,
        )
        self.services = {
            name: told(
                name,
                service,
                self.folder.secrets,
                {**self.servers.trace_variables(name), **self.servers.database_address(name)},
            )
            for name, service in self.platform.services.items()
        }
        await self._set_up(shared)
        for name, service in self.services.items():
            program = filled(service.command or [], python=sys.executable)
            self.sets[name] = ReplicaSet(name, service, self.policy.services[name].resources, program, shared)
            self.sets[name].scale(self.policy.services[name].autoscaling.min_replicas)
        phase = random.Random(self.orders.seed)  # noqa: S311  a phase, not a secret
        self.observer = Observer(self.sets, self.servers, self.recorder, self.history, self.cpu_limit, phase)
        self._tasks = [
            asyncio.create_task(self.observer.run(probe), name="observer"),
            asyncio.create_task(self._reconcile(), name="reconcile"),
            asyncio.create_task(self._trim_logs(), name="logs"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._end_on_failure)
        await asyncio.gather(*(self._first_ready(replicas) for replicas in self.sets.values()))
        await self._first_keys()
        self.is_up = True

    def _end_on_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            sys.stderr.write(f"{task.get_name()} failed: {error!r}\n")
            self.ending.set()

    async def prepare_load(self, users: int, output: Path) -> None:
        """Run `load.prepare`, which prints to that file. Raises CannotMeasureError with its last lines where it fails."""
        wanted = self.platform.load.prepare
        assert wanted is not None, "only who has one asks"
        program = filled(wanted.command, python=sys.executable, users=str(users))
        own = {**self.services[wanted.service].environment, "SERVICE": wanted.service}
        await self.servers.run_once("load-prepare", program, self._shared, own, output=output)

    async def _set_up(self, shared: Surroundings) -> None:
        """Every service's setup command, side by side. Raises CannotMeasureError with the last lines of one that fails."""
        await asyncio.gather(
            *(
                self.servers.run_once(
                    f"{name}-setup", filled(service.setup, python=sys.executable), shared, service.environment
                )
                for name, service in self.services.items()
                if service.setup
            )
        )

    async def _first_ready(self, replicas: ReplicaSet) -> None:
        deadline = time.monotonic() + replicas.service.start_timeout_seconds
        while not replicas.settled:
            crashed = next((replica for replica in replicas.alive if replica.restarts >= 2), None)  # noqa: PLR2004  one crash may be chance
            if crashed is not None or time.monotonic() > deadline:
                replica = crashed or replicas.alive[0]
                why = (
                    f"crashes ({replica.last_crash})"
                    if crashed
                    else f"is not ready within {replica.service.start_timeout_seconds:g} s"
                )
                raise CannotMeasureError(
                    f"{replica.name} {why}:\n{replica.last_lines(8)}", hint=f"see `scaleproof logs {replicas.name}`"
                )
            await asyncio.sleep(0.05)

    async def _first_keys(self) -> None:
        """Wait for the keys of a service of this platform: Envoy asks for them every second, and before its first replica in vain."""
        jwt = self.platform.gateway.jwt
        if jwt is None or jwt.jwks_service is None:
            return
        seconds = self.services[jwt.jwks_service].start_timeout_seconds
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(self.servers.envoy.has_keys):
            if time.monotonic() > deadline:
                raise CannotMeasureError(
                    f"the gateway got no keys of {jwt.jwks_service} within {seconds:g} s, so it takes nobody's token",
                    hint=f"does {jwt.jwks_service} answer {jwt.jwks_path} with a key set? See `scaleproof logs envoy`",
                )
            await asyncio.sleep(0.05)

    async def _reconcile(self) -> None:
        while True:
            for replicas in self.sets.values():
                replicas.reconcile()
            if not self.cpu_limit.keep_up():
                self.recorder.event("restarted", "cpu-limit", "", "the pausing process had ended")
            await asyncio.sleep(RECONCILE_SECONDS)

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            processes = [replica.process for replicas in self.sets.values() for replica in replicas.replicas.values()]
            for process in [*processes, *(component.process for component in self.servers.components)]:
                if process is not None:
                    process.trim_log()

    def _publish(self) -> None:
        self.servers.publish(
            {
                name: [(replica.port, replica.gone) for replica in replicas.replicas.values() if replica.listed]
                for name, replicas in self.sets.items()
            }
        )
