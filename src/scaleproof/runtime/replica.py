"""One replica: a process that is started, becomes ready, is restarted after a crash, is drained and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import aiohttp

from scaleproof.runtime.backoff import BackOff
from scaleproof.runtime.cpu_limit import CpuLimit
from scaleproof.runtime.free_ports import FreePorts
from scaleproof.runtime.private_file import keep_secret, new_key
from scaleproof.runtime.process import Process, tail
from scaleproof.runtime.processes import CpuMeter
from scaleproof.runtime.recorder import Recorder
from scaleproof.spec.platform import Service
from scaleproof.spec.policy import ResourceRequirements

START_PROBE_SECONDS = 0.25
"""The kubelet asks every 10 s, which would add up to 10 s to every start; here a start is seen almost at once."""
READY_PROBE_SECONDS = 5.0
UNREADY_PROBE_SECONDS = 0.5
PROBE_TIMEOUT_SECONDS = 1.0
FAILURE_THRESHOLD = 3


class State(StrEnum):
    """As in the run's table `replicas`."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    DRAINING = "draining"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass
class Surroundings:
    """What all replicas of a platform share."""

    folder: Path
    """Where commands run: the folder of platform.yaml."""
    logs: Path
    ports: FreePorts
    cpu_limit: CpuLimit
    recorder: Recorder
    probe: aiohttp.ClientSession
    environment: Mapping[str, str]
    publish: Callable[[], None]
    """The endpoints changed: tell the gateway."""
    drain_propagation_seconds: float
    """How long the gateway takes to act on that."""


@dataclass
class Replica:
    """A replica's state; `live` and `drain` are its life."""

    name: str
    service_name: str
    service: Service
    resources: ResourceRequirements
    program: Sequence[str]
    shared: Surroundings = field(repr=False)
    created_at: float = field(default_factory=time.time)
    state: State = State.STARTING
    port: int = 0
    listed: bool = False
    """Whether the gateway sends it requests (or, while draining, knows it)."""
    transition_at: float = 0.0
    """When `ready` last changed, Unix seconds."""
    started_at: float = 0.0
    """Start of the present process, Unix seconds."""
    restarts: int = 0
    cpu_seconds: float = 0.0
    """Over all its processes."""
    process: Process | None = None
    meter: CpuMeter | None = None
    last_crash: str = ""
    _backoff: BackOff = field(default_factory=BackOff)
    _out_of_memory: bool = False

    def __post_init__(self) -> None:
        self.transition_at = self.created_at

    @property
    def ready(self) -> bool:
        """Whether its readiness path answers."""
        return self.state is State.READY

    @property
    def gone(self) -> bool:
        """Whether it is on its way out."""
        return self.state in {State.DRAINING, State.STOPPED}

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.shared.logs / f"{self.name}.log"

    async def live(self) -> None:
        """Start the process, watch it, start it again when it ends; for ever."""
        while True:
            process = self._start()
            await self._watch(process)
            code = await process.wait()
            self._change(State.FAILED)
            self._after_end(process, code)
            await asyncio.sleep(self._backoff.after_crash(time.time() - self.started_at))
            self.restarts += 1
            self._event("restarted", f"restart {self.restarts}")
            self.state = State.STARTING

    def begin_drain(self) -> None:
        """From now on no new request; the gateway is told."""
        was_listed = self.listed
        self._change(State.DRAINING)
        self.listed = was_listed
        self._event("draining", "")
        self.shared.publish()

    async def drain(self) -> None:
        """No new requests, then SIGTERM, then `drain_seconds`, then SIGKILL."""
        if self.listed:
            await asyncio.sleep(self.shared.drain_propagation_seconds)
            self.listed = False
            self.shared.publish()
            await asyncio.sleep(self.shared.drain_propagation_seconds)
        await self.stop(self.service.drain_seconds)

    async def stop(self, grace_seconds: float) -> None:
        """End its process and give back what it held."""
        if self.process is not None and self.process.running:
            await self.process.stop(grace_seconds)
        self.shared.cpu_limit.ended(self.name)
        self.shared.ports.give_back(self.port)
        if self.state is not State.STOPPED:
            self.listed = False
            self.state = State.STOPPED
            self._event("stopped", "")

    def measure(self) -> None:
        """Read CPU and memory; above its memory limit the process is killed, as the kernel would in a container."""
        if self.process is None or self.meter is None or not self.process.running:
            return
        before = self.meter.seconds
        self.cpu_seconds += self.meter.read() - before
        if self.meter.memory_bytes > self.resources.limits.memory_bytes and not self._out_of_memory:
            self._out_of_memory = True
            used, limit = self.meter.memory_bytes >> 20, self.resources.limits.memory_bytes >> 20
            self._event("oom_killed", f"{used} MiB is above the limit of {limit} MiB")
            self.process.signal_group(signal.SIGKILL)

    @property
    def memory_bytes(self) -> int:
        """Resident memory of its processes at the last measurement."""
        return self.meter.memory_bytes if self.meter is not None and self.process is not None and self.process.running else 0

    def last_lines(self, count: int) -> str:
        """The end of its log."""
        return "\n".join(tail(self.log, count))

    def _start(self) -> Process:
        shared, millicores = self.shared, self.resources.limits.cpu_millicores
        shared.ports.give_back(self.port)
        self.port = shared.ports.take()
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "SERVICE": self.service_name, "REPLICA": self.name}
        self._out_of_memory = False
        self.started_at = time.time()
        self.process = Process.start(
            self.program,
            log=self.log,
            environment={**shared.environment, **self.service.environment, **own},
            folder=shared.folder,
            cgroups=shared.cpu_limit.prepare(self.name, millicores),
        )
        self.meter = CpuMeter(self.process.pid)
        shared.cpu_limit.started(self.name, self.process.pid, millicores)
        return self.process

    async def _watch(self, process: Process) -> None:
        """Ask for readiness until the process ends."""
        failures = 0
        deadline = time.monotonic() + self.service.start_timeout_seconds
        while process.running:
            answered = await self._answers()
            if not process.running:
                return
            failures = 0 if answered else failures + 1
            if answered and self.state in {State.STARTING, State.UNREADY}:
                first = self.state is State.STARTING
                self._change(State.READY)
                self._event("ready", f"after {time.time() - self.started_at:.2f} s" if first else "again")
            elif self.state is State.READY and failures >= FAILURE_THRESHOLD:
                self._change(State.UNREADY)
                self._event("unready", f"{self.service.readiness} failed {failures} times")
            elif self.state is State.STARTING and time.monotonic() > deadline:
                self._event("crashed", f"not ready within {self.service.start_timeout_seconds:g} s")
                process.signal_group(signal.SIGKILL)
            pause = {State.STARTING: START_PROBE_SECONDS, State.READY: READY_PROBE_SECONDS}.get(
                self.state, UNREADY_PROBE_SECONDS
            )
            if self.state is State.READY and failures:
                pause = UNREADY_PROBE_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), pause)

    async def _answers(self) -> bool:
        url = f"http://127.0.0.1:{self.port}{self.service.readiness}"
        try:
            async with self.shared.probe.get(url) as answer:
                return answer.status < 400  # noqa: PLR2004  the kubelet's rule: 200 to 399
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _after_end(self, process: Process, code: int) -> None:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        process.signal_group(signal.SIGKILL)
        self.shared.cpu_limit.ended(self.name)
        self.last_crash = how
        if not self._out_of_memory:
            last = tail(self.log, 1)
            self._event("crashed", f"{how}{': ' + last[0] if last and code > 0 else ''}")

    def _change(self, state: State) -> None:
        if (state is State.READY) != self.ready:
            self.transition_at = time.time()
        self.state = state
        listed = state is State.READY
        if listed != self.listed and state is not State.DRAINING:
            self.listed = listed
            self.shared.publish()

    def _event(self, kind: str, message: str) -> None:
        self.shared.recorder.event(kind, self.service_name, self.name, message)


def told(name: str, service: Service, folder: Path, variables: Mapping[str, str]) -> Service:
    """The service with what it alone is told: variables, unless its own environment says otherwise, and files of its `secrets`.

    Each secret is a private file of the folder, drawn where it is not there yet.
    """
    files = {each: folder / f"{name}.{each}" for each in service.secrets}
    for file in files.values():
        keep_secret(file, new_key)
    named = {f"{each}_FILE": str(file) for each, file in files.items()}
    return service.model_copy(update={"environment": {**variables, **service.environment, **named}})
