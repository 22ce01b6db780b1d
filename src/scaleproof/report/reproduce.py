"""How to get the same report again, what it was made with, and what it does not say. Pure."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from scaleproof.report.subject import Subject
from scaleproof.report.wording import MISSING, duration, memory, number


def reproduce_commands(subject: Subject) -> tuple[str, ...]:
    """Shell commands, quoted."""
    meta = subject.sides[-1].run.meta
    load = ["--stack", meta.stack, "--users", str(meta.users), "--shape", meta.shape_name, "--seed", str(meta.seed)]
    if meta.locustfile is not None:
        load += ["--locustfile", meta.locustfile]
    commands = []
    if subject.proof is None:
        commands.append(["scaleproof", "up", "--target", meta.target, "--stack", meta.stack])
        commands += [["scaleproof", "load", *load, "--label", side.run.meta.label or side.name] for side in subject.sides]
    else:
        pairs = max(1, len(subject.proof.verdict.runs) // 4)
        much = ["--indicative"] if subject.proof.verdict.indicative else ["--pairs", str(pairs)]
        commands.append(["scaleproof", "prove", "--target", meta.target, *load, *much])
    commands.append(["scaleproof", "report", *subject.folders])
    return tuple(shlex.join(command) for command in commands)


def run_facts(subject: Subject) -> dict[str, str]:
    """Load, machine and versions, by name."""
    meta = subject.sides[-1].run.meta
    facts = {
        "Platform": f"{meta.platform.name} (stack {meta.stack}, target {meta.target})",
        "Load": f"{number(meta.users)} users, shape {meta.shape_name}, {duration(meta.duration_seconds)}, seed {meta.seed}",
        "Measured": datetime.fromtimestamp(subject.sides[0].run.meta.started_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    facts |= {
        f"Machine: {key.removesuffix('_bytes').replace('_', ' ')}": memory(float(value))
        if key.endswith("_bytes")
        else str(value)
        for key, value in meta.machine.items()
    }
    versions = {**(subject.proof.versions if subject.proof else {}), **meta.versions}
    facts["Versions"] = ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or MISSING
    if subject.calibration is not None:
        stamp = subject.calibration.stamp
        facts["Calibration"] = (
            f"{datetime.fromtimestamp(stamp.measured_at, UTC):%Y-%m-%d %H:%M} UTC, machine {stamp.machine[:12]}, image {stamp.image[:12]}"
        )
    return facts


def not_measured(subject: Subject) -> tuple[str, ...]:
    """What a careful reader should know before relying on the report."""
    meta = subject.sides[-1].run.meta
    notes = []
    if subject.proof is not None and subject.proof.verdict.indicative:
        notes.append(
            "Indicative: each policy was measured once. A repeated comparison (--pairs 2 or more) gives the noise between runs."
        )
    if subject.kind == "comparison":
        notes.append("Each policy was measured once: differences of a few per cent may be noise.")
    if subject.kind == "run":
        notes.append("One run: another seed or another day may give somewhat different figures.")
    notes.append(
        f"The verdict is about this load: {number(meta.users)} users, shape {meta.shape_name}. Another shape can ask for another policy."
    )
    if meta.target == "local":
        notes.append(
            "The replicas were processes with CPU limits on one machine, not pods on a cluster: "
            "network between nodes, image pulls and node scaling are not part of the figures."
        )
    if subject.proof is not None:
        notes.append("Frontier and predictions are simulated from the calibration; only the runs named here were measured.")
    if any(side.run.meta.closed_loop for side in subject.sides):
        notes.append(
            "Closed loop: the users waited for their answers, so a slow platform got fewer requests, and what it would have got "
            "meanwhile is not counted (coordinated omission). Another platform, or another policy, would not have got the same load."
        )
    if meta.interrupted:
        notes.append("The load was interrupted before its end.")
    return tuple(notes)
