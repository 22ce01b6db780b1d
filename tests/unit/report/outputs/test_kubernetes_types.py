"""Every field that is written is one of Kubernetes' own: the official client's models, made of the API's OpenAPI document, are closed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from fakes.output_readers import documents, kustomized
from fakes.policies import policies, resource_metrics, specs
from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.hpa import hpa
from scaleproof.report.outputs.keda import KedaChoice, keda
from scaleproof.report.outputs.kustomize import kustomize
from scaleproof.report.outputs.vpa import vpa
from scaleproof.spec.autoscaler_manifest import autoscaler_spec
from scaleproof.spec.autoscaling import AutoscalingSpec

client = pytest.importorskip("kubernetes.client")
HERE = Destination("stack dev", namespace="shop")


def check_autoscaler(document):
    client.V2HorizontalPodAutoscaler.model_validate(document)


@given(policy=policies())
@settings(max_examples=20)
def test_autoscalers(policy):
    for document in documents(hpa(policy, HERE).text):
        check_autoscaler(document)
        assert document["metadata"]["namespace"] == "shop"


def test_a_wrong_field_would_be_seen():
    document = HERE.manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "a",
        spec=autoscaler_spec("a", AutoscalingSpec(max_replicas=3), tolerance=True),
    )
    check_autoscaler(document)
    document["spec"]["minReplica"] = 1
    with pytest.raises(ValidationError, match="minReplica"):
        check_autoscaler(document)


@given(policy=policies(most=2))
@settings(max_examples=20)
def test_what_kustomize_makes(policy):
    base = []
    for name in policy.services:
        spec = autoscaler_spec(name, AutoscalingSpec(max_replicas=3), tolerance=True)
        containers = [{"name": name, "image": "i"}]
        base += [
            HERE.manifest("autoscaling/v2", "HorizontalPodAutoscaler", name, spec=spec),
            HERE.manifest("apps/v1", "Deployment", name, spec={"template": {"spec": {"containers": containers}}}),
        ]
    for item in kustomized(base, dict(kustomize(policy, HERE).files)):
        if item["kind"] == "Deployment":
            client.V1PodSpec.model_validate(item["spec"]["template"]["spec"])
        else:
            check_autoscaler(item)


@given(policy=policies(specs(resource_metrics()), most=2))
@settings(max_examples=20)
def test_what_is_kubernetes_own_in_a_scaled_object_and_a_vpa(policy):
    for document in documents(keda(policy, HERE, KedaChoice()).text):
        behavior = document["spec"]["advanced"]["horizontalPodAutoscalerConfig"].get("behavior")
        if behavior is not None:
            client.V2HorizontalPodAutoscalerBehavior.model_validate(behavior)
    for document in documents(vpa(policy, HERE, update_mode="Off").text):
        if document["kind"] == "HorizontalPodAutoscaler":
            check_autoscaler(document)
        else:
            client.V1CrossVersionObjectReference.model_validate(document["spec"]["targetRef"])
