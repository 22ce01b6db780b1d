"""The HPA controller of the embedded default: `python -m scaleproof.runtime.autoscaler STATE_FOLDER SEED`.

A process of its own: when it dies, the platform stays as it is, and the next one starts without memory, like a restarted
kube-controller-manager. It decides by `scaleproof.hpa`, every 15 s per service; the first sync's phase is drawn from the seed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from typing import Any

# The controller needs no compiled code; numba would cost half a second and 60 MB.
os.environ.setdefault("SCALEPROOF_INTERPRETED", "1")

from scaleproof.hpa.controller import HorizontalController
from scaleproof.spec.autoscaling import AutoscalingSpec

SYNC_SECONDS = 15.0
RETRY_SECONDS = 1.0


class Autoscaler:
    """A controller a service, and when each is due. Time is an argument."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._epoch = -1
        self._controllers: dict[str, HorizontalController] = {}
        self._specs: dict[str, AutoscalingSpec] = {}
        self._due: dict[str, float] = {}

    def due(self, now: float, state: Mapping[str, Any]) -> list[str]:
        """The services whose sync is due. A new epoch forgets everything; a service seen first waits for its phase."""
        if state["epoch"] != self._epoch:
            self._epoch = state["epoch"]
            self._controllers.clear()
            self._specs.clear()
            self._due.clear()
        for name in state["services"]:
            if name not in self._due:
                phase = random.Random(f"{self._seed}:{self._epoch}:{name}")  # noqa: S311  a phase, not a secret
                self._due[name] = now + phase.uniform(0, SYNC_SECONDS)
        return [name for name in state["services"] if self._due[name] <= now]
