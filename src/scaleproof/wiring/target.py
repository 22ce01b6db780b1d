"""What the verbs need of a target: the embedded default (`local`) or a cluster (`kube`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from scaleproof.spec.policy import Policy
    from scaleproof.telemetry.live import Reading
    from scaleproof.tuner.measure import Rig


@dataclass(frozen=True)
class Session:
    """A running platform with its load generator."""

    rig: Rig
    running: Policy
    """The policy in force."""
    budget_millicores: int
    """What all replicas' limits may add up to."""


class Target(Protocol):
    """One target. Every verb returns its exit code."""

    @property
    def name(self) -> str:
        """`local` or `kube`."""

    @property
    def url(self) -> str:
        """Where users reach the platform."""

    @property
    def start_command(self) -> str:
        """What a person types to have it run."""

    def up(self, *, attach: bool) -> int:
        """Start the platform, or make it what the files say."""

    def preview(self, *, refresh: bool) -> int:
        """Show what `up` would change. Exits 1 where anything would."""

    def refresh(self) -> int:
        """Read what runs into the stack's state. Exits 1 where it differed."""

    def status(self, *, as_json: bool) -> int:
        """Print what runs. Exits 1 where nothing does."""

    def logs(self, component: str | None, lines: int) -> int:
        """Print the last log lines."""

    def down(self) -> int:
        """Stop the platform; twice is fine."""

    def watching(self) -> AbstractContextManager[Callable[[float], Reading | None]]:
        """What is there at a Unix time: services, gateway, and the load that is played from here; None where nothing runs.

        Each call raises CannotMeasureError where the target does not answer.
        """

    def session(self, *, start: bool = False, keep: bool = False) -> AbstractContextManager[Session]:
        """The running platform; with `start`, one is started where none runs, and taken down again unless `keep`.

        Raises CannotMeasureError where none runs.
        """
