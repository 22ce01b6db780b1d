"""What the distributed generator needs of its pods: a session in each. Adapters: `pod_exec.py`; fakes in the tests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Message = dict[str, Any]


class PodSession(Protocol):
    """A conversation with `load.pod_part` in one pod. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """The pod's name."""

    def send(self, message: Message) -> None:
        """Say one thing to it. Raises OSError where the session is broken."""

    def receive(self, timeout_seconds: float) -> list[Message]:
        """Whatever it has said since, waiting at most so long for the first. Raises OSError where the session is broken."""

    def errors(self) -> str:
        """What it wrote to standard error, for a message about why it broke."""


@dataclass(frozen=True)
class OpenPods:
    """The generator's pods with a session in each."""

    master: PodSession
    master_host: str
    """The master's address inside the cluster."""
    workers: Sequence[PodSession]
    master_port: int = 5557

    @property
    def all(self) -> tuple[PodSession, ...]:
        """The master first."""
        return (self.master, *self.workers)


class GeneratorPods(Protocol):
    """The pods of one release of charts/locust in the mode `standby`."""

    def open(self) -> AbstractContextManager[OpenPods]:
        """A session in the master and in every worker; all end with the context.

        Raises CannotMeasureError where there are no pods, or one is not ready.
        """
