"""A server or helper that must always run: started again after every end, with the same back-off as replicas."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

from scaleproof.runtime.backoff import BackOff
from scaleproof.runtime.process import Process, tail
from scaleproof.runtime.processes import CpuMeter
from scaleproof.runtime.recorder import Recorder
from scaleproof.spec.errors import CannotMeasureError

PROBE_SECONDS = 0.05
LONGEST_START_SECONDS = 30.0


class Component:
    """Envoy, Redis, PostgreSQL or the autoscaler."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Process],
        is_ready: Callable[[], Awaitable[bool]],
        recorder: Recorder,
        *,
        stop_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.process: Process | None = None
        self.meter: CpuMeter | None = None
        self.restarts = 0
        self.ready = asyncio.Event()
        self._start = start
        self._is_ready = is_ready
        self._recorder = recorder
        self._stop_signal = stop_signal
        self._keeper: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start it and keep it running."""
        self._keeper = asyncio.create_task(self._keep(), name=self.name)

    async def wait_ready(self) -> None:
        """Until it is ready. Raises CannotMeasureError with its last log lines where it ends first or takes too long."""
        deadline = time.monotonic() + LONGEST_START_SECONDS
        while not self.ready.is_set():
            await asyncio.sleep(PROBE_SECONDS)
            if self.restarts >= 2 or time.monotonic() > deadline or (self._keeper is not None and self._keeper.done()):  # noqa: PLR2004  one crash may be chance
                lines = "\n".join(tail(self.process.log, 8)) if self.process is not None else ""
                raise CannotMeasureError(f"{self.name} does not start:\n{lines}", hint=f"see `scaleproof logs {self.name}`")

    async def stop(self, grace_seconds: float) -> None:
        """End it for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self.process is not None:
            await self.process.stop(grace_seconds, self._stop_signal)

    async def _keep(self) -> None:
        backoff = BackOff()
        while True:
            born = time.monotonic()
            self.process = self._start()
            self.meter = CpuMeter(self.process.pid)
            while self.process.running and not await self._is_ready():  # noqa: ASYNC110  another program's state
                await asyncio.sleep(PROBE_SECONDS)
            if self.process.running:
                self.ready.set()
                self._recorder.event("ready", self.name, "", f"after {time.monotonic() - born:.2f} s")
            code = await self.process.wait()
            self.ready.clear()
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            self._recorder.event("crashed", self.name, "", how)
            self.process.signal_group(signal.SIGKILL)
            await asyncio.sleep(backoff.after_crash(time.monotonic() - born))
            self.restarts += 1
            self._recorder.event("restarted", self.name, "", f"restart {self.restarts}")
