"""A JSON patch says no more than what differs, and fails where the autoscaler is not what it was made against."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.output_readers import effect, patched
from fakes.policies import specs
from scaleproof.report.outputs.json_patch import operations
from scaleproof.spec.autoscaler_manifest import autoscaler_spec
from scaleproof.spec.autoscaling import AutoscalingSpec

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
# As the API server shows it: defaults filled in, its own spelling of quantities.
LIVE = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "orders", "namespace": "shop", "resourceVersion": "1"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
        "minReplicas": 1,
        "maxReplicas": 6,
        "metrics": [CPU],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "tolerance": "50m",
                "policies": [
                    {"type": "Pods", "value": 4, "periodSeconds": 15},
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                ],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": 60,
                "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
            },
        },
    },
}
SAME = {
    "maxReplicas": 6,
    "behavior": {"scaleUp": {"tolerance": "0.05"}, "scaleDown": {"stabilizationWindowSeconds": 60}},
}


def patch(wanted: dict, old: dict = LIVE) -> list[dict]:
    return operations(old, AutoscalingSpec.model_validate(wanted), tolerance=True)


def without(path: str) -> dict:
    """LIVE without one member."""
    return patched(LIVE, [{"op": "remove", "path": path}])


def test_defaults_and_other_spellings_are_no_difference():
    assert patch(SAME) == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(
            {**SAME, "maxReplicas": 9},
            [
                {"op": "test", "path": "/spec/maxReplicas", "value": 6},
                {"op": "replace", "path": "/spec/maxReplicas", "value": 9},
            ],
            id="one number",
        ),
        pytest.param(
            {
                **SAME,
                "metrics": [{**CPU, "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}],
            },
            [
                {"op": "test", "path": "/spec/metrics", "value": [CPU]},
                {"op": "replace", "path": "/spec/metrics/0/resource/target/averageUtilization", "value": 60},
            ],
            id="a number in a list: the whole list is tested, so that the index means the same metric",
        ),
        pytest.param(
            {**SAME, "behavior": {"scaleUp": {"tolerance": "0.05"}}},
            [
                {"op": "test", "path": "/spec/behavior/scaleDown", "value": LIVE["spec"]["behavior"]["scaleDown"]},
                {"op": "remove", "path": "/spec/behavior/scaleDown"},
            ],
            id="what the policy no longer states is removed",
        ),
        pytest.param(
            {**SAME, "behavior": {**SAME["behavior"], "scaleDown": {"stabilizationWindowSeconds": 60, "tolerance": "0.2"}}},
            [
                {"op": "test", "path": "/spec/behavior/scaleDown", "value": LIVE["spec"]["behavior"]["scaleDown"]},
                {"op": "add", "path": "/spec/behavior/scaleDown/tolerance", "value": "0.2"},
            ],
            id="a new member: its absence can only be tested with its object",
        ),
        pytest.param(
            {"maxReplicas": 6},
            [
                {"op": "test", "path": "/spec/behavior", "value": LIVE["spec"]["behavior"]},
                {"op": "remove", "path": "/spec/behavior"},
            ],
            id="no behaviour is another one than the default behaviour",
        ),
    ],
)
def test_no_more_than_what_differs(wanted, expected):
    assert patch(wanted) == expected
    assert effect(patched(LIVE, expected)["spec"]) == effect(wanted)


def test_a_behaviour_that_was_not_there_is_added_whole():
    old = without("/spec/behavior")
    assert patch(SAME, old) == [
        {"op": "test", "path": "/spec", "value": old["spec"]},
        {"op": "add", "path": "/spec/behavior", "value": SAME["behavior"]},
    ]


def test_a_path_escapes_what_has_a_meaning_in_it():
    def by(value):
        metric = {"name": "queue", "selector": {"matchLabels": {"app.kubernetes.io/name": value, "~": value}}}
        return {"type": "External", "external": {"metric": metric, "target": {"type": "Value", "value": "3"}}}

    old = {"spec": {**LIVE["spec"], "metrics": [by("a")]}}
    found = patch({**SAME, "metrics": [by("b")]}, old)
    labels = "/spec/metrics/0/external/metric/selector/matchLabels/"
    assert [operation["path"] for operation in found[1:]] == [f"{labels}app.kubernetes.io~1name", f"{labels}~0"]
    assert patched(old, found)["spec"]["metrics"] == [by("b")]


def values_at(node, path=""):
    """Every scalar with its path."""
    if isinstance(node, dict):
        return [
            each
            for key, value in node.items()
            for each in values_at(value, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
        ]
    if isinstance(node, list):
        return [each for index, value in enumerate(node) for each in values_at(value, f"{path}/{index}")]
    return [(path, node)]


@given(before=specs(), after=specs(), data=st.data())
def test_a_value_that_somebody_changed_meanwhile_is_not_overwritten(before, after, data):
    old = {"spec": autoscaler_spec("orders", before, tolerance=True)}
    found = operations(old, after, tolerance=True)
    changing = [operation["path"] for operation in found if operation["op"] in {"replace", "remove"}]
    touched = [
        (path, value)
        for path, value in values_at(old["spec"], "/spec")
        if any((path + "/").startswith(each + "/") for each in changing)
    ]
    if not touched:
        return
    path, value = data.draw(st.sampled_from(touched))
    meanwhile = patched(old, [{"op": "replace", "path": path, "value": value + 1 if isinstance(value, int) else f"{value}0"}])
    kept = copy.deepcopy(meanwhile)
    with pytest.raises(LookupError):
        patched(meanwhile, found)
    assert meanwhile == kept


@given(before=specs(), after=specs())
def test_every_change_is_tested_before_it_is_made(before, after):
    old = {"spec": autoscaler_spec("orders", before, tolerance=True)}
    tested: list[str] = []
    for operation in operations(old, after, tolerance=True):
        if operation["op"] == "test":
            tested.append(operation["path"])
        else:
            parent = operation["path"].rpartition("/")[0] if operation["op"] == "add" else operation["path"]
            assert any((parent + "/").startswith(each + "/") for each in tested), operation
