"""Watching the namespaces of a stack while it comes up: what stands in its way is said as soon as it is sure to stay."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.trouble import Patience, Scene, troubles
from scaleproof.spec.errors import CannotMeasureError

EVERY_SECONDS: Final = 2.0


class StackWatch:
    """To be called often. Raises CannotMeasureError for a trouble that has lasted longer than it may."""

    def __init__(self, api: KubeApi, namespaces: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._clock = clock
        self._patience = Patience()
        self._due = 0.0
        self._begun = clock()

    def __call__(self) -> None:
        """Look, unless it is too soon."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + EVERY_SECONDS
        trouble = self._patience.lasting(self._scene(now))
        if trouble is not None:
            raise CannotMeasureError(trouble.message, hint=trouble.hint)

    def explain(self, error: CannotMeasureError) -> CannotMeasureError:
        """The engine's failure, with what stands in the way now, where that is known."""
        found = troubles(self._scene(self._clock()))
        if not found or found[0].message in error.message:
            return error
        return CannotMeasureError(f"{found[0].message}; {error.message}", hint=found[0].hint)

    def _scene(self, now: float) -> Scene:
        """Events of before are another run's."""
        pods, events = [], []
        for namespace in self._namespaces:
            pods += self._api.items(f"/api/v1/namespaces/{namespace}/pods")
            events += self._api.items(f"/api/v1/namespaces/{namespace}/events")
        return Scene(now, pods, events, since=self._begun)
