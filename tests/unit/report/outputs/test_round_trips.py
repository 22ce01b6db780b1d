"""What each format says is the policy: read back by its own reader, an HPA does the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.output_readers import (
    autoscaling_of,
    chart_autoscaler,
    documents,
    effect,
    helmed,
    keda_autoscaler,
    kustomized,
    patched,
)
from fakes.policies import NAMES, policies, resource_metrics, specs
from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.effective_autoscaler import effective_autoscaler
from scaleproof.report.outputs.helm_values import helm_values
from scaleproof.report.outputs.hpa import hpa
from scaleproof.report.outputs.json_patch import operations
from scaleproof.report.outputs.keda import KedaChoice, RequestRate, keda
from scaleproof.report.outputs.kustomize import kustomize
from scaleproof.report.outputs.pulumi import pulumi
from scaleproof.report.outputs.vpa import vpa
from scaleproof.spec.autoscaler_manifest import autoscaler_spec
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile

HERE = Destination("stack dev")


def utilizations():
    """At most one target in per cent for cpu and one for memory, and at least one of them, unless there is none at all."""

    def metrics(targets):
        return [
            {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": share}}}
            for name, share in targets.items()
        ]

    targets = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.integers(1, 900))
    return st.builds(
        lambda spec, drawn: type(spec).model_validate(
            {
                **spec.model_dump(by_alias=True, exclude_none=True),
                "minReplicas": max(1, spec.min_replicas),
                "metrics": metrics(drawn),
            }
        ),
        specs(),
        targets,
    )


@given(policy=policies())
@settings(max_examples=25)
def test_a_stack_s_configuration_is_the_policy(policy, tmp_path_factory):
    file = tmp_path_factory.mktemp("stack") / "Pulumi.x.yaml"
    file.write_text(pulumi(policy, HERE).text)
    assert StackFile(file).read() == policy
    documents(pulumi(policy, HERE).text)  # asserts that YAML 1.1 reads the same


@given(policy=policies())
@settings(max_examples=25)
def test_autoscalers_are_the_policy(policy):
    found = {document["metadata"]["name"]: document for document in documents(hpa(policy, HERE).text)}
    assert {name: autoscaling_of(document) for name, document in found.items()} == {
        name: service.autoscaling for name, service in policy.services.items()
    }


@given(policy=policies(), before=specs(), container=NAMES)
@settings(max_examples=25)
def test_kustomize_leaves_nothing_of_the_base_s_own_policy(policy, before, container):
    old = {"requests": {"cpu": "7", "ephemeral-storage": "1Gi"}, "limits": {"memory": "9Gi"}}
    base = []
    for name in policy.services:
        containers = [{"name": "a-sidecar", "image": "s"}, {"name": container, "image": "i", "resources": old}]
        base += [
            HERE.manifest(
                "autoscaling/v2", "HorizontalPodAutoscaler", name, spec=autoscaler_spec(name, before, tolerance=True)
            ),
            HERE.manifest("apps/v1", "Deployment", name, spec={"template": {"spec": {"containers": containers}}}),
        ]
    files = kustomize(policy, Destination("stack dev", container=container)).files
    for item in kustomized(base, dict(files)):
        service = policy.services[item["metadata"]["name"]]
        if item["kind"] == "Deployment":
            sidecar, main = item["spec"]["template"]["spec"]["containers"]
            wanted = service.resources.model_dump(mode="json")
            assert sidecar == {"name": "a-sidecar", "image": "s"}
            assert main["resources"]["limits"] == wanted["limits"]
            assert main["resources"]["requests"] == {**wanted["requests"], "ephemeral-storage": "1Gi"}
        else:
            assert effect(item["spec"]) == effect(service.autoscaling)
            assert item["spec"]["scaleTargetRef"]["name"] == item["metadata"]["name"]


def test_kustomize_refuses_a_base_without_the_autoscaler():
    policy = Policy.model_validate(
        {
            "version": 1,
            "services": {
                "orders": {
                    "autoscaling": {"maxReplicas": 3},
                    "resources": {"requests": {"cpu": "1", "memory": "1"}, "limits": {"cpu": "1", "memory": "1"}},
                }
            },
        }
    )
    with pytest.raises(KeyError):
        kustomized([], dict(kustomize(policy, HERE).files))


@given(policy=policies(utilizations()))
@settings(max_examples=25)
def test_a_chart_of_the_common_convention_scales_by_the_policy(policy):
    (values,) = documents(helm_values(policy, HERE).text)
    by_service = values if len(policy.services) > 1 else dict.fromkeys(policy.services, values)
    assert by_service.keys() == policy.services.keys()
    for name, service in policy.services.items():
        merged = helmed(by_service[name])
        assert effect(chart_autoscaler(merged)) == effect_in_any_order(service.autoscaling)
        assert merged["resources"] == service.resources.model_dump(mode="json")


def effect_in_any_order(spec):
    """The HPA takes the most replicas of all metrics; charts write cpu first."""
    metrics = sorted(spec.metrics, key=lambda metric: metric.resource.name)
    return effect(spec.model_copy(update={"metrics": metrics}))


@given(policy=policies(specs(resource_metrics())))
@settings(max_examples=25)
def test_keda_s_own_autoscaler_is_the_policy(policy):
    for document in documents(keda(policy, HERE, KedaChoice()).text):
        wanted = policy.services[document["metadata"]["name"]].autoscaling
        metrics = sorted(wanted.metrics, key=lambda metric: metric.type)
        assert effect(keda_autoscaler(document)) == effect(wanted.model_copy(update={"metrics": metrics}))


@given(policy=policies(specs(resource_metrics())))
@settings(max_examples=25)
def test_a_vpa_never_touches_what_its_hpa_looks_at(policy):
    by_kind: dict[str, dict] = {"HorizontalPodAutoscaler": {}, "VerticalPodAutoscaler": {}}
    # Off: whatever the metrics are, nothing is set.
    for document in documents(vpa(policy, HERE, update_mode="Off").text):
        by_kind[document["kind"]][document["metadata"]["name"]] = document
    for name, service in policy.services.items():
        assert autoscaling_of(by_kind["HorizontalPodAutoscaler"][name]) == service.autoscaling
        spec = by_kind["VerticalPodAutoscaler"][name]["spec"]
        assert spec["targetRef"]["name"] == name
        main, others = spec["resourcePolicy"]["containerPolicies"]
        assert (main["controlledResources"], main["controlledValues"]) == (["memory"], "RequestsOnly")
        bounds = {"minAllowed": service.resources.requests.memory, "maxAllowed": service.resources.limits.memory}
        assert {key: main[key] for key in bounds} == {key: {"memory": value} for key, value in bounds.items()}
        assert others == {"containerName": "*", "mode": "Off"}


@given(before=specs(), after=specs())
def test_a_json_patch_makes_the_policy_of_any_autoscaler(before, after):
    old = {"spec": autoscaler_spec("orders", before, tolerance=True), "status": {"currentReplicas": 3}}
    new = patched(old, operations(old, after, tolerance=True))
    assert effect(new["spec"]) == effect(after)
    assert new["spec"]["scaleTargetRef"] == old["spec"]["scaleTargetRef"]
    assert new["status"] == old["status"]
    assert operations(new, after, tolerance=True) == []


@given(spec=specs(), rate=st.sampled_from(["0.5", "87500m", "12"]))
def test_keda_asks_prometheus_for_what_is_neither_cpu_nor_memory(spec, rate):
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": rate}},
    }
    document = {
        **spec.model_dump(by_alias=True, exclude_none=True),
        "minReplicas": max(1, spec.min_replicas),
        "metrics": [metric],
    }
    policy = Policy.model_validate(
        {
            "version": 1,
            "services": {
                "orders": {
                    "autoscaling": document,
                    "resources": {"requests": {"cpu": "1", "memory": "1"}, "limits": {"cpu": "1", "memory": "1"}},
                }
            },
        }
    )
    choice = KedaChoice({"orders": RequestRate("http://p:9090", "sum(rate(x[1m]))")})
    (scaled,) = documents(keda(policy, HERE, choice).text)
    made = effect(keda_autoscaler(scaled))
    wanted = effect(policy.services["orders"].autoscaling)
    assert (made.min_replicas, made.max_replicas) == (wanted.min_replicas, wanted.max_replicas)
    assert (made.scale_up, made.scale_down) == (wanted.scale_up, wanted.scale_down)
    (by,) = made.metrics
    assert (by.type, by.target_type, by.average_value) == ("External", "AverageValue", wanted.metrics[0].average_value)
    assert scaled["spec"]["triggers"][0]["metadata"]["query"] == "sum(rate(x[1m]))"


@given(spec=specs())
def test_filling_in_the_defaults_changes_nothing(spec):
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert effect(effective_autoscaler(document)) == effect(document)


@given(one=specs(), other=specs())
def test_two_specs_amount_to_the_same_exactly_where_the_algorithm_reads_the_same(one, other):
    same = effective_autoscaler(one.model_dump(mode="json", by_alias=True)) == effective_autoscaler(
        other.model_dump(mode="json", by_alias=True)
    )
    if same:
        assert effect(one) == effect(other)


@given(policy=policies())
@settings(max_examples=25)
def test_an_older_cluster_gets_no_tolerance_and_is_told_so(policy):
    output = hpa(policy, Destination("stack dev", tolerance=False))
    assert "tolerance:" not in output.text
    stated = {
        name
        for name, service in policy.services.items()
        if service.autoscaling.behavior
        for rules in (service.autoscaling.behavior.scale_up, service.autoscaling.behavior.scale_down)
        if rules and rules.tolerance is not None
    }
    assert {note.split(":")[0] for note in output.notes if "tolerance is left out" in note} == stated
