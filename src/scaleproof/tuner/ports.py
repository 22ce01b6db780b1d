"""What the tuner needs of the world. Adapters: runtime/, cluster/, load/; fakes: tests/fakes/. Chosen in wiring/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scaleproof.simulator.calibration import Stamp
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd


class Progress(Protocol):
    """Where long work says what it does. A bar on a terminal, plain lines elsewhere."""

    def stage(self, title: str, seconds: float | None = None) -> None:
        """A new stage begins; it is expected to take that many seconds (None: not known)."""

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        """The stage has lasted that long; `note` is what is happening now."""

    def say(self, line: str) -> None:
        """One line worth keeping."""


@dataclass(frozen=True)
class LoadPlan:
    """One load: who comes when, and what they may do."""

    users: int
    shape: Shape
    seed: int
    think_seconds: tuple[float, float]
    locustfile: Path
    processes: int = 1
    services: frozenset[str] | None = None
    """Only tasks whose first request goes to one of these services; None: all."""
    stop_early: bool = False
    """End once the last tenth of the shape is reached and the platform is at its steady count."""
    tags: tuple[str, ...] = ()
    """Ordinary Locust users: only tasks with one of these tags."""
    exclude_tags: tuple[str, ...] = ()
    """Ordinary Locust users: no task with one of these tags."""


@dataclass(frozen=True)
class Observations:
    """The platform's side of a run: the tables replicas, gateway, host, decisions and events of `telemetry.tables`."""

    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class LoadResult:
    """The generator's side of a run: the tables schedule, requests and host's generator columns."""

    started_at: float
    """Unix seconds of time_s == 0."""
    duration_seconds: float
    tables: Mapping[str, pd.DataFrame]
    """`schedule`, `requests`, and `generator`: time_s, generator_cores, generator_lag_s, generator_memory_bytes."""
    interrupted: bool = False
    closed_loop: bool = False
    """Nothing was drawn in advance: the schedule is what the users did."""


@dataclass(frozen=True)
class ServiceState:
    """One service now."""

    desired: int
    ready: int
    total: int


class TargetPlatform(Protocol):
    """A running platform, whose policy can be changed and whose replicas can be observed."""

    name: str
    """`local` or `kube`."""

    def stamp(self) -> Stamp:
        """What a calibration made here is stamped with."""

    def apply(self, policy: Policy) -> None:
        """Make this the running policy: autoscaling at once, changed resources by replacing replicas without a failed request."""

    def hold(self, replicas: Mapping[str, int]) -> None:
        """Suspend the autoscaler for these services and wait until exactly so many replicas are ready."""

    def release(self) -> None:
        """The autoscaler decides again; forget its past recommendations and scale events."""

    def settle(self, timeout_seconds: float) -> None:
        """Wait until every service is at the count that its policy holds without load (minReplicas) and ready."""

    def states(self) -> Mapping[str, ServiceState]:
        """Every service now."""

    def observe(self, start: float, end: float) -> Observations:
        """Everything seen between two Unix times; time_s counts from `start`."""


class LoadGenerator(Protocol):
    """Sends a plan's requests to a platform."""

    def draw(self, plan: LoadPlan) -> pd.DataFrame:
        """The plan's schedule (telemetry.tables.SCHEDULE): no request is sent. Same seed, same frame."""

    def run(self, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None = None) -> LoadResult:
        """Send it. Raises CannotMeasureError where the generator fails.

        With `plan.stop_early`, the load ends as soon as `steady()` holds within the last tenth of the shape.
        """


class PolicyStore(Protocol):
    """Where the stack's policy is written down. Adapter: `spec.stack_file.StackFile`."""

    def read(self) -> Policy:
        """The policy. The first reading is what `restore` puts back."""

    def preview(self, policy: Policy) -> str:
        """The unified diff that `write` would make; empty where nothing would change."""

    def write(self, policy: Policy) -> str:
        """Write it, whole or not at all. Returns the unified diff; empty where nothing changed."""

    def restore(self) -> None:
        """Put back what was first read."""
