"""Pods as the algorithm reads them: what `groupPods` looks at, as one list a field. Times in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from scaleproof.hpa.quantities import ZERO_TIME
from scaleproof.hpa.replica_calculator import (
    FAILED,
    IS_READY,
    NO_CONDITION,
    NOT_READY,
    PENDING,
    READINESS_UNKNOWN,
    RUNNING,
    SUCCEEDED,
    UNKNOWN,
)

PHASES: Final = {"Pending": PENDING, "Running": RUNNING, "Succeeded": SUCCEEDED, "Failed": FAILED, "Unknown": UNKNOWN}
READINESS: Final = {"True": IS_READY, "False": NOT_READY, "Unknown": READINESS_UNKNOWN}


@dataclass(slots=True)
class PodTable:
    """One list a field, one entry a pod."""

    names: list[str] = field(default_factory=list)
    phases: list[int] = field(default_factory=list)
    deleting: list[bool] = field(default_factory=list)
    start_times: list[int] = field(default_factory=list)
    readiness: list[int] = field(default_factory=list)  # of the condition alone: for getReadyPodsCount
    started_readiness: list[int] = field(default_factory=list)  # NO_CONDITION also without a start time: for groupPods
    ready_transition_times: list[int] = field(default_factory=list)

    def add(
        self,
        name: str,
        *,
        phase: int,
        deleting: bool,
        start_time: int | None,
        readiness: int,
        ready_transition_time: int | None,
    ) -> None:
        """Another pod; `readiness` is a code of replica_calculator."""
        self.names.append(name)
        self.phases.append(phase)
        self.deleting.append(deleting)
        self.start_times.append(ZERO_TIME if start_time is None else start_time)
        self.readiness.append(readiness)
        self.started_readiness.append(NO_CONDITION if start_time is None else readiness)
        self.ready_transition_times.append(ZERO_TIME if ready_transition_time is None else ready_transition_time)

    def __len__(self) -> int:
        return len(self.names)
