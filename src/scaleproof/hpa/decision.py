"""What a reconciliation decided, and step by step why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, a reason of `reasons`, a sentence, and the numbers in it."""

    step: str
    reason: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric proposes.

    `current` and `target` are per cent of the request where `unit` is "%", otherwise thousandths ("m"). `replicas` is None
    where the metric is invalid; `error` then says why. `average` is the mean use in thousandths
    beside a utilisation. `usage_ratio` and `new_usage_ratio` (after fill-ins) may be NaN.
    """

    type: str
    name: str
    title: str
    unit: str
    reason: str
    text: str
    replicas: int | None = None
    current: int | None = None
    target: int | None = None
    usage_ratio: float = float("nan")
    new_usage_ratio: float = float("nan")
    ready: int | None = None
    unready: int | None = None
    missing: int | None = None
    ignored: int | None = None
    average: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one reconciliation.

    `reason` is the name of the reason that best explains the count, `message` one sentence with the numbers. `utilization`
    and `target` are the winning metric's: per cent of the request for a Utilization target, otherwise in the metric's own
    unit; NaN where no metric was read. `error` is upstream's complaint about invalid metrics, also where the others sufficed.
    """

    current_replicas: int
    desired_replicas: int
    reason: str
    message: str
    steps: tuple[Step, ...]
    proposals: tuple[Proposal, ...] = ()
    utilization: float = float("nan")
    target: float = float("nan")
    error: str | None = None
    stabilized_replicas: int | None = None
