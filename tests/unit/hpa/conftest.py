"""Cases to start from: small, valid, and changed by the test that takes them."""

from __future__ import annotations

import pytest

NOW = "2026-01-01T12:00:00Z"


def pod(
    name, *, cpu="100m", memory="64Mi", phase="Running", ready="True", started="2026-01-01T10:00:00Z", since=None, **metadata
):
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    return {
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": {"containers": [{"name": "app", "resources": {"requests": requests}}]},
        "status": {
            "phase": phase,
            "startTime": started,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since or started}],
        },
    }


def sample(name, *, cpu="80m", memory="50Mi", at="2026-01-01T11:59:50Z", window="15s"):
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "timestamp": at,
        "window": window,
        "containers": [{"name": "app", "usage": {"cpu": cpu, "memory": memory}}],
    }


def build(*, replicas=2, cpu="80m", target=80, least=1, most=10, behavior=None, **fields):
    spec = {
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
        ],
    }
    if behavior is not None:
        spec["behavior"] = behavior
    names = [f"orders-{i}" for i in range(replicas)]
    return {
        "version": 1,
        "now": NOW,
        "hpa": {
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": spec,
            "status": {"currentReplicas": replicas},
        },
        "pods": {"items": [pod(name) for name in names]},
        "podMetrics": {"items": [sample(name, cpu=cpu) for name in names]},
        **fields,
    }


@pytest.fixture
def case():
    return build


@pytest.fixture
def a_pod():
    return pod


@pytest.fixture
def a_sample():
    return sample
