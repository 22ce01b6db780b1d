"""What the control socket's orders do to the platform."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaleproof.runtime.budget import budget_of, check_budget
from scaleproof.runtime.control_server import Handler
from scaleproof.runtime.replica import Replica
from scaleproof.runtime.supervisor import Supervisor
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.policy import Policy


class Handlers:
    """One method an order; documents in, documents out."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def by_order(self) -> Mapping[str, Handler]:
        """The orders by name."""
        return {
            "status": self.status,
            "orders": self.orders,
            "adopt": self.adopt,
            "stop": self.stop,
            "apply": self.apply,
            "hold": self.hold,
            "release": self.release,
            "observe": self.observe,
            "prepare": self.prepare,
            "autoscaling": self.autoscaling,
            "decision": self.decision,
        }

    async def status(self, _: dict[str, Any]) -> Any:
        """Everything that a person or a waiting program wants to know."""
        it = self._supervisor
        if not it.sets and not hasattr(it, "servers"):
            return {"up": False, "pid": os.getpid(), "services": {}, "components": []}
        return {
            "up": it.is_up,
            "pid": os.getpid(),
            "stack": it.orders.stack,
            "gateway_url": it.servers.envoy.url,
            "stats_url": it.servers.envoy.stats_url,
            "metrics_url": it.metrics_port.url,
            "cpu_limit": it.cpu_limit.kind,
            "services": {
                name: {
                    "desired": replicas.desired,
                    "ready": len(replicas.ready),
                    "total": len(replicas.replicas),
                    "settled": replicas.settled,
                    "renewed": replicas.renewed,
                    "held": name in it.held,
                    "min": it.policy.services[name].autoscaling.min_replicas,
                    "max": it.policy.services[name].autoscaling.max_replicas,
                    "request_millicores": it.policy.services[name].resources.requests.cpu_millicores,
                    "replicas": [_replica(replica) for replica in replicas.replicas.values()],
                }
                for name, replicas in it.sets.items()
            },
            "components": [
                {
                    "name": component.name,
                    "ready": component.ready.is_set(),
                    "restarts": component.restarts,
                    "pid": component.process.pid if component.process is not None else None,
                }
                for component in it.servers.components
            ],
            "decisions": {
                row[1]: {
                    "time": row[0],
                    "current": row[2],
                    "desired": row[3],
                    "reason": row[4],
                    "message": row[5],
                    "utilization": _known(row[6]),
                    "target": _known(row[7]),
                }
                for row in it.recorder.last("decisions", 50)
            },
        }

    async def orders(self, _: dict[str, Any]) -> Any:
        """The project, the spec and the running policy."""
        it = self._supervisor
        return {
            "project": str(it.orders.project),
            "stack": it.orders.stack,
            "platform": it.platform.model_dump(mode="json", by_alias=True, exclude_none=True),
            "policy": it.policy.model_dump(mode="json", by_alias=True, exclude_none=True),
        }

    async def adopt(self, _: dict[str, Any]) -> Any:
        """`up` is content: the platform no longer ends with it."""
        self._supervisor.adopted = True
        return {}

    async def stop(self, _: dict[str, Any]) -> Any:
        """End the platform."""
        self._supervisor.ending.set()
        return {}

    async def apply(self, document: dict[str, Any]) -> Any:
        """Make that the running policy."""
        it = self._must_be_up()
        policy = Policy.model_validate(document["policy"])
        if set(policy.services) != set(it.sets):
            raise BadInputError(
                f"a policy for {', '.join(sorted(policy.services))}, but the platform runs {', '.join(sorted(it.sets))}"
            )
        check_budget(budget_of(it.platform, policy, it.orders.cores))
        it.policy = policy
        it.recorder.event("policy_applied", "autoscaler", "", "")
        for name, replicas in it.sets.items():
            service = policy.services[name]
            replicas.replace(service.resources)
            if name not in it.held:
                bounds = service.autoscaling
                replicas.scale(min(max(replicas.desired, bounds.min_replicas), bounds.max_replicas))
        return {}

    async def hold(self, document: dict[str, Any]) -> Any:
        """Suspend the autoscaler for these services and want so many replicas of each."""
        it = self._must_be_up()
        wanted = {str(name): int(count) for name, count in document["replicas"].items()}
        unknown = sorted(set(wanted) - set(it.sets))
        if unknown or any(count < 0 for count in wanted.values()):
            raise BadInputError(
                f"cannot hold {wanted}: expected services of this platform ({', '.join(sorted(it.sets))}) and numbers of replicas"
            )
        present = {name: replicas.desired for name, replicas in it.sets.items()}
        check_budget(budget_of(it.platform, it.policy, it.orders.cores, present | wanted))
        it.held |= wanted
        for name, count in wanted.items():
            it.sets[name].scale(count)
        return {}

    async def release(self, _: dict[str, Any]) -> Any:
        """The autoscaler decides again, as if it had just been made."""
        it = self._must_be_up()
        it.held.clear()
        it.epoch += 1
        return {}

    async def observe(self, document: dict[str, Any]) -> Any:
        """Columns of the run tables between two Unix times."""
        return self._must_be_up().recorder.between(float(document["start"]), float(document["end"]))

    async def prepare(self, document: dict[str, Any]) -> Any:
        """Run the command before a load; it prints to a new file."""
        await self._must_be_up().prepare_load(int(document["users"]), Path(document["output"]))
        return {}

    async def autoscaling(self, _: dict[str, Any]) -> Any:
        """What the autoscaler needs for a sync: specs, pods and their samples."""
        it = self._supervisor
        samples = it.observer.metrics.samples() if it.is_up else {}
        return {
            "epoch": it.epoch,
            "services": {
                name: {
                    "autoscaling": it.policy.services[name].autoscaling.model_dump(
                        mode="json", by_alias=True, exclude_none=True
                    ),
                    "replicas": replicas.desired,
                    "pods": [
                        _pod(replica) | {"sample": _sample(samples.get(replica.name))} for replica in replicas.replicas.values()
                    ],
                }
                for name, replicas in it.sets.items()
                if it.is_up and name not in it.held
            },
        }

    async def decision(self, document: dict[str, Any]) -> Any:
        """Record what the autoscaler decided, and do it."""
        it = self._must_be_up()
        name = document["service"]
        it.recorder.add(
            "decisions",
            (
                document["time"],
                name,
                document["current"],
                document["desired"],
                document["reason"],
                document["message"],
                document["utilization"],
                document["target"],
            ),
        )
        # A hold, release or new policy since the question was asked makes the answer stale.
        if name not in it.held and document["epoch"] == it.epoch and it.sets[name].desired == document["current"]:
            it.sets[name].scale(document["desired"])
        return {}

    def _must_be_up(self) -> Supervisor:
        if not self._supervisor.is_up:
            raise CannotMeasureError("the platform is still starting", hint="wait for `scaleproof up`")
        return self._supervisor


def _known(value: float | None) -> float | None:
    """JSON has no word for NaN."""
    return None if value is None or math.isnan(value) else value


def _replica(replica: Replica) -> dict[str, Any]:
    return {
        "name": replica.name,
        "state": str(replica.state),
        "created_at": replica.created_at,
        "restarts": replica.restarts,
        "port": replica.port,
        "pid": replica.process.pid if replica.process is not None and replica.process.running else None,
        "memory_bytes": replica.memory_bytes,
        "cpu_seconds": replica.cpu_seconds,
    }


def _pod(replica: Replica) -> dict[str, Any]:
    requests = replica.resources.requests
    return {
        "name": replica.name,
        "created_at": replica.created_at,
        "ready": replica.ready,
        "transition_at": replica.transition_at,
        "deleted": replica.gone,
        "requests": {"cpu_millicores": requests.cpu_millicores, "memory_bytes": requests.memory_bytes},
    }


def _sample(sample: Any) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {
        "usage_nanocores": sample.usage_nanocores,
        "memory_bytes": sample.memory_bytes,
        "timestamp": sample.timestamp,
        "window_seconds": sample.window_seconds,
    }
