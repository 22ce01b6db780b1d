"""All replicas of one service: as many as wanted, replaced without a failed request when their resources change."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from scaleproof.runtime.replica import Replica, Surroundings
from scaleproof.spec.platform import Service
from scaleproof.spec.policy import ResourceRequirements
from scaleproof.spec.rollout import with_surge

DRAIN_MARGIN_SECONDS = 30.0


class ReplicaSet:
    """Keeps `desired` replicas with the present `resources`. What is to be done is said by `plan`; `reconcile` does it."""

    def __init__(
        self, name: str, service: Service, resources: ResourceRequirements, program: Sequence[str], shared: Surroundings
    ) -> None:
        self.name = name
        self.service = service
        self.resources = resources
        self.desired = 0
        self.replicas: dict[str, Replica] = {}
        self._program = program
        self._shared = shared
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._drains: set[asyncio.Task[None]] = set()
        self._created = 0

    @property
    def alive(self) -> list[Replica]:
        """Not on their way out, oldest first."""
        return [replica for replica in self.replicas.values() if not replica.gone]

    @property
    def ready(self) -> list[Replica]:
        """Those that take requests."""
        return [replica for replica in self.alive if replica.ready]

    @property
    def current(self) -> list[Replica]:
        """Those with the present resources."""
        return [replica for replica in self.alive if replica.resources == self.resources]

    @property
    def settled(self) -> bool:
        """Exactly the desired replicas exist, all ready, none draining."""
        return len(self.replicas) == len(self.ready) == len(self.current) == self.desired

    @property
    def renewed(self) -> bool:
        """No replica has other resources than the present ones, and as many as desired are ready."""
        current = self.current
        return len(self.replicas) == len(current) == len(self.alive) and len(self.ready) >= self.desired

    def scale(self, desired: int) -> None:
        """Want so many."""
        self.desired = desired
        self.reconcile()

    def replace(self, resources: ResourceRequirements) -> None:
        """Want every replica to have these resources."""
        self.resources = resources
        self.reconcile()

    def reconcile(self) -> None:
        """Create and drain what `plan` says. Called after every change and once a second."""
        create, drain = plan(self.alive, self.resources, self.desired)
        for _ in range(create):
            self._create()
        for replica in drain:
            self._drain(replica)

    async def stop(self) -> None:
        """End everything at once: the gateway sends nothing more."""
        tasks = [*self._lives.values(), *self._drains]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(replica.stop(2.0) for replica in self.replicas.values()))
        self.replicas.clear()

    def _create(self) -> None:
        self._created += 1
        replica = Replica(
            f"{self.name}-{self._created}", self.name, self.service, self.resources, self._program, shared=self._shared
        )
        self.replicas[replica.name] = replica
        self._shared.recorder.event("created", self.name, replica.name, "")
        life = asyncio.create_task(replica.live(), name=replica.name)
        life.add_done_callback(self._report_failure)
        self._lives[replica.name] = life

    def _drain(self, replica: Replica) -> None:
        replica.begin_drain()
        task = asyncio.create_task(self._end(replica), name=f"{replica.name} drains")
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)
        task.add_done_callback(self._report_failure)

    async def _end(self, replica: Replica) -> None:
        life = self._lives.pop(replica.name)
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life
        try:
            await asyncio.wait_for(replica.drain(), replica.service.drain_seconds + DRAIN_MARGIN_SECONDS)
        finally:
            await replica.stop(0)
            del self.replicas[replica.name]

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        """A replica whose own task fails (no port, no process) stays as it is; that must not go unseen."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._shared.recorder.event("crashed", self.name, task.get_name(), f"internal: {error!r}")
            sys.stderr.write(f"{task.get_name()}: {error!r}\n")


def plan(alive: Sequence[Replica], resources: ResourceRequirements, desired: int) -> tuple[int, list[Replica]]:
    """How many replicas to create, and which to drain. Pure.

    As the Deployment and ReplicaSet controllers do: a rolling update with 25 % surge and none unavailable; on the way down those
    that are not ready go first, then the youngest.
    """
    current = [replica for replica in alive if replica.resources == resources]
    outdated = [replica for replica in alive if replica.resources != resources]
    limit = with_surge(desired) if outdated else desired
    create = max(min(desired - len(current), limit - len(alive)), 0)
    surplus = len(alive) - desired
    ready_surplus = sum(replica.ready for replica in alive) - desired
    drain: list[Replica] = []
    youngest_first = sorted(alive, key=lambda replica: replica.created_at, reverse=True)
    for replica in sorted(youngest_first, key=lambda replica: (replica.resources == resources, replica.ready)):
        is_current = replica.resources == resources
        if surplus <= 0 or (is_current and len(current) - sum(r in current for r in drain) <= desired):
            continue
        if replica.ready:
            if ready_surplus <= 0:
                continue
            ready_surplus -= 1
        surplus -= 1
        drain.append(replica)
    return create, drain
