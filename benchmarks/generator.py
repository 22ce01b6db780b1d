"""What generator and gateway cost at 10,000 users, and how much latency the generator adds.

The limits: generator + gateway within 1 core and 1 GB together; the p95 that the generator reports (from the intended time)
at most 10 ms above Envoy's own histogram of the same requests. Run: `.venv/bin/python benchmarks/generator.py` (about 2 minutes).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scaleproof.runtime.machine import machine_facts
from scaleproof.spec.shapes import Shape
from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.marks import marked_share
from scaleproof.telemetry.percentiles import histogram_between, histogram_quantile, quantiles
from scaleproof.tuner.measure import measure
from scaleproof.tuner.ports import LoadPlan
from scaleproof.wiring import Project

USERS = 10_000
FROM_SECOND, TO_SECOND = 20.0, 80.0
MOST_CORES, MOST_BYTES, MOST_ADDED_SECONDS = 1.0, 2**30, 0.010


def main() -> int:
    """Print the figures; 1 where one is beyond its limit."""
    project = Project.open(Path(), stack="dev", target="local")
    plan = LoadPlan(
        users=USERS,
        shape=Shape("flat", ((0.0, 1.0), (TO_SECOND + 5, 1.0))),
        seed=77,
        think_seconds=project.platform.load.think_seconds,
        locustfile=Path(project.platform.load.locustfile),
    )
    many = {name: service.autoscaling.max_replicas for name, service in project.policy.services.items()}
    with project.target.session(start=True) as session, tempfile.TemporaryDirectory() as folder:
        rig = session.rig
        rig.progress.say(f"{machine_facts()}")
        document = project.policy.model_dump(mode="json", by_alias=True)
        for name, count in many.items():
            document["services"][name]["autoscaling"]["minReplicas"] = count
        policy = type(project.policy).model_validate(document)
        rig.target.apply(policy)
        run = measure(rig, plan, policy, label="generator", run_root=Path(folder))
    host = run.host[(run.host["time_s"] >= FROM_SECOND) & (run.host["time_s"] < TO_SECOND)]
    cores = (host["generator_cores"] + host["gateway_cores"]).mean()
    memory = (host["generator_memory_bytes"] + host["gateway_memory_bytes"]).max()
    requests = intended_requests(run, None, FROM_SECOND, TO_SECOND)
    # A token that is renewed first is a request of its own, which Envoy counts as such.
    aside = requests["sent_s"] - requests["action"].map(run.requests.groupby("action")["sent_s"].min())
    requests["latency_s"] -= aside.where(requests["step"] == 0, 0.0)
    print(
        f"users {USERS:,}, {len(requests) / (TO_SECOND - FROM_SECOND):.0f} requests/s, marked seconds {marked_share(run):.1%}"
    )
    print(
        f"generator {host['generator_cores'].mean():.2f} + gateway {host['gateway_cores'].mean():.2f} = {cores:.2f} cores (limit 1)"
    )
    print(f"generator + gateway memory {memory / 2**20:.0f} MiB (limit 1024)")
    worst = 0.0
    for name in project.platform.services:
        bounds, counts = histogram_between(run.gateway, FROM_SECOND, TO_SECOND, name)
        gateway_p95 = histogram_quantile(bounds, counts, 0.95)
        generator_p95 = float(quantiles(requests[requests["service"] == name]["latency_s"], [0.95])[0])
        added = generator_p95 - gateway_p95
        worst = max(worst, added)
        print(
            f"{name}: p95 {generator_p95 * 1000:.1f} ms from the intended time, {gateway_p95 * 1000:.1f} ms in Envoy: {added * 1000:+.1f} ms"
        )
    kept = cores <= MOST_CORES and memory <= MOST_BYTES and worst <= MOST_ADDED_SECONDS
    print("within the limits" if kept else "BEYOND THE LIMITS")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
