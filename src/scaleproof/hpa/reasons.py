"""Why: codes that the array functions return, their stable names, and what each means, as data.

Names are upstream's condition reasons where upstream has one; the others are scaleproof's own. They are never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# How a metric's proposal came about (replica_calculator).
WITHIN_TOLERANCE: Final = 1
OFF_TARGET: Final = 2
WITHIN_TOLERANCE_AFTER_FILL_IN: Final = 3
DIRECTION_FLIPPED: Final = 4
COUNT_AGAINST_DIRECTION: Final = 5
OFF_TARGET_AFTER_FILL_IN: Final = 6
FROM_ZERO: Final = 7
# Why a metric gave none.
NO_PODS: Final = 20
NO_METRICS: Final = 21
NO_REQUESTS: Final = 22
# Stabilisation (condition AbleToScale).
READY_FOR_NEW_SCALE: Final = 40
SCALE_UP_STABILIZED: Final = 41
SCALE_DOWN_STABILIZED: Final = 42
# Limits (condition ScalingLimited).
DESIRED_WITHIN_RANGE: Final = 60
SCALE_UP_LIMIT: Final = 61
SCALE_DOWN_LIMIT: Final = 62
TOO_MANY_REPLICAS: Final = 63
TOO_FEW_REPLICAS: Final = 64
# Bounds and the whole.
SCALING_DISABLED: Final = 80
ABOVE_MAX_REPLICAS: Final = 81
BELOW_MIN_REPLICAS: Final = 82
METRIC_ABOVE_TARGET: Final = 83
ALL_METRICS_BELOW_TARGET: Final = 84
# No decision.
FAILED_GET_RESOURCE_METRIC: Final = 100
FAILED_GET_CONTAINER_RESOURCE_METRIC: Final = 101
FAILED_GET_PODS_METRIC: Final = 102
FAILED_GET_OBJECT_METRIC: Final = 103
FAILED_GET_EXTERNAL_METRIC: Final = 104


@dataclass(frozen=True)
class Reason:
    """A reason: its code, its stable name, upstream's condition it belongs to (or None), and its meaning."""

    code: int
    name: str
    condition: str | None
    meaning: str


REASONS: Final = tuple(
    Reason(*row)
    for row in (
        (WITHIN_TOLERANCE, "WithinTolerance", None, "usage is so near the target that the count stays"),
        (OFF_TARGET, "OffTarget", None, "usage is off the target: the count follows the ratio, rounded up"),
        (
            WITHIN_TOLERANCE_AFTER_FILL_IN,
            "WithinToleranceAfterFillIn",
            None,
            "with assumed values for pods that are not ready or have no sample, usage is near the target: the count stays",
        ),
        (
            DIRECTION_FLIPPED,
            "DirectionFlipped",
            None,
            "assumed values for pods that are not ready or have no sample would turn the direction: the count stays",
        ),
        (
            COUNT_AGAINST_DIRECTION,
            "CountAgainstDirection",
            None,
            "the number of pods considered would change the count against the ratio's direction: the count stays",
        ),
        (
            OFF_TARGET_AFTER_FILL_IN,
            "OffTargetAfterFillIn",
            None,
            "usage is off the target, also with assumed values for pods that are not ready or have no sample",
        ),
        (FROM_ZERO, "FromZero", None, "there are no replicas: the count is the ratio itself, rounded up"),
        (NO_PODS, "NoPods", None, "the selector matches no pods"),
        (NO_METRICS, "NoMetrics", None, "no pod that counts has a sample"),
        (NO_REQUESTS, "NoRequests", None, "the pods with a sample request nothing, so there is no utilisation"),
        (READY_FOR_NEW_SCALE, "ReadyForNewScale", "AbleToScale", "earlier recommendations do not hold this one back"),
        (SCALE_UP_STABILIZED, "ScaleUpStabilized", "AbleToScale", "a lower recent recommendation holds the count back"),
        (SCALE_DOWN_STABILIZED, "ScaleDownStabilized", "AbleToScale", "a higher recent recommendation keeps the count up"),
        (DESIRED_WITHIN_RANGE, "DesiredWithinRange", "ScalingLimited", "no limit applies"),
        (SCALE_UP_LIMIT, "ScaleUpLimit", "ScalingLimited", "the count may not grow faster"),
        (SCALE_DOWN_LIMIT, "ScaleDownLimit", "ScalingLimited", "the count may not shrink faster"),
        (TOO_MANY_REPLICAS, "TooManyReplicas", "ScalingLimited", "maxReplicas caps the count"),
        (TOO_FEW_REPLICAS, "TooFewReplicas", "ScalingLimited", "minReplicas holds the count up"),
        (SCALING_DISABLED, "ScalingDisabled", "ScalingActive", "the target was scaled to zero by hand"),
        (ABOVE_MAX_REPLICAS, "AboveMaxReplicas", None, "more replicas than maxReplicas: down to it, whatever the metrics say"),
        (BELOW_MIN_REPLICAS, "BelowMinReplicas", None, "fewer replicas than minReplicas: up to it, whatever the metrics say"),
        (METRIC_ABOVE_TARGET, "MetricAboveTarget", None, "a metric is above its target"),
        (ALL_METRICS_BELOW_TARGET, "AllMetricsBelowTarget", None, "every metric is below its target"),
        (FAILED_GET_RESOURCE_METRIC, "FailedGetResourceMetric", "ScalingActive", "no usable resource metric"),
        (
            FAILED_GET_CONTAINER_RESOURCE_METRIC,
            "FailedGetContainerResourceMetric",
            "ScalingActive",
            "no usable container resource metric",
        ),
        (FAILED_GET_PODS_METRIC, "FailedGetPodsMetric", "ScalingActive", "no usable pods metric"),
        (FAILED_GET_OBJECT_METRIC, "FailedGetObjectMetric", "ScalingActive", "no usable object metric"),
        (FAILED_GET_EXTERNAL_METRIC, "FailedGetExternalMetric", "ScalingActive", "no usable external metric"),
    )
)

NAMES: Final = {reason.code: reason.name for reason in REASONS}
CODES: Final = {reason.name: reason.code for reason in REASONS}
MEANINGS: Final = {reason.name: reason.meaning for reason in REASONS}
