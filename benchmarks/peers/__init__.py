"""What other tools would choose for the same service from the same traffic: each one's own rule, re-implemented from its source.

A peer of kind "policy" reads the training part of a trace and recommends an `autoscaling/v2` policy; one of kind "loop" scales by
itself and is played. Neither sees the part that it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from . import crane, fixed, knative, krr, ottoscalr, predictive, swept, tortoise


@dataclass(frozen=True)
class Peer:
    """One rule of one tool."""

    name: str
    source: str
    kind: Literal["policy", "loop"]
    rule: Callable[..., Any]
    """policy: (training rates, service) → AutoscalingSpec; loop: (rates, service, *, seed) → (replica-seconds, violated requests)."""


PEERS: Final = (
    Peer("Kubernetes default (80 %)", "kubernetes/kubernetes", "policy", fixed.default),
    Peer("Kubernetes walkthrough (50 %)", "kubernetes.io", "policy", fixed.walkthrough),
    Peer("best fixed target", "a sweep of 40 to 139 %", "policy", swept.recommend),
    Peer("Robusta KRR", "robusta-dev/krr", "policy", krr.recommend),
    Peer("Ottoscalr", "flipkart-incubator/ottoscalr", "policy", ottoscalr.recommend),
    Peer("Crane HPA recommendation", "gocrane/crane", "policy", crane.recommend),
    Peer("Crane EHPA advisor", "gocrane/crane", "policy", crane.recommend_by_advisor),
    Peer("Tortoise", "mercari/tortoise", "policy", tortoise.recommend),
    Peer("Knative KPA", "knative/serving", "loop", knative.play),
    Peer("Predictive HPA", "jthomperoo/predictive-horizontal-pod-autoscaler", "loop", predictive.play),
)
