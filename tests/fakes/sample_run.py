"""A run that never happened, for whoever needs a plausible one: deterministic, built in well under a second.

A fluid queue per service behind a plain HPA rule: enough to look like a measurement (overload before the scale-up, quick
after it), not a model of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape, spike
from scaleproof.telemetry.run import Run, RunMeta
from scaleproof.telemetry.tables import TABLES

STARTED_AT = 1_790_000_000.0
CAPACITY_PER_SECOND = 60.0
SHARES = {"orders": 0.75, "dashboard": 0.25}
GATEWAY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, np.inf)


@dataclass(frozen=True)
class Crash:
    """One replica of the service is killed; `restart_seconds` later it serves again."""

    time_s: float
    service: str = "orders"
    restart_seconds: float = 6.0


def sample_policy(*, target: int = 80, min_replicas: int = 1, max_replicas: int = 6, cpu: str = "150m") -> Policy:
    """A policy for orders and dashboard."""
    resources = {"requests": {"cpu": cpu, "memory": "160Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}},
    }
    return Policy.model_validate(
        {
            "version": 1,
            "services": {
                name: {
                    "autoscaling": {
                        "minReplicas": min_replicas if name == "orders" else min(min_replicas, 2),
                        "maxReplicas": max_replicas if name == "orders" else 3,
                        "metrics": [metric],
                        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
                    },
                    "resources": resources,
                }
                for name in SHARES
            },
        }
    )


def sample_platform() -> Platform:
    """The reference platform in short."""
    resources = {"requests": {"cpu": "150m", "memory": "160Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}}
    return Platform.model_validate(
        {
            "version": 1,
            "name": "reference",
            "services": {
                "orders": {
                    "command": ["{python}", "-m", "services.orders"],
                    "routes": ["/api/v1/orders"],
                    "resources": resources,
                    "slo": {"latency_ms": 300, "share": 0.95},
                },
                "dashboard": {
                    "command": ["{python}", "-m", "services.dashboard"],
                    "routes": ["/api/v1/dashboard"],
                    "calls": ["orders"],
                    "resources": resources,
                    "slo": {"latency_ms": 500, "share": 0.95},
                },
            },
        }
    )


def sample_run(
    *,
    label: str = "before",
    policy: Policy | None = None,
    shape: Shape | None = None,
    users: int = 10_000,
    seed: int = 7,
    crash: Crash | None = None,
    overloaded_seconds: int = 0,
    path: Path | None = None,
) -> Run:
    """One run; `overloaded_seconds` of it have a host CPU above 85 %."""
    policy = policy or sample_policy()
    shape = shape or spike(rise=20)  # the samples stay what they are when the default changes
    rng = np.random.default_rng([seed, len(label)])
    seconds = int(shape.duration_seconds)
    total = np.random.default_rng(seed).poisson(shape.users_at(np.arange(seconds) + 0.5, users) / 30)
    parts = {name: _service(name, (total * share).astype(int), policy, rng, crash) for name, share in SHARES.items()}
    requests = pd.concat([part.requests for part in parts.values()]).sort_values("intended_s", ignore_index=True)
    requests["action"] = np.arange(len(requests))
    tables = {
        "schedule": pd.DataFrame(
            {
                "action": requests["action"],
                "user": rng.integers(0, users, len(requests)),
                "intended_s": requests["intended_s"],
                "journey": "Shopper",
                "task": requests["name"],
                "service": requests["service"],
            }
        ),
        "requests": requests,
        "replicas": pd.concat([part.replicas for part in parts.values()]).sort_values("time_s", ignore_index=True),
        "gateway": pd.concat([_gateway(name, part.requests, seconds) for name, part in parts.items()], ignore_index=True),
        "host": _host(total, [part.replicas for part in parts.values()], seconds, overloaded_seconds, rng),
        "decisions": pd.DataFrame([row for part in parts.values() for row in part.decisions]).sort_values(
            "time_s", ignore_index=True
        ),
        "events": pd.DataFrame(
            [row for part in parts.values() for row in part.events],
            columns=TABLES["events"].names,
        ).sort_values("time_s", ignore_index=True),
    }
    frames = {
        name: frame[TABLES[name].names].astype({f.name: f.type.to_pandas_dtype() for f in TABLES[name] if f.type != "string"})
        for name, frame in tables.items()
    }
    meta = RunMeta(
        id=f"20260921-120000-{label}",
        label=label,
        started_at=STARTED_AT,
        duration_seconds=float(seconds),
        target="local",
        stack="dev",
        users=users,
        shape_name=shape.name,
        shape_points=list(shape.points),
        seed=seed,
        platform=sample_platform(),
        policy=policy,
        machine={"cpu": "Example CPU", "cores": 2, "memory_bytes": 8 << 30},
        versions={"scaleproof": "0.1.0", "python": "3.11.9", "locust": "2.46.2", "envoy": "1.36.0"},
    )
    return Run(meta=meta, tables=frames, path=path)


@dataclass(frozen=True)
class _Part:
    requests: pd.DataFrame
    replicas: pd.DataFrame
    decisions: list[dict]
    events: list[dict]


def _service(name, demand, policy, rng, crash) -> _Part:
    spec = policy.services[name].autoscaling
    target = spec.metrics[0].resource.target.average_utilization
    lives = [[f"{name}-{i}", -30.0, -25.0, np.inf] for i in range(spec.min_replicas)]  # name, created, ready, end
    events = [_event(0.0, "ready", name, life[0], "") for life in lives]
    decisions, backlog, wanted_lately = [], 0.0, []
    delay, usage = np.zeros(len(demand)), np.zeros(len(demand))
    down = None
    for second, arrived in enumerate(demand):
        if crash is not None and crash.service == name and second == int(crash.time_s):
            down = (second, second + crash.restart_seconds)
            events.append(_event(second, "crashed", name, lives[0][0], "signal 9 (killed)"))
            events.append(_event(down[1], "restarted", name, lives[0][0], "after a back-off of 1 s"))
        ready = sum(1 for life in lives if life[2] <= second < life[3])
        if down is not None and down[0] <= second < down[1]:
            ready -= 1
        capacity = max(ready, 0.05) * CAPACITY_PER_SECOND
        done = min(backlog + arrived, capacity)
        backlog = min(max(0.0, backlog + arrived - capacity), 16 * capacity)  # who has waited so long has given up
        usage[second] = done / capacity
        delay[second] = backlog / capacity + 0.004 / max(0.05, 1.02 - usage[second])
        if second % 15 == 7:
            current = sum(1 for life in lives if life[3] == np.inf)
            percent = usage[max(0, second - 15) : second + 1].mean() * 100
            desired = current if abs(percent / target - 1) <= 0.1 else int(np.ceil(current * percent / target))
            desired = int(np.clip(desired, spec.min_replicas, spec.max_replicas))
            wanted_lately = [*wanted_lately, desired][-4:]
            settled = max(wanted_lately)
            after = settled if settled < current else max(desired, min(settled, current))
            decisions.append(
                {
                    "time_s": float(second),
                    "service": name,
                    "current_replicas": current,
                    "desired_replicas": after,
                    "reason": "DesiredWithinRange" if after == desired else "ScaleDownStabilized",
                    "message": f"cpu {percent:.0f} % of the request, target {target} %: {current} -> {after} replicas",
                    "utilization": percent,
                    "target": float(target),
                }
            )
            for index in range(current, after):
                life = [f"{name}-{len(lives)}", float(second), second + 4.0 + (index % 3), np.inf]
                lives.append(life)
                events += [_event(life[1], "created", name, life[0], ""), _event(life[2], "ready", name, life[0], "")]
            for life in [life for life in lives if life[3] == np.inf][after:]:
                life[3] = float(second) + 3
                events += [
                    _event(second, "draining", name, life[0], ""),
                    _event(second + 3, "stopped", name, life[0], ""),
                ]
    return _Part(_requests(name, demand, delay, rng), _replicas(name, lives, usage, down), decisions, events)


def _event(time_s, kind, component, replica, message) -> dict:
    return {"time_s": float(time_s), "kind": kind, "component": component, "replica": replica, "message": message}


def _requests(name, demand, delay, rng) -> pd.DataFrame:
    second = np.repeat(np.arange(len(demand)), demand)
    count = len(second)
    intended = second + rng.random(count)
    queued = delay[second] * rng.gamma(12, 1 / 12, count)
    sent = intended + rng.exponential(0.001, count) + np.where(rng.random(count) < 0.1, queued * 0.3, 0)
    finished = np.maximum(sent, intended + queued) + 0.008 * rng.lognormal(0, 0.5, count)
    late = finished - sent > 15
    finished = np.where(late, sent + 15, finished)
    return pd.DataFrame(
        {
            "action": 0,
            "step": 0,
            "service": name,
            "name": rng.choice([f"GET /api/v1/{name}", f"GET /api/v1/{name}/{{id}}"], count),
            "intended_s": intended,
            "sent_s": sent,
            "finished_s": finished,
            "status": np.where(late, 504, 200),
            "ok": ~late,
            "error": np.where(late, "HTTP 504", ""),
        }
    )


def _replicas(name, lives, usage, down) -> pd.DataFrame:
    rows = []
    for replica, created, ready, end in lives:
        for second in range(max(0, int(created)), int(min(end, len(usage)))):
            starting = second < ready
            failed = down is not None and replica == lives[0][0] and down[0] <= second < down[1]
            state = "failed" if failed else "starting" if starting else "draining" if end - second <= 3 else "ready"
            cores = 0.15 if starting else 0.0 if failed else 0.01 + 0.14 * usage[second]
            rows.append(
                {
                    "time_s": float(second),
                    "service": name,
                    "replica": replica,
                    "state": state,
                    "cpu_cores": cores,
                    "throttled_share": max(0.0, usage[second] - 0.85) * 3 if not starting else 0.2,
                    "memory_bytes": 90 << 20,
                }
            )
    return pd.DataFrame(rows)


def _gateway(name, requests, seconds) -> pd.DataFrame:
    latency = (requests["finished_s"] - requests["sent_s"]).to_numpy()
    finished = requests["finished_s"].to_numpy()
    times = np.arange(0, seconds + 1, dtype=float)
    frames = []
    for bound in GATEWAY_BOUNDS:
        ended = np.sort(finished[latency <= bound])
        frames.append(
            pd.DataFrame(
                {
                    "time_s": times,
                    "service": name,
                    "upper_bound_s": bound,
                    "count": np.searchsorted(ended, times, side="right") + 1000,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _host(total, replicas, seconds, overloaded_seconds, rng) -> pd.DataFrame:
    busy = total / 1000
    parts = {
        "generator_cores": 0.05 + busy * 0.6,
        "gateway_cores": 0.02 + busy * 0.25,
        "datastores_cores": 0.03 + busy * 0.3,
    }
    serving = pd.concat(replicas).groupby("time_s")["cpu_cores"].sum().reindex(range(seconds), fill_value=0.0).to_numpy()
    share = (sum(parts.values()) + serving) / 2 + 0.03 + rng.exponential(0.01, seconds)
    share = np.minimum(share, 0.84)
    start = seconds // 3
    share[start : start + overloaded_seconds] = 0.97
    return pd.DataFrame(
        {
            "time_s": np.arange(seconds, dtype=float),
            "cpu_share": share,
            "steal_share": 0.0,
            **parts,
            "generator_lag_s": np.minimum(0.001 + rng.exponential(0.0005, seconds), 0.009),
            "generator_memory_bytes": 300 << 20,
            "gateway_memory_bytes": 60 << 20,
        }
    )
