"""What a HorizontalPodAutoscaler has published, as rows of the run table `decisions`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scaleproof.spec.quantity import milli_value

Document = dict[str, Any]


@dataclass(frozen=True)
class AutoscalerView:
    """The status of an HPA: what it decided last, and why (upstream's condition reasons)."""

    service: str
    current_replicas: int
    desired_replicas: int
    reason: str
    message: str
    utilization: float
    """Of the metric nearest above its target: per cent of the request, or the metric's own unit; NaN where none was read."""
    target: float

    def row(self, moment: float) -> tuple[Any, ...]:
        """In the order of `telemetry.tables.DECISIONS`."""
        return (
            moment,
            self.service,
            self.current_replicas,
            self.desired_replicas,
            self.reason,
            self.message,
            self.utilization,
            self.target,
        )


def view(autoscaler: Document) -> AutoscalerView | None:
    """Read an `autoscaling/v2` HPA; None before its first sync."""
    status = autoscaler.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if not conditions:
        return None
    reason, message = _why(conditions, status)
    utilization, target = _leading_metric(autoscaler["spec"], status)
    return AutoscalerView(
        service=autoscaler["spec"]["scaleTargetRef"]["name"],
        current_replicas=int(status.get("currentReplicas") or 0),
        desired_replicas=int(status.get("desiredReplicas") or 0),
        reason=reason,
        message=message,
        utilization=utilization,
        target=target,
    )


def _why(conditions: dict[str, Document], status: Document) -> tuple[str, str]:
    """The condition that explains the count best: no metric, then a limit, then stabilisation, then the plain case."""
    active, limited, able = (conditions.get(name, {}) for name in ("ScalingActive", "ScalingLimited", "AbleToScale"))
    if active.get("status") == "False":
        return str(active.get("reason", "")), str(active.get("message", ""))
    if limited.get("status") == "True":
        return str(limited.get("reason", "")), str(limited.get("message", ""))
    if able.get("reason") == "SucceededRescale" and status.get("desiredReplicas", 0) != status.get("currentReplicas", 0):
        grew = status.get("desiredReplicas", 0) > status.get("currentReplicas", 0)
        return ("MetricAboveTarget" if grew else "AllMetricsBelowTarget"), str(able.get("message", ""))
    if able.get("reason") in {"ScaleDownStabilized", "ScaleUpStabilized"}:
        return str(able["reason"]), str(able.get("message", ""))
    return "DesiredWithinRange", str(limited.get("message") or able.get("message", ""))


def _leading_metric(spec: Document, status: Document) -> tuple[float, float]:
    """(current, target) of the metric whose ratio is highest: the one that decides."""
    targets = {_name(metric): _number(_of(metric).get("target", {})) for metric in spec.get("metrics") or []}
    best = (float("nan"), float("nan"))
    highest = -1.0
    for metric in status.get("currentMetrics") or []:
        if not metric or _name(metric) not in targets:
            continue
        current, target = _number(_of(metric).get("current", {})), targets[_name(metric)]
        if target > 0 and current / target > highest:
            highest, best = current / target, (current, target)
    return best


def _of(metric: Document) -> Document:
    kind = str(metric.get("type", ""))
    found: Document = metric.get(kind[:1].lower() + kind[1:]) or {}
    return found


def _name(metric: Document) -> tuple[str, str]:
    source = _of(metric)
    return str(metric.get("type")), str(source.get("name") or source.get("metric", {}).get("name"))


def _number(value: Document) -> float:
    if value.get("averageUtilization") is not None:
        return float(value["averageUtilization"])
    text = value.get("averageValue") or value.get("value")
    return milli_value(text) / 1000 if text is not None else float("nan")
