"""A platform on this machine, as the tuner and the verbs see it: a client of its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from scaleproof.runtime import guardian
from scaleproof.runtime.budget import budget_of, check_budget
from scaleproof.runtime.control import ControlClient, error_of
from scaleproof.runtime.free_ports import check_gateway_port
from scaleproof.runtime.machine import available_cores, image_digest, machine_digest
from scaleproof.runtime.orders import Orders
from scaleproof.runtime.process import tail
from scaleproof.runtime.processes import carrying
from scaleproof.runtime.recorder import COLUMNS
from scaleproof.runtime.span_file import read_span_file
from scaleproof.runtime.state_folder import MARKER, StateFolder
from scaleproof.simulator.calibration import Stamp
from scaleproof.spec.database_roles import check_names
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.spans import span_table
from scaleproof.telemetry.tables import TABLES
from scaleproof.tuner.ports import Observations, Progress, ServiceState

UP_SECONDS: Final = 15.0
"""What a start usually takes."""
LONGEST_UP_SECONDS: Final = 420.0
POLL_SECONDS: Final = 0.2
STOP_SECONDS: Final = 30.0
OBSERVE_SECONDS: Final = 120.0
PREPARE_SECONDS: Final = 310.0
"""A moment longer than the supervisor lets a command run."""


class LocalPlatform:
    """A running platform (`tuner.ports.TargetPlatform`). Every call raises CannotMeasureError where the supervisor is gone."""

    name = "local"

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._control = ControlClient(folder)
        document = self._control.ask("orders")
        self.project = Path(document["project"])
        self.stack: str = document["stack"]
        self.platform = Platform.model_validate(document["platform"])
        self.gateway_url: str = self.status()["gateway_url"]

    @property
    def policy(self) -> Policy:
        """The running policy."""
        return Policy.model_validate(self._control.ask("orders")["policy"])

    def stamp(self) -> Stamp:
        """This machine, the services' code and versions, and the limits that are enforced now."""
        kind = self.status()["cpu_limit"]
        return Stamp(
            machine=machine_digest(),
            target=self.name,
            image=image_digest(self.project, self.platform),
            limits={
                name: f"{service.resources.limits.cpu}/{service.resources.limits.memory} by {kind}"
                for name, service in self.policy.services.items()
            },
            measured_at=time.time(),
        )

    def apply(self, policy: Policy) -> None:
        """Make this the running policy. Returns when every replica has its resources and is ready.

        Raises BadInputError where it does not fit the machine; nothing is changed then.
        """
        self._control.ask("apply", {"policy": policy.model_dump(mode="json", by_alias=True, exclude_none=True)})
        replaced = sum(max(service.autoscaling.max_replicas, 1) for service in policy.services.values())
        self._wait("the policy's resources", self._patience(replaced), lambda service: bool(service["renewed"]))

    def hold(self, replicas: Mapping[str, int]) -> None:
        """Suspend the autoscaler for these services and wait until exactly so many replicas are ready, none draining."""
        self._control.ask("hold", {"replicas": dict(replicas)})
        self._wait("the held replicas", self._patience(1), lambda service: bool(service["settled"]), set(replicas))

    def release(self) -> None:
        """The autoscaler decides again, without memory."""
        self._control.ask("release")

    def settle(self, timeout_seconds: float) -> None:
        """Wait until every service is at minReplicas, all ready, none draining. Raises CannotMeasureError after the time."""
        self._wait(
            "the steady count",
            timeout_seconds,
            lambda service: bool(service["settled"]) and service["desired"] == service["min"],
        )

    def states(self) -> Mapping[str, ServiceState]:
        """Every service now."""
        services = self.status()["services"]
        return {
            name: ServiceState(desired=service["desired"], ready=service["ready"], total=service["total"])
            for name, service in services.items()
        }

    def observe(self, start: float, end: float) -> Observations:
        """What the platform saw between two Unix times; the generator's columns are absent."""
        columns = self._control.ask("observe", {"start": start, "end": end}, timeout_seconds=OBSERVE_SECONDS)
        spans = span_table(read_span_file(self._folder.run, start, end), start)
        return Observations(tables={**{name: _frame(name, columns[name]) for name in COLUMNS}, "spans": spans})

    def prepare(self, users: int, output: Path) -> None:
        """Run `load.prepare` for so many users; what it prints is written to that new file, which only its owner may read.

        Raises CannotMeasureError with the command's last lines where it fails.
        """
        self._control.ask("prepare", {"users": users, "output": str(output)}, timeout_seconds=PREPARE_SECONDS)

    def status(self) -> dict[str, Any]:
        """What the supervisor says of services, replicas, components and the last decisions."""
        answer: dict[str, Any] = self._control.ask("status")
        return answer

    def _patience(self, replacements: int) -> float:
        slowest = max(service.start_timeout_seconds + service.drain_seconds + 5 for service in self.platform.services.values())
        return slowest * max(replacements, 1)

    def _wait(
        self, what: str, seconds: float, reached: Callable[[Mapping[str, Any]], bool], services: set[str] | None = None
    ) -> None:
        deadline = time.monotonic() + seconds
        while True:
            states = self.status()["services"]
            lacking = [name for name, state in states.items() if (services is None or name in services) and not reached(state)]
            if not lacking:
                return
            if time.monotonic() > deadline:
                now = ", ".join(f"{name} {states[name]['ready']} ready of {states[name]['desired']} wanted" for name in lacking)
                raise CannotMeasureError(
                    f"{what} was not reached within {seconds:.0f} s: {now}", hint=f"see `scaleproof logs {lacking[0]}`"
                )
            time.sleep(POLL_SECONDS)


def up(
    platform_file: Path,
    platform: Platform,
    policy: Policy,
    stack: str,
    *,
    owner_pid: int | None,
    progress: Progress,
    seed: int = 0,
) -> LocalPlatform:
    """Start the platform and wait until every service is ready at its minReplicas.

    With `owner_pid` it ends when that process ends. Raises BadInputError where the policy does not fit the machine, a port is taken
    or a platform runs already, CannotMeasureError where something does not start; then, and on Ctrl-C, nothing is left.
    """
    folder = StateFolder.of(platform_file.absolute().parent, stack)
    without = sorted(name for name, service in platform.services.items() if service.command is None)
    if without:
        raise BadInputError(f"{platform_file}: services.{without[0]}.command: missing; --target local starts replicas by it")
    if folder.is_running:
        raise BadInputError(
            f"a platform of stack {stack!r} runs already", hint="`scaleproof down` first, or use another --stack"
        )
    cores = available_cores()
    check_budget(budget_of(platform, policy, cores))
    check_gateway_port(platform.gateway.port)
    if platform.postgres is not None:
        check_names(platform.database_services)
    _clean(folder)
    folder.make()
    orders = Orders(
        token=os.urandom(12).hex(),
        project=platform_file.absolute().parent,
        stack=stack,
        platform=platform,
        policy=policy,
        cores=cores,
        starter_pid=os.getpid(),
        owner_pid=owner_pid,
        seed=seed,
    )
    orders.write(folder)
    progress.stage(f"starting platform {platform.name} ({stack})", UP_SECONDS)
    supervisor = _start_guardian(folder, orders.token)
    try:
        _wait_until_up(folder, supervisor, progress)
        return LocalPlatform(folder)
    except BaseException:
        down(folder.root)
        raise


def connect(stack_folder: Path) -> LocalPlatform:
    """The platform that runs in `.scaleproof/<stack>`. Raises CannotMeasureError where none does."""
    return LocalPlatform(StateFolder(stack_folder.absolute()))


def status(stack_folder: Path) -> dict[str, Any] | None:
    """What the supervisor says (see `LocalPlatform.status`); None where no platform runs."""
    folder = StateFolder(stack_folder.absolute())
    if not folder.is_running:
        return None
    answer: dict[str, Any] = ControlClient(folder).ask("status")
    return answer


def logs(stack_folder: Path, component: str | None = None, lines: int = 50) -> dict[str, list[str]]:
    """The last log lines by component (`envoy`, `orders-1`, …). A service's name means all of its replicas and its setup.

    Also of a platform that has ended. Raises BadInputError where there is no such component.
    """
    folder = StateFolder(stack_folder.absolute())
    files = sorted(folder.logs.glob("*.log"), key=lambda file: file.stat().st_mtime)
    names = [file.stem for file in files]
    wanted = [
        file for file in files if component is None or file.stem == component or file.stem.rpartition("-")[0] == component
    ]
    if not wanted:
        raise BadInputError(
            f"no logs of {component!r}" if component else f"no logs in {folder.logs}",
            hint=f"there are: {', '.join(sorted(names))}" if names else "start a platform with `scaleproof up`",
        )
    return {file.stem: tail(file, lines) for file in wanted}


def down(stack_folder: Path) -> bool:
    """Stop the platform and remove what it left, also after a crash. Returns whether one was running; twice is fine."""
    folder = StateFolder(stack_folder.absolute())
    was_running = folder.is_running
    if was_running:
        try:
            ControlClient(folder).ask("stop", timeout_seconds=5)
        except CannotMeasureError:
            _signal_supervisor(folder, signal.SIGTERM)
        if not _ended_within(folder, STOP_SECONDS):
            _signal_supervisor(folder, signal.SIGKILL)
            _ended_within(folder, 5)
    _clean(folder)
    return was_running


def _start_guardian(folder: StateFolder, token: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-I", "-S", guardian.__file__, str(folder.run), str(folder.lock)]
    program += [sys.executable, "-m", "scaleproof.runtime.daemon", str(folder.root)]
    with (folder.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own interpreter
            program,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, MARKER: token},
            cwd=folder.root,
        )


def _wait_until_up(folder: StateFolder, supervisor: subprocess.Popen[bytes], progress: Progress) -> None:
    control, start = ControlClient(folder), time.monotonic()
    while True:
        code = supervisor.poll()
        if code is not None:
            raise _why_not_up(folder, code)
        elapsed = time.monotonic() - start
        if elapsed > LONGEST_UP_SECONDS:
            raise CannotMeasureError(f"the platform is not up after {elapsed:.0f} s", hint="see `scaleproof logs`")
        try:
            state = control.ask("status", timeout_seconds=5)
        except CannotMeasureError:
            state = {"up": False, "services": {}}
        if state["up"]:
            control.ask("adopt")
            return
        waiting = ", ".join(f"{name} {service['ready']}/{service['desired']}" for name, service in state["services"].items())
        progress.advance(elapsed, waiting or "gateway and datastores")
        time.sleep(POLL_SECONDS)


def _why_not_up(folder: StateFolder, code: int) -> Exception:
    document = folder.read(folder.failure.name)
    if document is not None:
        return error_of(document)
    if code == guardian.LOCK_TAKEN:
        return BadInputError("another `scaleproof up` is starting this stack", hint="wait for it, or use another --stack")
    lines = "\n".join(tail(folder.logs / "supervisor.log", 8))
    return CannotMeasureError(f"the supervisor ended with exit code {code}:\n{lines}", hint="see `scaleproof logs supervisor`")


def _signal_supervisor(folder: StateFolder, number: int) -> None:
    """To the daemon, known by its environment and program; the guardian then kills what is below it."""
    orders = folder.read("orders.json")
    for pid in carrying(f"{MARKER}={orders['token']}") if orders else []:
        try:
            if b"scaleproof.runtime.daemon" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                os.kill(pid, number)
        except (OSError, ProcessLookupError):
            continue


def _ended_within(folder: StateFolder, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while folder.is_running:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _clean(folder: StateFolder) -> None:
    """Remove what a platform left that could not do so itself: processes by their marker, cgroups, files."""
    orders = folder.read("orders.json")
    if orders:
        for _ in range(100):
            left = carrying(f"{MARKER}={orders['token']}")
            if not left:
                break
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            time.sleep(0.02)
    guardian.remove_cgroups(folder.run)
    folder.remove_run()


def _frame(name: str, columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    schema = pa.schema([field for field in TABLES[name] if field.name in columns])
    frame: pd.DataFrame = pa.Table.from_pydict(dict(columns), schema=schema).to_pandas()
    return frame
