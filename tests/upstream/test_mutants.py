"""The comparison can fail: rules changed a little in a copy of scaleproof.hpa are all noticed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from upstream import cases, verdict
from upstream.timelines import timeline

import scaleproof
from scaleproof.hpa.explain import explain

PACKAGE = Path(scaleproof.__file__).parent
MUTANTS = {
    "the tolerance excludes its edge": (
        "replica_calculator.py",
        "return (1.0 - tolerance_down) <= usage_ratio <= (1.0 + tolerance_up)",
        "return (1.0 - tolerance_down) < usage_ratio < (1.0 + tolerance_up)",
    ),
    "the default tolerance is 0.11": ("reconcile.py", "tolerance: float = 0.1\n", "tolerance: float = 0.11\n"),
    "counts round to the nearest": (
        "go_numbers.py",
        "        return INT32_MIN\n    return math.ceil(value)",
        "        return INT32_MIN\n    return round(value)",
    ),
    "utilisation rounds": (
        "replica_calculator.py",
        "utilization = wrap_int32(quotient(usage_total * 100, requests_total))",
        "utilization = wrap_int32(round(usage_total * 100 / requests_total))",
    ),
    "unready pods count on the way down": (
        "replica_calculator.py",
        "scale_up_with_unready = unready > 0 and usage_ratio > 1.0\n    if not scale_up_with_unready and missing == 0:\n        if is_within(usage_ratio, tolerance_down, tolerance_up):\n            return current_replicas, utilization",
        "scale_up_with_unready = unready > 0\n    if not scale_up_with_unready and missing == 0:\n        if is_within(usage_ratio, tolerance_down, tolerance_up):\n            return current_replicas, utilization",
    ),
    "a missing pod counts 100 % whatever the target": (
        "replica_calculator.py",
        "max(100, target_utilization)",
        "max(100, 0)",
    ),
    "the direction may flip": (
        "replica_calculator.py",
        "if (usage_ratio < 1.0 and new_usage_ratio > 1.0) or (usage_ratio > 1.0 and new_usage_ratio < 1.0):",
        "if usage_ratio != usage_ratio:",
    ),
    "start-up is over one second early": (
        "replica_calculator.py",
        "if start_time + cpu_initialization_period > now:",
        "if start_time + cpu_initialization_period > now + 1_000_000_000:",
    ),
    "a recommendation as old as the window counts": (
        "stabilization.py",
        "if recommendation_times[i] > down_cutoff:",
        "if recommendation_times[i] >= down_cutoff:",
    ),
    "a slot is reused as soon as one window has passed": (
        "stabilization.py",
        "if recommendation_times[i] < up_cutoff and recommendation_times[i] < down_cutoff:",
        "if recommendation_times[i] < up_cutoff or recommendation_times[i] < down_cutoff:",
    ),
    "stabilised recommendations are remembered": (
        "stabilization.py",
        "count = record(slot, desired_replicas, now",
        "count = record(slot, stabilized, now",
    ),
    "an event as old as the period counts": ("scale_events.py", "if times[i] > cutoff:", "if times[i] >= cutoff:"),
    "outdated slots are never reused": ("scale_events.py", "outdated[i] = True", "outdated[i] = False"),
    "a per cent down rounds up": (
        "behavior.py",
        "proposed = truncate_int32(float(start) * (1 - float(policy_values[i]) / 100))",
        "proposed = ceil_int32(float(start) * (1 - float(policy_values[i]) / 100))",
    ),
    "limits forget what was removed": (
        "behavior.py",
        "wrap_int32(current_replicas - added + deleted)",
        "wrap_int32(current_replicas - added)",
    ),
    "without behavior growth is capped at 4": ("behavior.py", "2 * current_replicas", "1 * current_replicas"),
    "one invalid metric does not hold": (
        "reconcile.py",
        "or (invalid and replicas < seen.current_replicas)",
        "or (invalid and replicas < 0)",
    ),
    "the last metric wins": ("reconcile.py", "proposal.replicas > replicas)", "proposal.replicas != replicas)"),
}


@pytest.fixture(scope="module")
def record(upstream, tmp_path_factory):
    """Questions and upstream's answers to them, in a file."""
    questions = [[cases.decision(Random(seed))] for seed in range(1000)]
    questions += [verdict.play(timeline(Random(seed)))[0] for seed in range(10)]
    file = tmp_path_factory.mktemp("record") / "answers.jsonl"
    file.write_text("".join(json.dumps([question, upstream.ask(question)]) + "\n" for question in questions))
    return file


def different_lines(record, package):
    """Lines on which the copy of scaleproof in that folder differs from upstream."""
    path = os.pathsep.join([str(package), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "SCALEPROOF_INTERPRETED": "1"}
    command = [sys.executable, "-m", "upstream.replay", str(record)]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def copied(folder, file=None, old=None, new=None):
    """A copy of scaleproof's packages up to hpa, with one text replaced."""
    target = folder / "scaleproof"
    target.mkdir()
    for name in ("__init__.py", "spec", "telemetry"):
        (target / name).symlink_to(PACKAGE / name)
    shutil.copytree(PACKAGE / "hpa", target / "hpa", ignore=shutil.ignore_patterns("__pycache__"))
    if file:
        text = (target / "hpa" / file).read_text()
        assert text.count(old) == 1, f"{file} no longer says {old!r} once: write this mutant anew"
        (target / "hpa" / file).write_text(text.replace(old, new))
    return folder


def test_an_unchanged_copy_agrees(record, tmp_path):
    assert different_lines(record, copied(tmp_path)) == 0


@pytest.mark.parametrize("what", MUTANTS)
def test_a_changed_rule_is_noticed(record, tmp_path, what):
    assert different_lines(record, copied(tmp_path, *MUTANTS[what])) > 0


def test_a_difference_leaves_a_case_to_explain(upstream, tmp_path, monkeypatch):
    monkeypatch.setattr(verdict, "MISMATCHES", tmp_path)
    questions, ours = verdict.play(timeline(Random(1)))
    theirs = upstream.ask(questions)[30]
    assert verdict.mismatch("timeline-1-sync30", ours[30][1], ours[30][0], theirs) is None
    theirs["desiredReplicas"] += 1
    text = verdict.mismatch("timeline-1-sync30", ours[30][1], ours[30][0], theirs)
    file = tmp_path / "timeline-1-sync30.json"
    assert text.startswith(f"timeline-1-sync30: scaleproof hpa explain {file}\n  desiredReplicas: ours")
    assert explain(json.loads(file.read_text()))["desiredReplicas"] == ours[30][0]["desiredReplicas"]
