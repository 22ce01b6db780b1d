"""Upstream's tests of the whole controller (kubernetes v1.36.3, horizontal_test.go), one reconciliation a row.

The rows in data/controller.json were recorded from upstream's tests as they ran. Left out: tests that replace a fake client
by one of their own, metrics of an unknown type (the API server refuses them), and tests of selectors, API errors and retries,
which the algorithm does not see.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaleproof.hpa.explain import explain

ROWS = json.loads((Path(__file__).parent / "data" / "controller.json").read_text())
NOW = 1_700_000_000


def case_of(row):
    levels, requests = row["levels"], row.get("requests", ["1"] * row["statusReplicas"])
    metrics = list(row.get("metrics", []))
    if "cpuTarget" in row:
        target = {"type": "Utilization", "averageUtilization": row["cpuTarget"]}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    spec = {"minReplicas": row["min"], "maxReplicas": row["max"], "metrics": metrics}
    sides = {side: row[side] for side in ("scaleUp", "scaleDown") if side in row}
    if sides:
        spec["behavior"] = sides
    described = [metric["object"]["describedObject"] for metric in metrics if metric["type"] == "Object"]
    return {
        "version": 1,
        "now": NOW,
        "hpa": {"spec": spec, "status": {"conditions": row.get("conditions", [])}},
        "scale": {"spec": {"replicas": row["replicas"]}, "status": {"replicas": row["statusReplicas"]}},
        "pods": {"items": [pod_of(row, i, request) for i, request in enumerate(requests)]},
        "podMetrics": {
            "items": [
                {
                    "metadata": {"name": f"test-pod-{i}"},
                    "timestamp": NOW,
                    "window": "1m0s",
                    "containers": [
                        {"name": f"container{c}", "usage": {"cpu": f"{level // 2}m", "memory": "512Ki"}} for c in (1, 2)
                    ],
                }
                for i, level in enumerate(levels)
            ]
        },
        "customMetrics": {
            "items": [
                {"describedObject": {"kind": "Pod", "name": f"test-pod-{i}"}, "metricName": "qps", "value": f"{level}m"}
                for i, level in enumerate(levels)
            ]
            + [{"describedObject": thing, "metricName": "qps", "value": f"{levels[0]}m"} for thing in described]
        },
        "externalMetrics": {
            "items": [{"metricName": "qps", "metricLabels": {"label": "value"}, "value": f"{v}m"} for v in levels]
        },
        "options": {
            "cpuInitializationPeriodSeconds": 120,
            "initialReadinessDelaySeconds": 10,
            "scaleToZero": "zero" in row["name"].lower() and "HPAScaleToZero=false" not in row["name"],
            "configurableTolerance": "feature gate is disabled" not in row["name"],
        },
    } | (
        {"recommendations": [{"recommendation": value, "timestamp": NOW + time} for value, time in row["recommendations"]]}
        if "recommendations" in row
        else {}
    )


def pod_of(row, i, request):
    def given(key, default):
        return row[key][i] if key in row else default

    started = given("started", "zero")
    since = "0001-01-01T00:00:00Z" if started == "zero" else NOW + started
    half = {"requests": {"cpu": f"{int(float(request.removesuffix('m')) * (1 if request.endswith('m') else 1000)) // 2}m"}}
    return {
        "metadata": {"name": f"test-pod-{i}"} | ({"deletionTimestamp": NOW} if given("deleting", False) else {}),
        "spec": {"containers": [{"name": "container1", "resources": half}, {"name": "container2", "resources": half}]},
        "status": {
            "phase": given("phases", "Running"),
            "startTime": since,
            "conditions": [{"type": "Ready", "status": given("ready", "True"), "lastTransitionTime": since}],
        },
    }


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS])
def test_one_reconciliation_ends_as_upstreams(row):
    answer = explain(case_of(row))
    assert answer["desiredReplicas"] == row["expected"]
    reasons = row.get("expectedReasons", {})
    steps = {step["step"]: step["reason"] for step in answer["steps"]}
    if "limit" in steps and "ScalingLimited" in reasons:
        assert steps["limit"] == reasons["ScalingLimited"]
    if "stabilize" in steps and reasons.get("AbleToScale", "").endswith(("Stabilized", "ReadyForNewScale")):
        assert steps["stabilize"] == reasons["AbleToScale"]
    if reasons.get("ScalingActive", "ValidMetricFound") != "ValidMetricFound":
        assert answer["reason"] == reasons["ScalingActive"]
