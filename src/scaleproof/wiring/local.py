"""The embedded default: a platform as processes on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.wiring.outcome import show_logs, show_status
from scaleproof.wiring.session import open_progress, uninterrupted, versions
from scaleproof.wiring.target import Session

if TYPE_CHECKING:
    from scaleproof.report.progress import BarProgress, LineProgress
    from scaleproof.runtime.local_platform import LocalPlatform
    from scaleproof.telemetry.live import Reading


def changed_since(started: Platform, now: Platform) -> list[str]:
    """The fields in which a platform differs from the one that was started; not those that a load or a verdict reads anew."""
    then, here = ({**_fields(platform), **_fields_of_services(platform)} for platform in (started, now))
    return sorted(field for field in then.keys() | here.keys() if then.get(field) != here.get(field))


def _fields(platform: Platform) -> dict[str, object]:
    fields = platform.model_dump(exclude={"services", "load", "check", "version"})
    return {**fields, "load.prepare": platform.load.prepare}


def _fields_of_services(platform: Platform) -> dict[str, object]:
    return {f"services.{name}": service.model_dump(exclude={"slo"}) for name, service in platform.services.items()}


@dataclass(frozen=True)
class LocalTarget:
    """`--target local` (`wiring.target.Target`)."""

    folder: Path
    stack: str
    platform: Platform
    policy: Policy
    state: Path
    """`.scaleproof/<stack>`."""

    @property
    def name(self) -> str:
        """As `Target.name`."""
        return "local"

    @property
    def url(self) -> str:
        """As `Target.url`; a platform that runs knows best, for its port may be any free one."""
        from scaleproof.runtime import local_platform

        state = local_platform.status(self.state) or {}
        return str(state.get("gateway_url") or f"http://127.0.0.1:{self.platform.gateway.port}")

    @property
    def start_command(self) -> str:
        """As `Target.start_command`."""
        return f"scaleproof up --stack {self.stack}"

    def up(self, *, attach: bool) -> int:
        """Start the platform; with `attach`, stay until Ctrl-C."""
        from scaleproof.runtime import local_platform

        with open_progress() as progress:
            platform = self._start(progress, owner_pid=os.getpid() if attach else None)
            progress.say(f"up: {platform.gateway_url}")
        if not attach:
            click.echo(f"stop it with: scaleproof down --stack {self.stack}")
            return ExitCode.OK
        click.echo("Ctrl-C takes it down")
        try:
            while local_platform.status(self.state) is not None:
                time.sleep(1)
        finally:
            local_platform.down(self.state)
        raise CannotMeasureError("the platform ended by itself", hint="see `scaleproof logs supervisor`")

    def preview(self, *, refresh: bool) -> int:
        """There is no state that could differ."""
        del refresh
        raise BadInputError(
            "the embedded default has no plan to show", hint="`scaleproof preview --target kube` shows a cluster's"
        )

    def refresh(self) -> int:
        """As `preview`."""
        raise BadInputError(
            "the embedded default has no state to refresh", hint="`scaleproof refresh --target kube` reads a cluster's"
        )

    def status(self, *, as_json: bool) -> int:
        """Print what runs. Exits 1 where nothing does."""
        from scaleproof.runtime import local_platform

        absent = f"no platform of stack {self.stack} runs; start it with: {self.start_command}"
        return show_status(local_platform.status(self.state), as_json=as_json, absent=absent)

    def logs(self, component: str | None, lines: int) -> int:
        """Print the last log lines."""
        from scaleproof.runtime import local_platform

        return show_logs(local_platform.logs(self.state, component, lines))

    def down(self) -> int:
        """Stop the platform."""
        from scaleproof.runtime import local_platform

        was_running = local_platform.down(self.state)
        click.echo(f"stack {self.stack} is down" if was_running else f"stack {self.stack} was not up; nothing is left of it")
        return ExitCode.OK

    @contextmanager
    def watching(self) -> Iterator[Callable[[float], Reading | None]]:
        """As `Target.watching`."""
        from scaleproof.load.live import LoadWatch
        from scaleproof.runtime import local_platform
        from scaleproof.runtime.live import service_readings
        from scaleproof.sources.envoy_stats import fetch_served
        from scaleproof.telemetry.live import Reading

        load = LoadWatch(self.state / "load")
        patterns = {name: name for name in self.platform.services}

        def look(now: float) -> Reading | None:
            state = local_platform.status(self.state)
            if state is None:
                return None
            services = service_readings(state)
            gateway = fetch_served(state["stats_url"], patterns) if services else {}
            return Reading(now, services, gateway, load.read(now))

        yield look

    @contextmanager
    def session(self, *, start: bool = False, keep: bool = False) -> Iterator[Session]:
        """As `Target.session`."""
        from scaleproof.load.local_generator import LocalGenerator
        from scaleproof.runtime import local_platform
        from scaleproof.runtime.machine import machine_facts
        from scaleproof.tuner.measure import Rig

        with open_progress() as progress:
            started = False
            if start and local_platform.status(self.state) is None:
                target = self._start(progress, owner_pid=None if keep else os.getpid())
                started = True
            elif local_platform.status(self.state) is None:
                raise CannotMeasureError(f"no platform of stack {self.stack} runs", hint=f"start it with: {self.start_command}")
            else:
                target = local_platform.connect(self.state)
                if changed := changed_since(target.platform, self.platform):
                    raise BadInputError(
                        f"{self.folder / 'platform.yaml'}: {', '.join(changed)}: changed since the platform was started, which runs as it was",
                        hint=f"`scaleproof down --stack {self.stack}`, then `{self.start_command}`",
                    )
            try:
                rig = Rig(
                    target=target,
                    generator=LocalGenerator(
                        target.gateway_url,
                        self.platform,
                        self.state / "load",
                        prepare=target.prepare if self.platform.load.prepare is not None else None,
                    ),
                    spec=self.platform,
                    stack=self.stack,
                    progress=progress,
                    versions=versions(),
                    machine=machine_facts(),
                )
                yield Session(rig, target.policy, self.budget_millicores())
            finally:
                if started and not keep:
                    with uninterrupted():
                        progress.stage("taking the platform down", 3)
                        local_platform.down(self.state)

    def budget_millicores(self) -> int:
        """What the machine has left for replicas beside generator, gateway and datastores."""
        from scaleproof.runtime.budget import budget_of
        from scaleproof.runtime.machine import available_cores

        return round(budget_of(self.platform, self.policy, available_cores()).available * 1000) + 10

    def _start(self, progress: BarProgress | LineProgress, *, owner_pid: int | None) -> LocalPlatform:
        from scaleproof.runtime.local_platform import up

        return up(self.folder / "platform.yaml", self.platform, self.policy, self.stack, owner_pid=owner_pid, progress=progress)
