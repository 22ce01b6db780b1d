"""Facts of a small shop that breaks no rule, and the same with some fields changed: written to files and read by the real readers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from scaleproof.rules.facts import Facts
from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.manifest_file import read_manifests
from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.shapes import named
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.yaml_document import YamlDocument, read_yaml

NOW = 1_000_000.0
GONE = object()
"""As a value: the field is removed."""

_RESOURCES = {"requests": {"cpu": "200m", "memory": "160Mi"}, "limits": {"cpu": "400m", "memory": "256Mi"}}
PLATFORM: dict[str, Any] = {
    "version": 1,
    "name": "shop",
    "services": {
        "orders": {
            "command": ["x"],
            "image": "shop/orders",
            "routes": ["/orders"],
            "resources": _RESOURCES,
            "slo": {"latency_ms": 300, "share": 0.95},
            "drain_seconds": 12,
            "request_timeout_seconds": 5,
            "postgres_connections": 4,
            "redis_connections": 2,
        },
        "front": {
            "command": ["x"],
            "image": "shop/front",
            "routes": ["/front"],
            "calls": ["orders"],
            "resources": _RESOURCES,
            "slo": {"latency_ms": 500, "share": 0.95},
            "drain_seconds": 12,
            "request_timeout_seconds": 10,
        },
    },
    "gateway": {"request_timeout_seconds": 15},
    "redis": {"memory": "64Mi", "working_set": "40Mi"},
    "postgres": {"max_connections": 100},
    "load": {"users": 6000, "shape": "ramp", "think_seconds": [20, 40]},
}


def _service_policy(least: int, most: int) -> dict[str, Any]:
    return {
        "autoscaling": {
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
            ],
            "behavior": {
                "scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
                "scaleDown": {"stabilizationWindowSeconds": 60},
            },
        },
        "resources": _RESOURCES,
    }


POLICY: dict[str, Any] = {"version": 1, "services": {"orders": _service_policy(2, 6), "front": _service_policy(2, 4)}}


def _estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value}


def _service_calibration() -> dict[str, Any]:
    return {
        "cpu_seconds_per_request": _estimate(0.004),
        "wait_seconds": _estimate(0.002),
        "capacity_per_second": _estimate(60.0),
        "usage_at_capacity_cores": 0.25,
        "memory_peak_bytes": 100 * 2**20,
        "request_millicores": 200,
        "limit_millicores": 400,
        "start_seconds": [4.0, 6.0],
        "start_burn_cores": 0.2,
        "start_burn_seconds": 3.0,
        "highest_rate_per_replica": 70.0,
        "highest_replicas": 4,
        "steps": [
            {
                "replicas": 1,
                "rate_per_replica": 20.0,
                "p50_seconds": 0.01,
                "p95_seconds": 0.05,
                "good_share": 0.999,
                "cores_per_replica": 0.1,
                "requests": 1000,
            }
        ],
    }


CALIBRATION: dict[str, Any] = {
    "version": 1,
    "stamp": {"machine": "m", "target": "local", "image": "i", "limits": {}, "measured_at": NOW - 86_400},
    "slo": {"orders": [0.3, 0.95], "front": [0.5, 0.95]},
    "services": {"orders": _service_calibration(), "front": _service_calibration()},
}
_LABELS = {"app": "web"}
MANIFESTS: dict[str, Any] = {
    "deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "terminationGracePeriodSeconds": 30,
                    "containers": [
                        {
                            "name": "web",
                            "image": "shop/web:1",
                            "ports": [{"containerPort": 8000}],
                            "resources": _RESOURCES,
                            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8000}},
                            "livenessProbe": {"tcpSocket": {"port": 8000}, "failureThreshold": 6},
                        }
                    ],
                },
            },
        },
    },
    "hpa": {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-hpa", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            **_service_policy(2, 6)["autoscaling"],
        },
    },
    "pdb": {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
    },
    "quota": {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "all", "namespace": "shop"},
        "spec": {"hard": {"requests.cpu": "2", "pods": "20"}},
    },
    "range": {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "range", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "1", "memory": "1Gi"}}]},
    },
    "nodes": {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"node-{number}"},
                "status": {"allocatable": {"cpu": "3900m", "memory": "15Gi", "pods": "110"}},
            }
            for number in (1, 2)
        ],
    },
    "traffic": {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"circuitBreaker": {"maxConnections": 9000, "maxPendingRequests": 9000, "maxParallelRequests": 9000}},
    },
    "clients": {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "ClientTrafficPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"connection": {"connectionLimit": {"value": 9000}}},
    },
    "vpa": {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "updatePolicy": {"updateMode": "Auto"},
            "resourcePolicy": {"containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]},
        },
    },
    "redis": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cache", "namespace": "shop"},
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "cache"}},
                "spec": {
                    "containers": [
                        {
                            "name": "redis",
                            "image": "valkey/valkey:9",
                            "args": ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"],
                            "resources": {"limits": {"cpu": "1", "memory": "96Mi"}},
                        }
                    ]
                },
            }
        },
    },
}


def facts(folder: Path, **changes: Any) -> Facts:
    """The shop with these changes.

    `platform`, `policy`, `calibration`, `manifests`: dotted path → value (an index where it meets a list), GONE to remove; other names
    are fields of `Facts`.
    """
    write(folder, **{name: changes.pop(name, {}) for name in ("platform", "policy", "calibration", "manifests")})
    platform, policy = folder / "platform.yaml", folder / "Pulumi.dev.yaml"
    known = Facts(
        platform=once("platform", read_platform, platform),
        policy=once("policy", lambda file: StackFile(file).read(), policy),
        calibration=Calibration.model_validate_json((folder / "calibration.json").read_text()),
        manifests=read_manifests([folder / "manifests.yaml"]),
        shape=named("ramp"),
        peak_rates={"orders": 200.0, "front": 100.0},
        open_files=20_000,
        machine="m",
        now=NOW,
        documents={"platform": document(platform), "policy": document(policy)},
        files={"calibration": "calibration.json", "baseline": "scaleproof-baseline.json"},
        root=folder,
    )
    return replace(known, **changes)


_seen: dict[tuple[str, str], Any] = {}


def once(what: str, read: Callable[[Path], Any], file: Path) -> Any:
    """What is read of the file; anew only where its text is: YAML with its lines takes a while, and most tests change one file."""
    key = (what, file.read_text())
    if key not in _seen:
        _seen[key] = read(file)
    return _seen[key]


def document(file: Path) -> YamlDocument:
    return replace(once("document", read_yaml, file), file=file)


@cache
def yaml_of(documents: str) -> str:
    """JSON of several documents as YAML."""
    yaml, out = YAML(), StringIO()
    parsed = json.loads(documents)
    yaml.explicit_start = len(parsed) > 1
    yaml.dump_all(parsed, out)
    return out.getvalue()


def write(
    folder: Path,
    *,
    platform: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    calibration: Mapping[str, Any] | None = None,
    manifests: Mapping[str, Any] | None = None,
) -> None:
    """platform.yaml, Pulumi.dev.yaml, calibration.json and manifests.yaml of the shop with these changes."""
    stack = {"config": {"scaleproof:policy": changed(POLICY, policy or {})}}
    known = Calibration.model_validate(changed(CALIBRATION, calibration or {}))
    (folder / "platform.yaml").write_text(yaml_of(json.dumps([changed(PLATFORM, platform or {})])))
    (folder / "Pulumi.dev.yaml").write_text(yaml_of(json.dumps([stack])))
    (folder / "calibration.json").write_text(known.model_dump_json())
    (folder / "manifests.yaml").write_text(yaml_of(json.dumps(list(changed(MANIFESTS, manifests or {}).values()))))


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy with values set, added or removed at dotted paths."""
    # By JSON-like copy, not by reference: parts are shared between services.
    result: dict[str, Any] = _copied(base)
    for path, value in changes.items():
        *parents, last = path.split("/") if "/" in path else path.split(".")
        node: Any = result
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if value is GONE:
            del node[int(last) if isinstance(node, list) else last]
        elif isinstance(node, list):
            node[int(last)] = copy.deepcopy(value)
        else:
            node[last] = copy.deepcopy(value)
    return result


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(value) for value in node] if isinstance(node, list) else node
