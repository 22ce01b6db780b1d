"""Upstream's own tables (kubernetes v1.36.3, replica_calculator_test.go), row by row under upstream's names.

The rows in data/ were recorded from upstream's tests as they ran and written in our own form; times are seconds relative to now.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaleproof.hpa.case import read_case
from scaleproof.hpa.case_metrics import CaseMetricsClient
from scaleproof.hpa.metrics_client import MetricError
from scaleproof.hpa.proposal import Situation, compute_replicas_for_metric, group_samples
from scaleproof.hpa.replica_calculator import IGNORED, MISSING, READY, UNREADY

DATA = Path(__file__).parent / "data"
NOW = 1_700_000_000
INITIALIZATION, DELAY = 120 * 10**9, 10 * 10**9  # defaultTesting… in upstream's tests


def rows(name):
    return [pytest.param(row, id=row["name"]) for row in json.loads((DATA / name).read_text())]


def at(offset):
    return None if offset is None or offset == "zero" else NOW + offset


def metric_of(row):
    target = f"{row['target']}m"
    identifier = {"name": "qps"}
    return {
        "resource": lambda: {
            "type": "ContainerResource" if row["container"] else "Resource",
            ("containerResource" if row["container"] else "resource"): {
                "name": row["resource"],
                "container": row["container"],
                "target": {"type": "Utilization", "averageUtilization": row["target"]},
            },
        },
        "pods": lambda: {
            "type": "Pods",
            "pods": {"metric": identifier, "target": {"type": "AverageValue", "averageValue": target}},
        },
        "object": lambda: described({"type": "Value", "value": target}),
        "objectPerPod": lambda: described({"type": "AverageValue", "averageValue": target}),
        "external": lambda: {
            "type": "External",
            "external": {"metric": identifier, "target": {"type": "Value", "value": target}},
        },
        "externalPerPod": lambda: {
            "type": "External",
            "external": {"metric": identifier, "target": {"type": "AverageValue", "averageValue": target}},
        },
    }[row["kind"]]()


def described(target):
    return {
        "type": "Object",
        "object": {"metric": {"name": "qps"}, "describedObject": {"kind": "Deployment", "name": "some"}, "target": target},
    }


def case_of(row):
    pods = []
    for i, pod in enumerate(row["pods"]):
        request = {"requests": {row["resource"]: pod["request"]}} if "request" in pod else {}
        pods.append(
            {
                "metadata": {"name": f"test-pod-{i}"} | ({"deletionTimestamp": NOW} if pod.get("deleting") else {}),
                "spec": {
                    "containers": [{"name": "container1", "resources": request}, {"name": "container2", "resources": request}]
                },
                "status": {
                    "phase": pod.get("phase", "Running"),
                    # Upstream's rows without a start have the zero time, which is one.
                    "startTime": "0001-01-01T00:00:00Z" if pod.get("started") is None else NOW + pod["started"],
                    "conditions": [{"type": "Ready", "status": pod.get("ready", "True")}],
                },
            }
        )
    samples = [
        {
            "metadata": {"name": name},
            "window": "1m0s",
            "containers": [
                {"name": f"container{i + 1}", "usage": {row["resource"]: f"{level}m"}} for i, level in enumerate(levels)
            ],
        }
        | ({"timestamp": NOW + row["sampled"]} if "sampled" in row else {})
        for name, levels in row.get("samples", {}).items()
    ]
    values = [f"{value}m" for value in row.get("values", [])]
    custom = [
        {"describedObject": {"kind": "Pod", "name": f"test-pod-{i}"}, "metric": {"name": "qps"}, "value": value}
        for i, value in enumerate(values)
    ]
    if row["kind"].startswith("object"):
        custom = [{"describedObject": {"kind": "Deployment", "name": "some"}, "metric": {"name": "qps"}, "value": values[0]}]
    return {
        "version": 1,
        "now": NOW,
        "hpa": {"spec": {"maxReplicas": 1000, "metrics": [metric_of(row)]}, "status": {"currentReplicas": row["current"]}},
        "pods": {"items": pods},
        "podMetrics": {"items": samples},
        "customMetrics": {"items": custom},
        "externalMetrics": {"items": [{"metricName": "qps", "value": value} for value in values]},
    }


@pytest.mark.parametrize("row", rows("replica_calculator.json"))
def test_a_metric_proposes_what_upstream_proposes(row):
    case = read_case(case_of(row))
    down, up = row.get("tolerances", (0.1, 0.1))
    situation = Situation(
        case.seen.now,
        row["current"],
        row["current"],
        case.seen.pods,
        case.seen.client,
        down,
        up,
        INITIALIZATION,
        DELAY,
    )
    proposal = compute_replicas_for_metric(case.spec.metrics[0], situation)
    expected = row["expected"]
    if "error" in expected:
        assert expected["error"] in proposal.error
        return
    assert proposal.error is None
    assert (proposal.replicas, proposal.current) == (expected["replicas"], expected["current"])
    if "average" in expected:
        assert proposal.average == expected["average"]


@pytest.mark.parametrize("row", rows("group_pods.json"))
def test_pods_are_grouped_as_upstream_groups_them(row):
    pods = json.loads(json.dumps(row["pods"]))
    for pod in pods:
        status = pod["status"]
        status["startTime"] = at(status.get("startTime"))
        for condition in status.get("conditions", []):
            condition["lastTransitionTime"] = at(condition.get("lastTransitionTime"))
    samples = [
        {
            "metadata": {"name": name},
            "window": window,
            "containers": [{"name": "c", "usage": {row["resource"]: "1m"}}],
        }
        | ({} if at(time) is None else {"timestamp": at(time)})
        for name, (time, window) in row["samples"].items()
    ]
    document = {
        "version": 1,
        "now": NOW,
        "hpa": {"spec": {"maxReplicas": 10}, "status": {"currentReplicas": 1}},
        "pods": {"items": pods},
        "podMetrics": {"items": samples},
    }
    case = read_case(document)
    found = case.seen.client.get_resource_metric(row["resource"], "") if samples else {}
    situation = Situation(case.seen.now, 1, 1, case.seen.pods, case.seen.client, 0.1, 0.1, INITIALIZATION, DELAY)
    groups = group_samples(found, situation, is_cpu=row["resource"] == "cpu")[0] if pods else []
    named = {code: sorted(n for n, g in zip(case.seen.pods.names, groups, strict=True) if g == code) for code in range(4)}
    expected = row["expected"]
    assert len(named[READY]) == expected["ready"]
    assert (named[UNREADY], named[MISSING], named[IGNORED]) == (expected["unready"], expected["missing"], expected["ignored"])


@pytest.mark.parametrize("row", rows("requests.json"))
def test_requests_are_added_up_as_upstream_adds_them(row):
    pods = [(pod["metadata"]["name"], f"pods.items[{i}]", pod) for i, pod in enumerate(row["pods"])]
    client = CaseMetricsClient({}, pods, "")
    if "error" in row["expected"]:
        with pytest.raises(MetricError, match=row["expected"]["error"]):
            client.calculate_requests(row["resource"], row["container"])
        return
    names = [name for name, _, _ in pods]
    assert dict(zip(names, client.calculate_requests(row["resource"], row["container"]), strict=True)) == row["expected"]
