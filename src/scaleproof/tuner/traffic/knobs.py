"""The knobs of a policy that a search on traffic turns, and their `autoscaling/v2` spec. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.tuner.knobs import DEFAULT_DOWN_WINDOW_SECONDS, Rules

REQUESTS_METRIC: Final = "requests_per_second"
"""The Pods metric of a target in requests/s of a replica."""
DEFAULTS: Final = {"up_tolerance": 0.1, "down_tolerance": 0.1, "up_window": 0, "down_window": DEFAULT_DOWN_WINDOW_SECONDS}
"""What Kubernetes does where nothing is set."""

UP_TOLERANCES: Final[tuple[float | None, ...]] = (None, 0.05, 0.02, 0.0)
DOWN_TOLERANCES: Final[tuple[float | None, ...]] = (None, 0.0, 0.05, 0.2, 0.3)
UP_WINDOWS: Final[tuple[int | None, ...]] = (None, 30, 60)
DOWN_WINDOWS: Final[tuple[int | None, ...]] = (None, 0, 30, 45, 60, 90, 120, 180, 240, 420, 600, 900, 1800)
UP_RULES: Final[tuple[Rules | None, ...]] = (
    None,
    (("Pods", 1, 15),),
    (("Pods", 2, 15),),
    (("Percent", 20, 15),),
    (("Percent", 50, 15),),
    (("Percent", 900, 15),),
)
DOWN_RULES: Final[tuple[Rules | None, ...]] = (
    None,
    (("Pods", 1, 15),),
    (("Pods", 1, 60),),
    (("Pods", 1, 180),),
    (("Percent", 10, 60),),
    (("Percent", 50, 15),),
)


@dataclass(frozen=True, order=True)
class TrafficKnobs:
    """None is Kubernetes' default."""

    target: int
    """Per cent of the CPU request; with `of_requests`, thousandths of requests/s."""
    minimum: int
    maximum: int
    of_requests: bool = False
    up_tolerance: float | None = None
    down_tolerance: float | None = None
    up_window: int | None = None
    down_window: int | None = None
    up_rules: Rules | None = None
    down_rules: Rules | None = None

    def turned(self, **changes: Any) -> Self:
        """A copy with these knobs changed."""
        return replace(self, **changes)

    def set_fields(self) -> tuple[str, ...]:
        """The knobs that are not at Kubernetes' default: fewer is simpler."""
        return tuple(field.name for field in fields(self)[4:] if getattr(self, field.name) is not None)

    def spec(self) -> AutoscalingSpec:
        """As `autoscaling/v2`, with exactly one metric. `behavior` is left out where nothing of it is set."""
        if self.of_requests:
            average = {"type": "AverageValue", "averageValue": f"{self.target / 1000:.15g}"}
            metric: dict[str, Any] = {"type": "Pods", "pods": {"metric": {"name": REQUESTS_METRIC}, "target": average}}
        else:
            utilization = {"type": "Utilization", "averageUtilization": self.target}
            metric = {"type": "Resource", "resource": {"name": "cpu", "target": utilization}}
        document: dict[str, Any] = {"minReplicas": self.minimum, "maxReplicas": self.maximum, "metrics": [metric]}
        behavior = {
            side: rules
            for side, rules in (
                ("scaleUp", _rules(self.up_tolerance, self.up_window, self.up_rules)),
                ("scaleDown", _rules(self.down_tolerance, self.down_window, self.down_rules)),
            )
            if rules
        }
        if behavior:
            document["behavior"] = behavior
        return AutoscalingSpec.model_validate(document)


def _rules(tolerance: float | None, window: int | None, rules: Rules | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if tolerance is not None:
        found["tolerance"] = f"{tolerance:g}"
    if window is not None:
        found["stabilizationWindowSeconds"] = window
    if rules is not None:
        found["policies"] = [{"type": kind, "value": value, "periodSeconds": period} for kind, value, period in rules]
    return found
