"""A small run to look at: two services, ten seconds, everything in round numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.assemble import assemble_run
from scaleproof.telemetry.run import Run, RunMeta

RESOURCES = {"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}

PLATFORM = """
version: 1
name: shop
services:
  orders:
    image: orders
    routes: [/orders]
    resources: {requests: {cpu: 200m, memory: 64Mi}, limits: {cpu: 200m, memory: 64Mi}}
    slo: {latency_ms: 100, share: 0.9}
  dashboard:
    image: dashboard
    routes: [/dashboard]
    resources: {requests: {cpu: 200m, memory: 64Mi}, limits: {cpu: 200m, memory: 64Mi}}
    slo: {latency_ms: 500, share: 0.9}
"""


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Makes a run of rows: requests are (intended_s, service, sent_s | None, finished_s | None, error)."""
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM)
    platform = read_platform(file)
    autoscaling = {"minReplicas": 1, "maxReplicas": 4}
    policy = Policy.model_validate(
        {"services": {name: {"autoscaling": autoscaling, "resources": RESOURCES} for name in platform.services}}
    )

    def make(
        requests: Sequence[tuple[float, str, float | None, float | None, str]] = (),
        *,
        duration_seconds: float = 10.0,
        later_steps: Sequence[dict[str, Any]] = (),
        points: Sequence[tuple[float, float]] = ((0.0, 1.0), (10.0, 1.0)),
        generator: pd.DataFrame | None = None,
        **observations: Sequence[Mapping[str, Any]],
    ) -> Run:
        schedule = [
            {"action": i, "user": i, "intended_s": row[0], "journey": "J", "task": "t", "service": row[1]}
            for i, row in enumerate(requests)
        ]
        sent = [
            {
                "action": i,
                "step": 0,
                "service": service,
                "name": service,
                "intended_s": intended,
                "sent_s": sent_s,
                "finished_s": finished_s,
                "status": 0 if error else 200,
                "ok": not error,
                "error": error,
            }
            for i, (intended, service, sent_s, finished_s, error) in enumerate(requests)
            if sent_s is not None
        ]
        tables: dict[str, pd.DataFrame] = {}
        if schedule:
            tables["schedule"] = pd.DataFrame(schedule)
        if sent or later_steps:
            tables["requests"] = pd.DataFrame([*sent, *later_steps])
        if generator is not None:
            tables["generator"] = generator
        meta = RunMeta(
            id="run",
            started_at=1_000.0,
            duration_seconds=duration_seconds,
            target="local",
            stack="dev",
            users=100,
            shape_name="flat",
            shape_points=list(points),
            seed=1,
            platform=platform,
            policy=policy,
        )
        return assemble_run(meta, tables, {name: pd.DataFrame(list(rows)) for name, rows in observations.items()})

    return make
