"""Autoscalers are taken over as they are; without one, the default and its bounds are explained."""

from __future__ import annotations

import pytest

from scaleproof.adoption.documents import Document
from scaleproof.adoption.guesses import Reasons
from scaleproof.adoption.objects import Objects
from scaleproof.adoption.policy_of import autoscaling_of, say_unmatched
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 65}}}
EXTERNAL = {
    "type": "External",
    "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "30"}},
}


def autoscaler(version="autoscaling/v2", *, name="cart", kind="Deployment", **spec):
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": "cart"}
    body = {
        "apiVersion": version,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": reference, **spec},
    }
    return Document(body, "x.yaml")


def budget(**spec):
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "cart"}}
    return Document({**body, "spec": {"selector": {"matchLabels": {"app": "cart"}}, **spec}}, "x.yaml")


def taken(workload, *autoscalers, told=None, budgets=(), **changes):
    cart = workload(**changes)
    objects = Objects(workloads=(cart,), autoscalers=autoscalers, budgets=budgets)
    return autoscaling_of(cart, objects, "cart", told or Reasons())


def test_an_autoscaler_is_taken_over_as_it_is(workload):
    behavior = {
        "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]},
        "scaleDown": {"selectPolicy": "Disabled", "tolerance": "0.2"},
    }
    told = Reasons()
    spec = {"minReplicas": 2, "maxReplicas": 9, "metrics": [CPU], "behavior": behavior}
    assert taken(workload, autoscaler(**spec), told=told) == spec
    assert not told.guesses
    assert told.remarks[0].text == "as HorizontalPodAutoscaler cart (x.yaml) has it"


def test_version_1_says_the_same_in_other_words(workload):
    found = taken(workload, autoscaler("autoscaling/v1", minReplicas=2, maxReplicas=9, targetCPUUtilizationPercentage=65))
    assert found == {"minReplicas": 2, "maxReplicas": 9, "metrics": [CPU]}


def test_an_autoscaler_without_metrics_keeps_none(workload):
    assert taken(workload, autoscaler(maxReplicas=3, metrics=None)) == {"minReplicas": 1, "maxReplicas": 3}


def test_a_metric_that_is_not_simulated_is_said(workload):
    told = Reasons()
    assert taken(workload, autoscaler(maxReplicas=3, metrics=[CPU, EXTERNAL]), told=told)["metrics"][1] == EXTERNAL
    assert told.notes == [
        "HorizontalPodAutoscaler cart (x.yaml): `simulate` and `tune` do not know its metric of type External; `hpa explain` does"
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas: Input should be greater than or equal to 1"),
        ({"minReplicas": 5, "maxReplicas": 2}, "minReplicas 5 is greater than maxReplicas 2"),
        ({"maxReplicas": 2, "metrics": [{"type": "Resource"}]}, "a metric of type Resource needs the field resource"),
        ({"maxReplicas": 2, "target": 80}, "spec.target: Extra inputs are not permitted"),
        ({}, "spec.maxReplicas: Field required"),
    ],
)
def test_an_autoscaler_that_is_none_is_named(workload, spec, message):
    with pytest.raises(BadInputError) as caught:
        taken(workload, autoscaler(**spec))
    assert "HorizontalPodAutoscaler cart (x.yaml)" in str(caught.value)
    assert message in str(caught.value)


def test_a_version_that_no_cluster_serves_is_refused(workload):
    with pytest.raises(BadInputError, match="v2beta1"):
        taken(workload, autoscaler("autoscaling/v2beta1", maxReplicas=3))


def test_the_second_autoscaler_of_an_object_is_left_out_and_said(workload):
    told = Reasons()
    found = taken(workload, autoscaler(maxReplicas=3), autoscaler(name="other", maxReplicas=7), told=told)
    assert found["maxReplicas"] == 3
    assert "two autoscalers of one object" in told.notes[0]


@pytest.mark.parametrize(
    ("replicas", "available", "least", "most", "why"),
    [
        (None, None, 1, 10, "as many as its manifest runs now"),
        (4, None, 4, 10, "as many as its manifest runs now"),
        (8, None, 8, 16, "as many as its manifest runs now"),
        (0, None, 1, 10, "its manifest runs none now"),
        (2, 2, 3, 10, "its disruption budget keeps 2 available"),
        (4, 2, 4, 10, "as many as its manifest runs now"),
        (2, "50%", 2, 10, "as many as its manifest runs now"),
    ],
)
def test_without_an_autoscaler_the_bounds_are_explained(workload, replicas, available, least, most, why):
    told = Reasons()
    budgets = () if available is None else (budget(minAvailable=available),)
    spec = {} if replicas is None else {"replicas": replicas}
    found = taken(workload, told=told, budgets=budgets, spec=spec)
    assert (found["minReplicas"], found["maxReplicas"]) == (least, most)
    assert AutoscalingSpec.model_validate(found).metrics[0].resource.target.average_utilization == 80
    reasons = {guess.field[-1]: guess.why for guess in told.guesses}
    assert why in reasons["minReplicas"]
    assert set(reasons) == {"minReplicas", "maxReplicas", "metrics"}


def test_a_stateful_set_that_nothing_scales_is_said(workload):
    told = Reasons()
    taken(workload, told=told, kind="StatefulSet")
    assert "minReplicas = maxReplicas" in told.notes[0]


def test_an_autoscaler_of_what_was_not_read_is_said(workload):
    told = Reasons()
    say_unmatched(Objects(workloads=(workload(),), autoscalers=(autoscaler(kind="Rollout", maxReplicas=3),)), told)
    assert told.notes == ["HorizontalPodAutoscaler cart (x.yaml): scales the Rollout cart, which was not read"]
