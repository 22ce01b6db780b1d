"""Upstream's own tables of stabilisation, limits and scale events (kubernetes v1.36.3, horizontal_test.go), row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaleproof.hpa.behavior import convert_desired_replicas_with_behavior_rate, convert_desired_replicas_with_rules
from scaleproof.hpa.history import ScaleEvents
from scaleproof.hpa.horizontal_spec import read_horizontal_spec
from scaleproof.hpa.quantities import NANOSECONDS
from scaleproof.hpa.reasons import NAMES
from scaleproof.hpa.scale_events import get_replicas_change_per_period
from scaleproof.hpa.stabilization import stabilize_recommendation, stabilize_recommendation_with_behaviors

TABLES = json.loads((Path(__file__).parent / "data" / "behavior.json").read_text())
NOW = 1_700_000_000 * NANOSECONDS


def rows(name):
    return [pytest.param(row, id=row["name"]) for row in TABLES[name]]


def at(offset):
    return NOW + int(offset * NANOSECONDS)


def events(recorded):
    return ScaleEvents([e[0] for e in recorded], [at(e[1]) for e in recorded], [len(e) > 2 for e in recorded])


def behavior(**sides):
    given = {side: rules for side, rules in sides.items() if rules is not None}
    return read_horizontal_spec({"maxReplicas": 1, "behavior": given}, "spec")


@pytest.mark.parametrize("row", rows("rules"))
def test_limits_without_behavior(row):
    replicas, reason = convert_desired_replicas_with_rules(row["current"], row["desired"], row["min"], row["max"])
    # Upstream's row compares with calculateScaleUpLimit, whose factor its tests raise from 2 to 8.
    expected = [6, "ScaleUpLimit"] if row["expected"][1] == "ScaleUpLimit" else row["expected"]
    assert [replicas, NAMES[reason]] == expected


@pytest.mark.parametrize("row", rows("rate"))
def test_limits_with_behavior(row):
    spec = behavior(scaleUp=row.get("scaleUp"), scaleDown=row.get("scaleDown"))
    up, down = spec.scale_up, spec.scale_down
    ups, downs = events(row["upEvents"]), events(row["downEvents"])
    replicas, reason = convert_desired_replicas_with_behavior_rate(
        NOW, row["current"], row["desired"], row["min"], row["max"],
        up.select_policy, up.policy_types, up.policy_values, up.policy_periods,
        down.select_policy, down.policy_types, down.policy_values, down.policy_periods,
        ups.changes, ups.times, len(ups.changes), downs.changes, downs.times, len(downs.changes),
    )  # fmt: skip
    assert [replicas, NAMES[reason]] == row["expected"]


@pytest.mark.parametrize("row", rows("stabilize"))
def test_stabilisation_without_behavior(row):
    values = [value for value, _ in row["recommendations"]] + [0]
    times = [at(time) for _, time in row["recommendations"]] + [0]
    result = stabilize_recommendation(NOW, 300 * NANOSECONDS, row["desired"], values, times, len(values) - 1)
    assert list(result) == row["expected"]


@pytest.mark.parametrize("row", rows("stabilizeWithBehaviors"))
def test_stabilisation_with_behavior(row):
    values = [value for value, _ in row["recommendations"]] + [0]
    times = [at(time) for _, time in row["recommendations"]] + [0]
    stabilized, _, count = stabilize_recommendation_with_behaviors(
        NOW, row["current"], row["desired"], row["up"] * NANOSECONDS, row["down"] * NANOSECONDS, values, times, len(values) - 1
    )
    assert stabilized == row["expected"]
    if row["expectedRecommendations"] is not None:
        assert values[:count] == row["expectedRecommendations"]


@pytest.mark.parametrize("row", rows("store"))
@pytest.mark.parametrize("side", ["scaleUp", "scaleDown"])
def test_scale_events_are_stored_in_the_slots_upstream_uses(row, side):
    stored = events(row["events"])
    change = get_replicas_change_per_period(NOW, 60 * NANOSECONDS, stored.changes, stored.times, len(stored.changes))
    assert change == row["expectedChange"]
    if "rules" in row:
        spec = behavior(**{side: row["rules"]})
        rules = spec.scale_up if side == "scaleUp" else spec.scale_down
        stored.store(NOW, row["change"], rules.policy_periods)
    assert [list(event) for event in zip(stored.changes, stored.outdated, strict=True)] == row["expectedEvents"]
