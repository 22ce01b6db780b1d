"""The HPA controller of the embedded default: `python -m scaleproof.runtime.autoscaler STATE_FOLDER SEED`.

A process of its own: when it dies, the platform stays as it is, and the next one starts without memory, like a restarted
kube-controller-manager. It decides by `scaleproof.hpa`, every 15 s per service; the first sync's phase is drawn from the seed.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaleproof.hpa.controller import HorizontalController, Pod, Sample
from scaleproof.runtime.control import ControlClient
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import ScaleproofError

SYNC_SECONDS = 15.0
POLL_SECONDS = 1.0
"""How often it looks whether a service has appeared, been held or been released."""


class Autoscaler:
    """A controller a service, and when each is due. Pure: time and the platform's state are arguments."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._epoch: int | None = None
        self._controllers: dict[str, HorizontalController] = {}
        self._due: dict[str, float] = {}

    def sync(self, now: float, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The decisions of all services whose sync is due, as the supervisor's order `decision` takes them.

        A new epoch forgets everything. A service that is held is absent from the state; its rhythm goes on.
        """
        if state["epoch"] != self._epoch:
            self._epoch = state["epoch"]
            self._controllers.clear()
            self._due.clear()
        services = state["services"]
        for name in services:
            if name not in self._due:
                phase = random.Random(f"{self._seed}:{self._epoch}:{name}")  # noqa: S311  a phase, not a secret
                self._due[name] = now + phase.uniform(0, SYNC_SECONDS)
        due_now = [name for name, due in self._due.items() if due <= now]
        for name in due_now:
            while self._due[name] <= now:
                self._due[name] += SYNC_SECONDS
        return [self._decide(now, name, services[name]) for name in due_now if name in services]

    def wait_seconds(self, now: float) -> float:
        """Until the next sync, but no longer than until the next look."""
        return max(min([POLL_SECONDS, *(due - now for due in self._due.values())]), 0.0)

    def _decide(self, now: float, name: str, service: Mapping[str, Any]) -> dict[str, Any]:
        spec = AutoscalingSpec.model_validate(service["autoscaling"])
        controller = self._controllers.get(name)
        if controller is None:
            controller = self._controllers[name] = HorizontalController(spec)
        else:
            controller.apply(spec)
        current = service["replicas"]
        decision = controller.reconcile(now, current_replicas=current, pods=[pod_of(pod) for pod in service["pods"]])
        return {
            "service": name,
            "epoch": self._epoch,
            "time": now,
            "current": current,
            "desired": decision.desired_replicas,
            "reason": decision.reason,
            "message": decision.message,
            "utilization": decision.utilization,
            "target": decision.target,
        }


def pod_of(document: Mapping[str, Any]) -> Pod:
    """The supervisor's pod as the algorithm takes it. `Quantity.MilliValue` rounds nanocores up to millicores."""
    sample, requests = document["sample"], document["requests"]
    samples = {}
    if sample is not None:
        at, window = sample["timestamp"], sample["window_seconds"]
        samples = {
            "cpu": Sample(-(-sample["usage_nanocores"] // 1_000_000), at, window),
            "memory": Sample(sample["memory_bytes"] * 1000, at, window),
        }
    return Pod(
        document["name"],
        start_time=document["created_at"],
        ready=document["ready"],
        ready_since=document["transition_at"],
        deleting=document["deleted"],
        requests_milli={"cpu": requests["cpu_millicores"], "memory": requests["memory_bytes"] * 1000},
        samples=samples,
    )


def main() -> None:
    """Until killed. A supervisor that does not answer is asked again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client = ControlClient(StateFolder(Path(sys.argv[1])))
    autoscaler = Autoscaler(int(sys.argv[2]))
    while True:
        try:
            for decision in autoscaler.sync(time.time(), client.ask("autoscaling")):
                client.ask("decision", decision)
        except ScaleproofError as error:
            sys.stderr.write(f"{error}\n")
            time.sleep(POLL_SECONDS)
        time.sleep(autoscaler.wait_seconds(time.time()))


if __name__ == "__main__":
    main()
