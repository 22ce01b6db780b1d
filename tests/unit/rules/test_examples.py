"""Every rule with a failing and a passing example. The passing one has the facts that the rule needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fakes.rule_facts import GONE, NOW, facts
from scaleproof.rules.catalogue import ALL, rule_of
from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import apply
from scaleproof.simulator.calibration import Estimate
from scaleproof.tuner.regression import Growth, Outcome


@dataclass(frozen=True)
class Example:
    """Changes of the shop under which the rule fires, what it says then, where, and changes under which it does not."""

    bad: dict[str, Any]
    says: str
    field: str
    good: dict[str, Any] = field(default_factory=dict)


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=value if low is None else low, high=value if high is None else high)


def outcome(violation: Estimate) -> dict[str, Any]:
    return {"outcomes": (Outcome("simulated", estimate(1000), {"orders": violation}),)}


def growth(
    metric: str, before: float, after: float, low: float, *, origin: str = "simulated", limit: float = 0.05
) -> dict[str, Any]:
    value = after - before if metric == "violation" else after / before - 1
    service = None if metric == "cost" else "orders"
    return {"growths": (Growth(metric, origin, service, before, after, estimate(value, low, value + 0.1), limit),)}


ORDERS = "services.orders.autoscaling"
PEAK = {"orders": 200.0, "front": 100.0}
CPU_METRIC = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
MEMORY_METRIC = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}},
}
TARGET = f"{ORDERS}.metrics.0.resource.target.averageUtilization"
TARGET_FIELD = f"{ORDERS}.metrics[0].resource.target.averageUtilization"
WEB = "deployment.spec.template.spec.containers.0"
IN_FILE = "config.scaleproof:policy"
SECOND_HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "other", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 4},
}
LIMITED = {"platform": {"gateway.rate_limits": [{"requests": 100, "unit": "Second", "per": "client"}]}}

EXAMPLES = {
    # Connections
    "connections-over-database-limit": Example(
        {"platform": {"services.orders.postgres_connections": 40}},
        "orders 40 × (6 + 2 while rolling out)",
        "postgres.max_connections",
        {"platform": {"services.orders.postgres_connections": 12}},
    ),
    "connections-over-redis-limit": Example(
        {"platform": {"redis.max_clients": 10}},
        "up to 16 connections",
        "redis.max_clients",
        {"platform": {"redis.max_clients": 16}},
    ),
    # Gateway and load generator
    "gateway-circuit-breaker-below-users": Example(
        {"manifests": {"traffic.spec.circuitBreaker": {"maxConnections": 9000}}},
        "maxPendingRequests 1,024, maxParallelRequests 1,024 for 6,000 users",
        "spec.circuitBreaker",
    ),
    "gateway-connections-below-users": Example(
        {"manifests": {"clients.spec.connection.connectionLimit.value": 5000}},
        "5,000 connections for 6,000 users",
        "spec.connection.connectionLimit.value",
    ),
    "gateway-file-limit-below-users": Example(
        {"open_files": 7999}, "need 8,000 open files", "load.users", {"open_files": 8000}
    ),
    "generator-process-overloaded": Example(
        {"platform": {"load.think_seconds": [1, 3]}},
        "would send 3,000 requests/s",
        "load.processes",
        {"platform": {"load.think_seconds": [1, 3], "load.processes": 2}},
    ),
    "gateway-timeout-below-slo": Example(
        {"platform": {"gateway.request_timeout_seconds": 0.3}},
        "orders may take 300 ms",
        "gateway.request_timeout_seconds",
        {"platform": {"gateway.request_timeout_seconds": 0.6}},
    ),
    "gateway-timeout-below-service": Example(
        {"platform": {"gateway.request_timeout_seconds": 9}},
        "after 9 s, front after 10 s",
        "gateway.request_timeout_seconds",
        {"platform": {"gateway.request_timeout_seconds": 10}},
    ),
    "rate-limit-below-load": Example(
        {"platform": {"gateway.rate_limits": [{"requests": 199, "unit": "Second", "per": "all"}]}},
        "6,000 users send 200 requests/s",
        "gateway.rate_limits[0]",
        {"platform": {"gateway.rate_limits": [{"requests": 12_000, "unit": "Minute", "per": "all"}]}},
    ),
    "rate-limit-meets-generator": Example(
        LIMITED,
        "100 requests/s an address, but the load's 200 requests/s",
        "gateway.rate_limits[0]",
        {"platform": {"gateway.rate_limits": [{"requests": 100, "unit": "Second", "per": "header", "header": "x-user-id"}]}},
    ),
    # Autoscaling
    "target-beyond-cpu-limit": Example(
        {"policy": {TARGET: 200}},
        "the target is 200 % of the request, but the CPU limit ends use at 200 %",
        f"{IN_FILE}.{TARGET_FIELD}",
    ),
    "tolerance-swallows-target": Example(
        {"policy": {TARGET: 190}},
        "use ends at 200 % of the request, 5.26 % above the target of 190 %",
        f"{IN_FILE}.{TARGET_FIELD}",
        {"policy": {TARGET: 190, f"{ORDERS}.behavior.scaleUp.tolerance": "0.05"}},
    ),
    "metrics-that-fight": Example(
        {"policy": {f"{ORDERS}.metrics": [CPU_METRIC, MEMORY_METRIC]}},
        "orders: memory beside 1 other metric",
        f"{IN_FILE}.{ORDERS}.metrics[1]",
        {"policy": {f"{ORDERS}.metrics": [MEMORY_METRIC]}},
    ),
    "metric-left-to-default": Example({"policy": {f"{ORDERS}.metrics": []}}, "CPU at 80 %", f"{IN_FILE}.{ORDERS}"),
    "scale-down-window-below-metric-lag": Example(
        {"policy": {f"{ORDERS}.behavior.scaleDown.stabilizationWindowSeconds": 29}},
        "on the last 29 s",
        f"{IN_FILE}.{ORDERS}.behavior.scaleDown.stabilizationWindowSeconds",
        {"policy": {f"{ORDERS}.behavior.scaleDown.stabilizationWindowSeconds": 30}},
    ),
    "scale-up-window-delays": Example(
        {"policy": {f"{ORDERS}.behavior.scaleUp.stabilizationWindowSeconds": 31}},
        "the lowest proposal of the last 31 s",
        f"{IN_FILE}.{ORDERS}.behavior.scaleUp.stabilizationWindowSeconds",
        {"policy": {f"{ORDERS}.behavior.scaleUp.stabilizationWindowSeconds": 0}},
    ),
    "scale-up-disabled": Example(
        {"policy": {f"{ORDERS}.behavior.scaleUp.selectPolicy": "Disabled"}},
        "stays at 2 replicas",
        f"{IN_FILE}.{ORDERS}.behavior.scaleUp.selectPolicy",
        {"policy": {f"{ORDERS}.behavior.scaleUp.selectPolicy": "Max"}},
    ),
    "scale-down-disabled": Example(
        {"manifests": {"hpa.spec.behavior.scaleDown.selectPolicy": "Disabled"}},
        "web: after a peak it keeps up to 6 replicas",
        "spec.behavior.scaleDown.selectPolicy",
    ),
    "missing-requests": Example(
        {"manifests": {f"{WEB}.resources": {"requests": {"memory": "1Mi"}}}},
        "container web of Deployment web has no cpu request",
        "spec.template.spec.containers[0].resources",
        {"manifests": {f"{WEB}.resources": {"limits": {"cpu": "1"}}}},
    ),
    "two-autoscalers": Example(
        {"manifests": {"other": SECOND_HPA}},
        "HorizontalPodAutoscaler web-hpa and HorizontalPodAutoscaler other both scale Deployment web",
        "spec.scaleTargetRef",
        {"manifests": {"other": {**SECOND_HPA, "metadata": {"name": "other", "namespace": "elsewhere"}}}},
    ),
    "vertical-beside-horizontal": Example(
        {"manifests": {"vpa.spec.resourcePolicy": GONE}},
        "changes the cpu request that the HPA web-hpa measures use against (Auto)",
        "spec",
    ),
    # What the peak needs
    "max-replicas-below-need": Example(
        {"policy": {f"{ORDERS}.maxReplicas": 3}},
        "maxReplicas 3 holds 180 requests/s, the peak of 6,000 users is 200 requests/s: needs 4",
        f"{IN_FILE}.{ORDERS}.maxReplicas",
        {"policy": {f"{ORDERS}.maxReplicas": 4}},
    ),
    "max-replicas-beyond-bottleneck": Example(
        {"calibration": {"services.orders.bottleneck": "the datastores"}},
        "growth stopped at 4 replicas, which share the datastores",
        f"{IN_FILE}.{ORDERS}.maxReplicas",
        {"calibration": {"services.orders.bottleneck": "the datastores", "services.orders.highest_replicas": 6}},
    ),
    "min-replicas-above-need": Example(
        {"policy": {f"{ORDERS}.minReplicas": 6}, "peak_rates": {"orders": 90.0, "front": 100.0}},
        "minReplicas 6 at all times, but the peak itself needs",
        f"{IN_FILE}.{ORDERS}.minReplicas",
        {"policy": {f"{ORDERS}.minReplicas": 6}, "peak_rates": PEAK},
    ),
    "max-replicas-far-beyond-need": Example(
        {"policy": {f"{ORDERS}.maxReplicas": 41}},
        "maxReplicas 41, 10 times the 4",
        f"{IN_FILE}.{ORDERS}.maxReplicas",
        {"policy": {f"{ORDERS}.maxReplicas": 40}},
    ),
    "target-without-headroom": Example(
        {"policy": {f"{ORDERS}.minReplicas": 1, TARGET: 150}, "calibration": {"services.orders.start_seconds": [60, 90]}},
        "come before the replicas that they need (30 s of metrics, 90 s of start: 120 s)",
        f"{IN_FILE}.{ORDERS}.metrics[0]",
        {"policy": {f"{ORDERS}.minReplicas": 4, TARGET: 150}, "calibration": {"services.orders.start_seconds": [60, 90]}},
    ),
    "scale-up-policies-too-slow": Example(
        {"policy": {f"{ORDERS}.behavior.scaleUp.policies": [{"type": "Pods", "value": 1, "periodSeconds": 90}]}},
        "take 180 s from 2 to the 4 replicas",
        f"{IN_FILE}.{ORDERS}.behavior.scaleUp.policies",
        {"policy": {f"{ORDERS}.behavior.scaleUp.policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    ),
    # Replicas, quotas and nodes
    "single-replica": Example(
        {"policy": {f"{ORDERS}.minReplicas": 1}}, "minReplicas 1; a crash", f"{IN_FILE}.{ORDERS}.minReplicas"
    ),
    "replicas-beside-autoscaler": Example(
        {"manifests": {"deployment.spec.replicas": 3}}, "says replicas: 3, which the HPA web-hpa decides", "spec.replicas"
    ),
    "budget-blocks-drain": Example(
        {"manifests": {"pdb.spec.maxUnavailable": GONE, "pdb.spec.minAvailable": 2}},
        "minAvailable 2 of the 2 replicas that web has at least",
        "spec.minAvailable",
        {"manifests": {"pdb.spec.maxUnavailable": GONE, "pdb.spec.minAvailable": "50%"}},
    ),
    "no-disruption-budget": Example(
        {"manifests": {"pdb": GONE}}, "Deployment web: 2 replicas at least, and no PodDisruptionBudget", "metadata.name"
    ),
    "quota-below-max-replicas": Example(
        {"manifests": {"quota/spec/hard/requests.cpu": "1"}},
        "requests.cpu 1, but web at maxReplicas need 1200m",
        "spec.hard.requests.cpu",
        {"manifests": {"quota/spec/hard/requests.cpu": "1200m"}},
    ),
    "limit-range-refuses-pods": Example(
        {"manifests": {"range.spec.limits.0.max.cpu": "300m"}},
        "has a cpu limit of 400m, LimitRange range allows 300m",
        "spec.template.spec.containers[0].resources",
        {"manifests": {"range.spec.limits.0.max.cpu": "400m", "redis": GONE}},
    ),
    "nodes-below-max-replicas": Example(
        {"manifests": {"nodes.items.0.status.allocatable.cpu": "1", "nodes.items.1.status.allocatable.cpu": "2"}},
        "at maxReplicas ask for 3200m cpu, 2 nodes have 3",
        f"{IN_FILE}.{ORDERS}.maxReplicas",
    ),
    # Memory
    "memory-limit-below-peak": Example(
        {"calibration": {"services.orders.memory_peak_bytes": 300 * 2**20}},
        "a memory limit of 256Mi, a replica took 300Mi",
        f"{IN_FILE}.services.orders.resources.limits.memory",
        {"calibration": {"services.orders.memory_peak_bytes": 256 * 2**20}},
    ),
    "memory-request-below-peak": Example(
        {"calibration": {"services.orders.memory_peak_bytes": 161 * 2**20}},
        "a memory request of 160Mi, a replica took 161Mi",
        f"{IN_FILE}.services.orders.resources.requests.memory",
    ),
    "request-above-limit": Example(
        {"manifests": {f"{WEB}.resources.requests.cpu": "1"}},
        "cpu request 1, limit 400m",
        "spec.template.spec.containers[0].resources.requests.cpu",
    ),
    "redis-memory-below-working-set": Example(
        {"platform": {"redis.working_set": "65Mi"}},
        "Redis has 64Mi, the services keep 65Mi in it",
        "redis.memory",
        {"platform": {"redis.working_set": "64Mi"}},
    ),
    "redis-without-memory-policy": Example(
        {"manifests": {"redis.spec.template.spec.containers.0.args": ["--maxmemory", "64mb"]}},
        "no maxmemory-policy",
        "spec.template.spec.containers[0]",
    ),
    "redis-maxmemory-above-limit": Example(
        {"manifests": {"redis.spec.template.spec.containers.0.args.1": "90mb"}},
        "maxmemory 90Mi of a limit of 96Mi",
        "spec.template.spec.containers[0].resources.limits.memory",
    ),
    # Probes, starts and drains
    "no-drain": Example(
        {"platform": {"services.orders.drain_seconds": 0}},
        "orders: drain_seconds 0",
        "services.orders.drain_seconds",
        {"platform": {"services.orders.drain_seconds": 2}},
    ),
    "drain-below-request-time": Example(
        {"platform": {"services.orders.drain_seconds": 4}},
        "a request may take 5 s",
        "services.orders.drain_seconds",
        {"platform": {"services.orders.drain_seconds": 5}},
    ),
    "no-pre-stop": Example(
        {"manifests": {f"{WEB}.lifecycle": GONE}},
        "container web of Deployment web has no preStop",
        "spec.template.spec.containers[0]",
    ),
    "grace-below-pre-stop": Example(
        {"manifests": {f"{WEB}.lifecycle.preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 30"]}}}},
        "sleeps 30 s before it ends, and is killed after 30 s",
        "spec.template.spec.containers[0].lifecycle.preStop",
        {"manifests": {f"{WEB}.lifecycle.preStop": {"exec": {"command": ["sleep", "29"]}}}},
    ),
    "liveness-kills-under-load": Example(
        {"manifests": {f"{WEB}.livenessProbe": {"httpGet": {"path": "/", "port": 8000}}}},
        "is killed when 3 answers in 30 s take more than 1 s",
        "spec.template.spec.containers[0].livenessProbe",
        {
            "manifests": {
                f"{WEB}.livenessProbe": {"httpGet": {"path": "/", "port": 8000}, "timeoutSeconds": 5, "failureThreshold": 6}
            }
        },
    ),
    "no-readiness-probe": Example(
        {"manifests": {f"{WEB}.readinessProbe": GONE}}, "has no readinessProbe", "spec.template.spec.containers[0]"
    ),
    "start-above-timeout": Example(
        {"platform": {"services.orders.start_timeout_seconds": 5}},
        "started in up to 6 s, given up after 5 s",
        "services.orders.start_timeout_seconds",
        {"platform": {"services.orders.start_timeout_seconds": 6}},
    ),
    "probe-kills-while-starting": Example(
        {
            "manifests": {
                "deployment.metadata.name": "orders",
                f"{WEB}.startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 5},
            }
        },
        "is killed after 5 s without an answer, a start takes up to 6 s",
        "spec.template.spec.containers[0].startupProbe",
        {
            "manifests": {
                "deployment.metadata.name": "orders",
                f"{WEB}.startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 6},
            }
        },
    ),
    # Promises
    "slo-above-measured": Example(
        {"calibration": {"services.orders.steps.0.good_share": 0.94}},
        "promises 0.95 within 300 ms; the best that was measured, at the lowest rate, is 0.94",
        "services.orders.slo.share",
        {"calibration": {"services.orders.steps.0.good_share": 0.95}},
    ),
    "slo-tighter-than-callee": Example(
        {"platform": {"services.front.slo.latency_ms": 300}},
        "front promises 0.95 within 300 ms, and waits for orders",
        "services.front.calls[0]",
        {"platform": {"services.front.slo.latency_ms": 301}},
    ),
    "call-timeouts-add-up": Example(
        {"platform": {"services.front.request_timeout_seconds": 4}},
        "front gives up after 4 s, but may wait for orders 5 s",
        "services.front.request_timeout_seconds",
        {"platform": {"services.front.request_timeout_seconds": 5}},
    ),
    "calls-in-a-circle": Example(
        {"platform": {"services.orders.calls": ["front"]}},
        "in a circle: ",
        "services.",
        {"platform": {"services.front.calls": []}},
    ),
    # Calibration
    "calibration-stale": Example(
        {"calibration": {"stamp.measured_at": NOW - 8 * 86_400}},
        "measured 8 days ago",
        "",
        {"calibration": {"stamp.measured_at": NOW}},
    ),
    "calibration-of-other-limits": Example(
        {"policy": {"services.orders.resources.limits.cpu": "500m"}},
        "measured with a CPU limit of 400m, it is 500m now",
        f"{IN_FILE}.services.orders.resources.limits.cpu",
    ),
    "calibration-of-other-machine": Example({"machine": "n"}, "measured on machine m, this is n", ""),
    "calibration-of-other-slo": Example(
        {"calibration": {"slo.orders": [0.25, 0.95]}},
        "capacity was measured for 0.95 within 250 ms, the SLO is 0.95 within 300 ms",
        "services.orders.slo",
    ),
    "calibration-without-service": Example(
        {"calibration": {"services.front": GONE}}, "front was not measured", "services.front"
    ),
    "peak-beyond-measured": Example(
        {"calibration": {"services.orders.highest_rate_per_replica": 39.0}},
        "a replica meets 50 requests/s, at most 39 were measured",
        f"{IN_FILE}.{ORDERS}.maxReplicas",
        {"calibration": {"services.orders.highest_rate_per_replica": 40.0}},
    ),
    "cpu-request-below-use": Example(
        {"calibration": {"services.orders.usage_at_capacity_cores": 0.401}},
        "requests 200m, a replica at capacity uses 401m",
        f"{IN_FILE}.services.orders.resources.requests.cpu",
        {"calibration": {"services.orders.usage_at_capacity_cores": 0.4}},
    ),
    # Verdicts of check
    "slo-missed": Example(
        outcome(estimate(0.051, 0.04, 0.06)),
        "orders: 5.1 % of the requests are violated, simulated (4 % to 6 %); allowed 5 %",
        f"{IN_FILE}.{ORDERS}",
        outcome(estimate(0.05)),
    ),
    "slo-missed-by-chance": Example(
        outcome(estimate(0.03, 0.01, 0.06)),
        "in one of ten runs up to 6 %",
        f"{IN_FILE}.{ORDERS}",
        outcome(estimate(0.03, 0.01, 0.05)),
    ),
    "simulation-refused": Example({"refused": "a limit of 500m, but 400m was measured"}, "a limit of 500m", IN_FILE),
    "cost-regression": Example(
        growth("cost", 1000, 1100, 0.02),
        "cost 1,000 → 1,100 core-seconds, simulated: +10 % (+2 % to +20 %), 5 % is allowed",
        f"{IN_FILE}.services",
        growth("cost", 1000, 1100, -0.01),
    ),
    "violation-regression": Example(
        growth("violation", 0.01, 0.02, 0.005, limit=0.005),
        "orders: violation 1 % → 2 %, simulated: +1 points",
        f"{IN_FILE}.{ORDERS}",
        growth("violation", 0.01, 0.014, 0.002, limit=0.005),
    ),
    "cpu-per-request-regression": Example(
        growth("cpu_per_request", 0.0021, 0.0042, 0.9, origin="calibrated", limit=0.1),
        "orders: cpu per request 2.1 ms → 4.2 ms, calibrated: +100 %",
        "services.orders",
        growth("cpu_per_request", 0.0021, 0.0022, 0.01, origin="calibrated", limit=0.1),
    ),
    "memory-regression": Example(
        growth("memory_peak", 100 * 2**20, 200 * 2**20, 1.0, origin="calibrated", limit=0.25),
        "orders: memory peak 100 MiB → 200 MiB",
        "services.orders",
        growth("memory_peak", 100 * 2**20, 120 * 2**20, 0.2, origin="calibrated", limit=0.25),
    ),
    "baseline-of-another-load": Example(
        {"incomparable": ("users 6,000 → 3,000",)}, "another load: users 6,000 → 3,000", "load", {"incomparable": ()}
    ),
}


def test_every_rule_has_an_example():
    assert list(EXAMPLES) == [rule.id for rule in ALL]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_failing_example_is_found_where_it_is(name, tmp_path):
    example, rule = EXAMPLES[name], rule_of(name)
    found = apply([rule], facts(tmp_path, **example.bad))
    messages = [finding.message for finding in found]
    assert any(example.says in message for message in messages), messages
    said = next(finding for finding in found if example.says in finding.message)
    assert said.field == example.field or (example.field.endswith(".") and said.field.startswith(example.field))
    assert said.severity == rule.severity
    if said.file.endswith(".yaml"):
        # The line of the field itself or, where it is absent or an item of a list, of the nearest that is there.
        key = (
            (tmp_path / said.file)
            .read_text()
            .splitlines()[said.line - 1]
            .strip()
            .removeprefix("- ")
            .split(": ")[0]
            .removesuffix(":")
        )
        parts = re.split(r"[.\[]", said.field)
        assert {key, key.split(".")[-1]} & {*parts, "type", "requests", "name", "orders"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_passing_example_is_not(name, tmp_path):
    rule = rule_of(name)
    assert apply([rule], facts(tmp_path, **EXAMPLES[name].good)) == []


def test_the_shop_breaks_no_rule(tmp_path):
    assert [(finding.rule.id, finding.message) for finding in apply(ALL, facts(tmp_path))] == []


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_rule_without_facts_says_nothing(rule):
    assert list(rule.check(Facts())) == []


@pytest.mark.parametrize(
    "missing", ["platform", "policy", "calibration", "shape", "peak_rates", "open_files", "machine", "now"]
)
def test_one_missing_fact_is_no_error(missing, tmp_path):
    # What is broken elsewhere is still found; what needs the missing fact is not, and nothing raises.
    known = replace(facts(tmp_path), **{missing: None})
    assert apply(ALL, known) == []
