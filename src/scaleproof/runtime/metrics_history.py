"""The last day of a platform, in bounded memory: replicas, requests, errors and latency of each service. Pure: time is an argument."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SLOT_SECONDS: Final = 15
"""As often as the autoscaler decides."""
KEPT_SECONDS: Final = 86_400
MOST_POINTS: Final = 240
"""Of an answer: longer steps for longer periods."""
VERSION: Final = 1
"""Of the document."""


@dataclass(frozen=True)
class Counted:
    """What the gateway has counted of one service since it started."""

    answers: int = 0
    failures: int = 0
    """Answers with a status of 500 or more."""
    buckets: Sequence[tuple[float, int]] = ()
    """(upper bound in seconds, answers at most that slow), cumulative."""


@dataclass(frozen=True)
class Seen:
    """One service at one moment."""

    replicas: int
    """Those that are not on their way out."""
    desired: int
    counted: Counted | None
    """None where the gateway did not tell."""


@dataclass(frozen=True, slots=True)
class _Slot:
    number: int
    replicas: int
    desired: int
    seconds: float
    """How long the following took to come together; 0 where the gateway did not tell."""
    answers: int
    failures: int
    counts: array[int]
    """By bucket, not cumulative."""


@dataclass
class _Service:
    began: float
    """When `counted` was read."""
    counted: Counted = field(default_factory=Counted)
    bounds: tuple[float, ...] = ()
    slots: deque[_Slot] = field(default_factory=lambda: deque(maxlen=KEPT_SECONDS // SLOT_SECONDS))


class MetricsHistory:
    """A slot every 15 s and service: at most 3 MB a service. `began`: when the gateway's counters were at zero."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._last_slot = -1
        self._services: dict[str, _Service] = {}

    def is_due(self, now: float) -> bool:
        """Whether this slot has not been recorded."""
        return int(now // SLOT_SECONDS) > self._last_slot

    def record(self, now: float, seen: Mapping[str, Seen]) -> None:
        """Keep what is seen as the slot of now."""
        self._last_slot = int(now // SLOT_SECONDS)
        for name, each in seen.items():
            service = self._services.setdefault(name, _Service(self._began))
            service.slots.append(_slot(self._last_slot, now, each, service))

    def document(self, now: float, seconds: float) -> dict[str, Any]:
        """The last `seconds` as JSON: times in Unix seconds, and a value a time; null where nothing is known."""
        step_slots = max(1, math.ceil(seconds / SLOT_SECONDS / MOST_POINTS))
        step_seconds = step_slots * SLOT_SECONDS
        last = int(now // step_seconds)
        steps = range(last - math.ceil(seconds / step_seconds) + 1, last + 1)
        return {
            "version": VERSION,
            "step_seconds": step_seconds,
            "times": [step * step_seconds for step in steps],
            "services": {name: _series(service, steps, step_slots) for name, service in self._services.items()},
        }


def _slot(number: int, now: float, seen: Seen, service: _Service) -> _Slot:
    counted, then = seen.counted, service.counted
    if counted is None:
        return _Slot(number, seen.replicas, seen.desired, 0.0, 0, 0, array("I"))
    if counted.answers < then.answers:  # the gateway was started anew
        then = Counted()
    earlier = dict(then.buckets)
    increase = [count - earlier.get(bound, 0) for bound, count in counted.buckets]
    counts = array("I", (max(upto - below, 0) for upto, below in zip(increase, [0, *increase], strict=False)))
    # Settings of the gateway: there are none before the first request, and always the same ones afterwards.
    service.bounds = service.bounds or tuple(bound for bound, _ in counted.buckets)
    seconds = max(now - service.began, 1e-3)
    answers, failures = counted.answers - then.answers, max(counted.failures - then.failures, 0)
    service.began, service.counted = now, counted
    return _Slot(number, seen.replicas, seen.desired, seconds, answers, failures, counts)


def _series(service: _Service, steps: range, step_slots: int) -> dict[str, list[Any]]:
    by_step: dict[int, list[_Slot]] = {step: [] for step in steps}
    for slot in reversed(service.slots):
        step = slot.number // step_slots
        if step < steps.start:
            break
        if step in by_step:
            by_step[step].append(slot)
    points = [_point(slots, service.bounds) for slots in by_step.values()]
    return {name: [point.get(name) for point in points] for name in _EMPTY}


_EMPTY: Final = ("replicas", "desired", "requests_per_second", "error_share", "p95_ms")


def _point(slots: Sequence[_Slot], bounds: Sequence[float]) -> dict[str, float]:
    """One step. Of replicas the most: what lasted shorter than a step is seen too."""
    if not slots:
        return {}
    found: dict[str, float] = {"replicas": max(slot.replicas for slot in slots), "desired": max(slot.desired for slot in slots)}
    seconds, answers = sum(slot.seconds for slot in slots), sum(slot.answers for slot in slots)
    if seconds > 0:
        found["requests_per_second"] = round(answers / seconds, 3)
    if answers > 0:
        found["error_share"] = round(min(sum(slot.failures for slot in slots) / answers, 1.0), 6)
    counts = [sum(column) for column in zip(*(slot.counts for slot in slots if slot.counts), strict=True)]
    if sum(counts) > 0:
        found["p95_ms"] = round(1000 * _quantile(bounds, counts, 0.95), 3)
    return found


def _quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float:
    """Linear within its bucket, as Prometheus has it; what lies above the highest finite bound counts as that.

    `telemetry.percentiles` does the same with numpy, which the supervisor does not load.
    """
    rank, below, low = share * sum(counts), 0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if below + count >= rank and count > 0:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / count
        below += count
        low = low if math.isinf(bound) else bound
    return low
