"""Measuring one policy under one load: settle, load, observe until steady again, assemble, write the run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.assemble import assemble_run
from scaleproof.telemetry.run import Run, RunMeta, write_run
from scaleproof.tuner.ports import LoadGenerator, LoadPlan, Progress, TargetPlatform

SYNC_PERIOD_SECONDS: Final = 15.0
DEFAULT_SCALE_DOWN_WINDOW_SECONDS: Final = 300
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Rig:
    """What every measurement needs: the platform, the generator, where time comes from and where progress goes."""

    target: TargetPlatform
    generator: LoadGenerator
    spec: Platform
    stack: str
    progress: Progress
    clock: Callable[[], float] = time.time
    """Unix seconds."""
    sleep: Callable[[float], None] = time.sleep
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str | int | float] = field(default_factory=dict)
    """What measures: cores, cpu_model, memory_bytes."""


def measure(rig: Rig, plan: LoadPlan, policy: Policy, *, label: str, run_root: Path) -> Run:
    """Send the plan to the platform, which runs `policy` already, and observe until every service is steady again.

    The run is written to `run_root/<UTC time>-<label>` and returned with its path. Raises CannotMeasureError where the
    platform does not settle or the generator fails, KeyboardInterrupt after an interrupted load (what was seen is written).
    """
    rig.progress.stage(f"{label}: settling", seconds=None)
    # Held at the steady count and released: waiting out a scale-down window would only take time.
    rig.target.hold({name: service.autoscaling.min_replicas for name, service in policy.services.items()})
    rig.target.release()
    rig.target.settle(settle_seconds(policy))
    rig.progress.stage(f"{label}: {plan.users:,} users, {plan.shape.name}", seconds=plan.shape.duration_seconds)
    load = rig.generator.run(plan, rig.progress, steady=lambda: is_steady(rig.target, policy))
    if not load.interrupted:
        _await_steady(rig, policy, label)
    seen = rig.target.observe(load.started_at, rig.clock())
    stamp = rig.target.stamp()
    moment = datetime.fromtimestamp(load.started_at, tz=UTC).strftime("%Y%m%dT%H%M%S")
    meta = RunMeta(
        id=f"{moment}-{label}",
        label=label,
        started_at=load.started_at,
        duration_seconds=load.duration_seconds,
        target=rig.target.name,
        stack=rig.stack,
        users=plan.users,
        shape_name=plan.shape.name,
        shape_points=list(plan.shape.points),
        seed=plan.seed,
        platform=rig.spec,
        policy=policy,
        machine={"digest": stamp.machine, **rig.machine},
        versions=dict(rig.versions),
        interrupted=load.interrupted,
        closed_loop=load.closed_loop,
        locustfile=plan.locustfile.as_posix() if load.closed_loop else None,
    )
    assembled = assemble_run(meta, load.tables, seen.tables)
    folder = write_run(assembled, _free_folder(run_root, meta.id))
    if load.interrupted:
        raise KeyboardInterrupt
    if assembled.schedule.empty:
        raise CannotMeasureError(
            f"{label}: the load has no request at all", hint="check users, shape and the locustfile's tasks"
        )
    return Run(meta=meta, tables=assembled.tables, path=folder)


def is_steady(target: TargetPlatform, policy: Policy) -> bool:
    """Every service has exactly minReplicas, all ready."""
    states = target.states()
    return all(
        name in states and states[name].total == states[name].ready == max(service.autoscaling.min_replicas, 0)
        for name, service in policy.services.items()
    )


def settle_seconds(policy: Policy) -> float:
    """How long a service may take at most to come back to minReplicas without load: window, rate limits, start-up."""
    longest = 0.0
    for service in policy.services.values():
        behavior = service.autoscaling.behavior
        down = behavior.scale_down if behavior is not None else None
        window = DEFAULT_SCALE_DOWN_WINDOW_SECONDS
        slowest = 0.0
        if down is not None:
            if down.stabilization_window_seconds is not None:
                window = down.stabilization_window_seconds
            pods = [rule for rule in down.policies or [] if rule.type == "Pods"]
            if pods:
                spread = service.autoscaling.max_replicas - service.autoscaling.min_replicas
                slowest = min(rule.period_seconds * spread / rule.value for rule in pods)
        longest = max(longest, window + slowest)
    return longest + 6 * SYNC_PERIOD_SECONDS


def _await_steady(rig: Rig, policy: Policy, label: str) -> None:
    """Cost counts until both policies are back at their steady count; a service that never gets there is simply cut off."""
    if is_steady(rig.target, policy):
        return
    limit = settle_seconds(policy)
    rig.progress.stage(f"{label}: until the steady count is back", seconds=limit)
    begun = rig.clock()
    while not is_steady(rig.target, policy):
        elapsed = rig.clock() - begun
        if elapsed >= limit:
            rig.progress.say(f"{label}: not back at the steady count after {limit:.0f} s")
            return
        rig.progress.advance(elapsed)
        rig.sleep(POLL_SECONDS)


def _free_folder(root: Path, name: str) -> Path:
    """`root/name`, or with a number where two runs start in the same second."""
    folder, number = root / name, 2
    while folder.exists():
        folder = root / f"{name}-{number}"
        number += 1
    return folder
