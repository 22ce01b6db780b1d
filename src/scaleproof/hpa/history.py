"""What the controller remembers of an autoscaler: upstream's maps recommendations, scaleUpEvents and scaleDownEvents."""

from __future__ import annotations

from dataclasses import dataclass, field

from scaleproof.hpa.scale_events import get_longest_policy_period, store_scale_event


@dataclass(slots=True)
class Recommendations:
    """Timestamped recommendations; times in nanoseconds."""

    values: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def make_room(self) -> int:
        """One free slot at the end, as the array functions want it; the count without it."""
        count = len(self.values)
        self.values.append(0)
        self.times.append(0)
        return count

    def keep(self, count: int) -> None:
        """Drop the free slot where it was not used."""
        del self.values[count:]
        del self.times[count:]


@dataclass(slots=True)
class ScaleEvents:
    """Timestamped scale events of one direction; times in nanoseconds, changes positive."""

    changes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    outdated: list[bool] = field(default_factory=list)

    def store(self, now: int, replica_change: int, policy_periods: list[int]) -> None:
        """`storeScaleEvent`."""
        count = len(self.changes)
        self.changes.append(0)
        self.times.append(0)
        self.outdated.append(False)
        longest = get_longest_policy_period(policy_periods)
        count = store_scale_event(now, replica_change, longest, self.changes, self.times, self.outdated, count)
        del self.changes[count:]
        del self.times[count:]
        del self.outdated[count:]


@dataclass(slots=True)
class History:
    """All three. `recommendations` is None until the first reconciliation, which seeds it with the current replicas."""

    recommendations: Recommendations | None = None
    up: ScaleEvents = field(default_factory=ScaleEvents)
    down: ScaleEvents = field(default_factory=ScaleEvents)
