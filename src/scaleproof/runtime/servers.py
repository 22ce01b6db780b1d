"""Gateway, datastores and autoscaler of a platform: made, started side by side, kept running, stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from scaleproof.runtime.component import Component
from scaleproof.runtime.envoy import DRAIN_PROPAGATION_SECONDS, Endpoint, EnvoyGateway
from scaleproof.runtime.free_ports import FreePorts
from scaleproof.runtime.postgres import PostgresServer
from scaleproof.runtime.private_file import keep_secret
from scaleproof.runtime.process import Process, tail
from scaleproof.runtime.recorder import Recorder
from scaleproof.runtime.redis import RedisServer
from scaleproof.runtime.replica import Surroundings
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.spec.tracing import LOCAL, trace_variables

STOP_SECONDS = 3.0
SETUP_SECONDS = 300.0


class Servers:
    """All processes of a platform that are not replicas. Raises CannotMeasureError where a server is not installed."""

    drain_propagation_seconds = DRAIN_PROPAGATION_SECONDS

    def __init__(
        self,
        folder: StateFolder,
        platform: Platform,
        ports: FreePorts,
        recorder: Recorder,
        environment: Mapping[str, str],
        seed: int,
    ) -> None:
        self._folder = folder
        self._platform = platform
        self._recorder = recorder
        self._environment = environment
        traces = platform.telemetry.traces
        self.traces_endpoint = traces.endpoint if traces is not None else None
        receiver_port = None
        if self.traces_endpoint == LOCAL:
            receiver_port = ports.take()
            self.traces_endpoint = f"http://127.0.0.1:{receiver_port}"
        callees = sorted({callee for service in platform.services.values() for callee in service.calls})
        self.envoy = EnvoyGateway(
            folder.run / "envoy",
            platform,
            platform.gateway.port or ports.take(),
            ports.take(),
            {name: ports.take() for name in callees},
            traces_endpoint=self.traces_endpoint,
        )
        self.redis = RedisServer(folder.run / "redis", ports.take(), platform.redis) if platform.redis else None
        state = platform.state_redis
        self.state_redis = RedisServer(folder.run / "redis-state", ports.take(), state) if state else None
        self.postgres = PostgresServer(folder.run / "postgres", ports.take(), platform.postgres) if platform.postgres else None
        self._role_passwords = {
            name: keep_secret(folder.secrets / f"{name}.database-password")
            for name in (platform.database_services if platform.postgres else [])
        }
        self.gateway = Component("envoy", self._program("envoy", self.envoy.command), _threaded(self.envoy.is_ready), recorder)
        self.datastores: list[Component] = []
        for name, redis in (("redis", self.redis), ("redis-state", self.state_redis)):
            if redis is not None:
                start = self._program(name, redis.command)
                self.datastores.append(Component(name, start, _threaded(redis.is_ready), recorder))
        if (server := self.postgres) is not None:
            start = self._program("postgres", server.command, lambda: server.run_as)
            ready = _threaded(server.is_ready)
            self.datastores.append(Component("postgres", start, ready, recorder, stop_signal=server.stop_signal))
        self.receiver: Component | None = None
        if receiver_port is not None:
            program = [sys.executable, "-m", "scaleproof.runtime.trace_receiver", str(receiver_port), str(folder.run)]
            ready = _threaded(lambda: _answers(f"{self.traces_endpoint}/readyz"))
            self.receiver = Component("traces", self._program("traces", lambda: program), ready, recorder)
        autoscaler = [sys.executable, "-m", "scaleproof.runtime.autoscaler", str(folder.root), str(seed)]
        self.autoscaler = Component("autoscaler", self._program("autoscaler", lambda: autoscaler), _at_once, recorder)

    @property
    def components(self) -> list[Component]:
        """All of them."""
        return [self.gateway, *self.datastores, self.autoscaler, *([self.receiver] if self.receiver is not None else [])]

    def trace_variables(self, service: str) -> dict[str, str]:
        """What that service is told of traces; nothing where there are none."""
        traces = self._platform.telemetry.traces
        if traces is None or self.traces_endpoint is None:
            return {}
        return trace_variables(service, self.traces_endpoint, traces.sampled)

    @property
    def addresses(self) -> dict[str, str]:
        """REDIS_URL, CACHE_REDIS_URL and `<CALLEE>_URL` for replicas and setup commands."""
        found = {f"{name.upper().replace('-', '_')}_URL": self.envoy.internal_url(name) for name in self.envoy.internal_ports}
        if self.redis is not None:
            found["CACHE_REDIS_URL" if self.state_redis is not None else "REDIS_URL"] = self.redis.url
        if self.state_redis is not None:
            found["REDIS_URL"] = self.state_redis.url
        return found

    def database_address(self, service: str) -> dict[str, str]:
        """DATABASE_URL of a service that connects to the database: its own role's."""
        password = self._role_passwords.get(service)
        if self.postgres is None or password is None:
            return {}
        return {"DATABASE_URL": self.postgres.role_url(service, password)}

    async def start(self) -> None:
        """Start all and wait until they are ready. Raises CannotMeasureError with the last log lines of one that is not."""
        await asyncio.gather(
            *(
                asyncio.to_thread(server.prepare)
                for server in (self.envoy, self.redis, self.state_redis, self.postgres)
                if server
            )
        )
        for component in self.components:
            component.begin()
        await asyncio.gather(*(component.wait_ready() for component in self.components))
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.ensure_roles, self._role_passwords)

    async def stop(self) -> None:
        """End all, and remove what PostgreSQL keeps outside the folder."""
        await asyncio.gather(*(component.stop(STOP_SECONDS) for component in self.components))
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.remove)

    def publish(self, endpoints: Mapping[str, Sequence[tuple[int, bool]]]) -> None:
        """Make these (port, draining) the endpoints of each service."""
        self.envoy.update(
            {name: [Endpoint(port, draining=draining) for port, draining in listed] for name, listed in endpoints.items()}
        )

    async def run_once(
        self,
        name: str,
        program: Sequence[str],
        shared: Surroundings,
        environment: Mapping[str, str],
        *,
        output: Path | None = None,
    ) -> None:
        """Run a command to its end. Raises CannotMeasureError with its last lines where it fails or takes too long.

        What it prints goes to `output` where there is one.
        """
        log = self._folder.logs / f"{name}.log"
        process = Process.start(
            program, log=log, environment={**shared.environment, **environment}, folder=shared.folder, output=output
        )
        try:
            code = await asyncio.wait_for(process.wait(), SETUP_SECONDS)
        except TimeoutError:
            code = None
        finally:
            process.signal_group(signal.SIGKILL)
        if code != 0:
            how = f"took longer than {SETUP_SECONDS:g} s" if code is None else f"ended with exit code {code}"
            lines = "\n".join(tail(log, 8))
            raise CannotMeasureError(f"{name}: `{' '.join(program)}` {how}:\n{lines}", hint=f"see `scaleproof logs {name}`")

    def _program(
        self,
        name: str,
        command: Callable[[], list[str]],
        user: Callable[[], tuple[int, int] | None] = lambda: None,
    ) -> Callable[[], Process]:
        def start() -> Process:
            return Process.start(
                command(),
                log=self._folder.logs / f"{name}.log",
                environment=self._environment,
                # Another user may not be allowed into the project.
                folder=self._folder.run if user() is None else Path("/"),
                user=user(),
            )

        return start


def _threaded(ask: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """A question that blocks, asked aside."""

    async def asked() -> bool:
        return await asyncio.to_thread(ask)

    return asked


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310  on loopback, a port of ours
            return True
    except OSError:
        return False


async def _at_once() -> bool:
    return True
