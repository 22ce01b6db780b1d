"""One CPU target for every service: Kubernetes' default, and the one of its walkthrough.

Sources: kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go (without metrics: averageUtilization 80);
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/ (50 %).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec

from .policy import DEFAULT_TARGET, cpu_policy

WALKTHROUGH_TARGET = 50


def default(_training: NDArray[np.float64], _service: ServiceModel) -> AutoscalingSpec:
    """80 % of the request."""
    return cpu_policy(DEFAULT_TARGET)


def walkthrough(_training: NDArray[np.float64], _service: ServiceModel) -> AutoscalingSpec:
    """50 % of the request."""
    return cpu_policy(WALKTHROUGH_TARGET)
