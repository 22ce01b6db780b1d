"""`scaleproof hpa explain`: Kubernetes' own objects in, the count and the reasons out."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest

from scaleproof.hpa.case import CASE_FIELDS, OPTION_FIELDS
from scaleproof.hpa.explain import explain, explain_batch, explain_schema, render
from scaleproof.hpa.field import FieldError
from scaleproof.spec.errors import BadInputError


def custom(name, value, *, kind="Pod", metric="rps"):
    return {"describedObject": {"kind": kind, "name": name}, "metric": {"name": metric}, "value": value}


def with_metrics(case, *metrics):
    case["hpa"]["spec"]["metrics"] = list(metrics)
    return case


PODS_METRIC = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}


def external(**target):
    return {
        "type": "External",
        "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"q": "a"}}}, "target": target},
    }


def object_metric(**target):
    return {
        "type": "Object",
        "object": {"metric": {"name": "hits"}, "describedObject": {"kind": "Service", "name": "shop"}, "target": target},
    }


def test_twice_the_target_doubles(case):
    answer = explain(case(cpu="160m"))
    assert (answer["currentReplicas"], answer["desiredReplicas"], answer["reason"]) == (2, 4, "MetricAboveTarget")
    assert answer["metrics"][0]["currentUtilization"] == 160
    assert answer["recommendations"] == [
        {"timestamp": "2026-01-01T12:00:00Z", "recommendation": 2},
        {"timestamp": "2026-01-01T12:00:00Z", "recommendation": 4},
    ]
    assert answer["scaleUpEvents"] == []  # without behavior nothing is remembered


def test_the_answer_feeds_the_next_case(case):
    first = explain(case(cpu="160m", behavior={}))
    remembered = {key: first[key] for key in ("scaleUpEvents", "scaleDownEvents", "recommendations")}
    second = explain(case(replicas=4, cpu="800m", behavior={}, most=50, **remembered))
    # +100 % of the 2 the period began with is 4, +4 pods is 6.
    assert (second["desiredReplicas"], second["reason"]) == (6, "ScaleUpLimit")


def test_times_are_numbers_where_now_is_one(case):
    answer = explain(case(cpu="160m", behavior={}, now=1767268800, recommendations=[]))
    assert answer["scaleUpEvents"] == [{"timestamp": 1767268800, "replicaChange": 2, "outdated": False}]
    assert explain(case(now=1767268800.5, recommendations=[]))["recommendations"][0]["timestamp"] == 1767268800.5


def test_the_scale_is_preferred_over_the_status(case):
    answer = explain(case(cpu="160m", scale={"spec": {"replicas": 3}, "status": {"replicas": 2}}))
    assert answer["currentReplicas"] == 3


def test_no_metrics_means_cpu_at_80_per_cent(case):
    asked = case(cpu="80m")
    del asked["hpa"]["spec"]["metrics"]
    assert explain(asked)["metrics"][0] | {} == explain(case(cpu="80m"))["metrics"][0]


def test_a_pods_metric_reads_the_custom_metrics(case):
    asked = with_metrics(case(customMetrics={"items": [custom("orders-0", "30"), custom("orders-1", "10")]}), PODS_METRIC)
    answer = explain(asked)
    assert (answer["desiredReplicas"], answer["metrics"][0]["currentMilli"]) == (4, 20000)


def test_v1beta1_names_the_metric_elsewhere(case):
    items = [{"describedObject": {"kind": "Pod", "name": f"orders-{i}"}, "metricName": "rps", "value": "20"} for i in range(2)]
    assert explain(with_metrics(case(customMetrics={"items": items}), PODS_METRIC))["desiredReplicas"] == 4


@pytest.mark.parametrize(
    ("metric", "desired"),
    [
        (object_metric(type="Value", value="100"), 4),
        (object_metric(type="AverageValue", averageValue="50"), 4),
        (external(type="Value", value="100"), 4),
        (external(type="AverageValue", averageValue="50"), 4),
    ],
)
def test_object_and_external_metrics(case, metric, desired):
    asked = case(
        customMetrics={"items": [custom("shop", "200", kind="Service", metric="hits")]},
        externalMetrics={
            "items": [
                {"metricName": "queue", "metricLabels": {"q": "a"}, "value": "150"},
                {"metricName": "queue", "metricLabels": {"q": "a"}, "value": "50"},
                {"metricName": "queue", "metricLabels": {"q": "b"}, "value": "9999"},
            ]
        },
    )
    assert explain(with_metrics(asked, metric))["desiredReplicas"] == desired


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "q", "operator": "In", "values": ["a"]}, True),
        ({"key": "q", "operator": "In", "values": ["b"]}, False),
        ({"key": "q", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "z", "operator": "NotIn", "values": ["a"]}, True),
        ({"key": "q", "operator": "Exists"}, True),
        ({"key": "q", "operator": "DoesNotExist"}, False),
    ],
)
def test_an_external_metrics_selector_is_applied(case, expression, matches):
    metric = external(type="Value", value="100")
    metric["external"]["metric"]["selector"] = {"matchExpressions": [expression]}
    items = [{"metricName": "queue", "metricLabels": {"q": "a"}, "value": "200"}]
    answer = explain(with_metrics(case(externalMetrics={"items": items}), metric))
    assert answer["desiredReplicas"] == (4 if matches else 2)
    assert ("error" in answer) is not matches


def test_one_container_of_a_pod(case):
    asked = case(replicas=1)
    asked["pods"]["items"][0]["spec"]["containers"].append({"name": "side", "resources": {"requests": {"cpu": "1"}}})
    asked["podMetrics"]["items"][0]["containers"].append({"name": "side", "usage": {"cpu": "2"}})
    target = {"type": "Utilization", "averageUtilization": 80}
    side = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "side", "target": target}}
    answer = explain(with_metrics(asked, side))
    assert answer["metrics"][0]["currentUtilization"] == 200
    side["containerResource"]["container"] = "nobody"
    assert explain(with_metrics(asked, side))["reason"] == "FailedGetContainerResourceMetric"


POD_LEVEL = [
    # Pod-level cpu stands, the containers' is not added; overhead is.
    ({"resources": {"requests": {"cpu": "500m"}}, "overhead": {"cpu": "5m"}}, 505),
    # Pod-level memory alone: cpu is the containers' sum, at least what starting needs beside the sidecar.
    ({"resources": {"requests": {"memory": "1Gi"}}}, 100),
    (
        {
            "resources": {"requests": {"hugepages-2Mi": "2Mi"}},
            "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "300m"}}}],
        },
        300,
    ),
    (
        {
            "resources": {"requests": {"memory": "1Gi"}},
            "initContainers": [
                {"name": "sidecar", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
                {"name": "migrate", "resources": {"requests": {"cpu": "300m"}}},
                {"name": "small", "resources": {"requests": {"memory": "1Mi"}}},
            ],
        },
        350,
    ),
    # Without pod-level requests a sidecar counts like a container; other init containers do not.
    ({"initContainers": [{"name": "sidecar", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}}]}, 150),
]


@pytest.mark.parametrize(("fields", "millicores"), POD_LEVEL)
def test_a_pods_request_is_upstreams(case, fields, millicores):
    asked = case(replicas=1, cpu=f"{millicores}m")
    asked["pods"]["items"][0]["spec"] |= fields
    assert explain(asked)["metrics"][0]["currentUtilization"] == 100


def test_pod_level_requests_without_the_resource_are_missing_requests(case):
    asked = case(replicas=1)
    asked["pods"]["items"][0]["spec"] = {"resources": {"requests": {"memory": "1Gi"}}, "containers": [{"name": "app"}]}
    assert "missing pod-level request for cpu in Pod orders-0" in explain(asked)["error"]


def test_a_resource_in_its_own_unit(case):
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "25Mi"}}}
    answer = explain(with_metrics(case(), memory))
    assert answer["message"] == "2 → 4: a metric is above its target; memory at 50Mi against 25Mi recommends 4"
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "40m"}}}
    assert "cpu at 80m against 40m" in explain(with_metrics(case(), cpu))["message"]


def test_samples_of_unknown_pods_count_as_upstream_counts_them(case, a_sample):
    asked = case(cpu="160m")
    asked["podMetrics"]["items"].append(a_sample("gone", cpu="9"))
    # A utilisation needs a request, so the stray adds nothing to it; with a missing pod it is one more to multiply by.
    assert explain(asked)["desiredReplicas"] == 4
    del asked["podMetrics"]["items"][0]
    assert explain(asked)["metrics"][0]["reason"] in {"WithinToleranceAfterFillIn", "OffTargetAfterFillIn"}


def test_no_pods_at_all(case):
    assert "no pods returned by selector" in explain(case(pods={"items": []}))["error"]
    asked = case(
        pods={"items": []}, externalMetrics={"items": [{"metricName": "queue", "metricLabels": {"q": "a"}, "value": "900"}]}
    )
    assert "unable to calculate ready pods" in explain(with_metrics(asked, external(type="Value", value="1")))["error"]


def test_an_object_target_must_agree_with_its_type(case):
    asked = case(customMetrics={"items": [custom("shop", "200", kind="Service", metric="hits")]})
    assert "neither a value target" in explain(with_metrics(asked, object_metric(type="Value", averageValue="1")))["error"]
    other = case(customMetrics={"items": [custom("other", "200", kind="Service", metric="hits")]})
    assert "no value for Service shop" in explain(with_metrics(other, object_metric(type="Value", value="1")))["error"]


def test_an_invalid_metric_blocks_scaling_down_but_not_up(case):
    down = case(replicas=4, cpu="8m")
    down["hpa"]["spec"]["metrics"].append(PODS_METRIC)
    assert (explain(down)["desiredReplicas"], explain(down)["reason"]) == (4, "FailedGetPodsMetric")
    up = case(cpu="160m")
    up["hpa"]["spec"]["metrics"].append(PODS_METRIC)
    answer = explain(up)
    assert answer["desiredReplicas"] == 4
    assert answer["error"].startswith("invalid metrics (1 invalid out of 2)")


def test_the_tolerance_is_inclusive_and_may_differ_by_direction(case):
    # 88 / 80 is exactly 1.1.
    assert explain(case(cpu="88m"))["desiredReplicas"] == 2
    assert explain(case(cpu="89m"))["desiredReplicas"] == 3
    assert explain(case(cpu="88m", behavior={"scaleUp": {"tolerance": "0.05"}}))["desiredReplicas"] == 3
    off = case(cpu="88m", behavior={"scaleUp": {"tolerance": "0.05"}}, options={"configurableTolerance": False})
    assert explain(off)["desiredReplicas"] == 2
    assert explain(case(cpu="88m", options={"tolerance": 0}))["desiredReplicas"] == 3


def test_options_are_the_controllers_flags(case, a_pod, a_sample):
    # A pod that was never ready, started 20 s ago: within the initialisation period its sample is not believed.
    asked = case(replicas=1)
    asked["pods"]["items"] = [a_pod("orders-0", ready="False", started="2026-01-01T11:59:40Z")]
    assert explain(asked)["reason"] == "FailedGetResourceMetric"
    # Without the period and the delay it is.
    asked["options"] = {"cpuInitializationPeriodSeconds": 0, "initialReadinessDelaySeconds": 0}
    assert explain(asked)["reason"] == "WithinTolerance"
    # A window of no length at all lets the count fall at once.
    fall = case(replicas=4, cpu="8m", recommendations=[{"timestamp": "2026-01-01T11:59:00Z", "recommendation": 4}])
    assert explain(fall)["reason"] == "ScaleDownStabilized"
    assert explain({**fall, "options": {"downscaleStabilisationSeconds": 0}})["desiredReplicas"] == 1


def test_zero_is_left_only_with_the_feature_the_condition_and_a_metric(case):
    asked = with_metrics(
        case(
            replicas=0,
            least=0,
            externalMetrics={"items": [{"metricName": "queue", "metricLabels": {"q": "a"}, "value": "150"}]},
        ),
        external(type="Value", value="100"),
    )
    assert explain(asked)["reason"] == "ScalingDisabled"
    asked["options"] = {"scaleToZero": True}
    assert explain(asked)["reason"] == "ScalingDisabled"
    asked["hpa"]["status"]["conditions"] = [{"type": "ScaledToZero", "status": "True"}]
    answer = explain(asked)
    assert (answer["desiredReplicas"], answer["metrics"][0]["reason"]) == (2, "FromZero")
    asked["hpa"]["spec"]["minReplicas"] = 3
    assert explain(asked)["desiredReplicas"] == 3


def test_pods_of_another_namespace_are_passed_over(case, a_pod, a_sample):
    asked = case(cpu="160m")
    asked["pods"]["items"].append(
        a_pod("orders-9", namespace="other")
        if False
        else {**a_pod("orders-9"), "metadata": {"name": "orders-9", "namespace": "other"}}
    )
    other = a_sample("orders-9", cpu="10")
    other["metadata"]["namespace"] = "other"
    asked["podMetrics"]["items"].append(other)
    assert explain(asked) == explain(case(cpu="160m"))


def test_unknown_fields_are_fine_in_kubernetes_objects_and_refused_in_the_case(case):
    asked = case()
    asked["hpa"]["spec"]["scaleTargetRef"] = {"kind": "Deployment", "name": "orders"}
    asked["pods"]["items"][0]["spec"]["nodeName"] = "n1"
    explain(asked)
    with pytest.raises(FieldError, match="surprise: expected one of the fields version, name"):
        explain({**asked, "surprise": 1})
    with pytest.raises(FieldError, match=r"options.speed"):
        explain({**asked, "options": {"speed": 1}})


def put(path, value):
    def change(document):
        at = document
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


SPEC = ("hpa", "spec")
TARGET = (*SPEC, "metrics", 0, "resource", "target")
RULES = (*SPEC, "behavior", "scaleUp")
WRONG = [
    (("version",), 2, "version"),
    (("version",), "1", "version"),
    (("now",), "noon", "now"),
    (("now",), True, "now"),
    (("hpa",), [], "hpa"),
    (("hpa", "spec"), None, "hpa.spec"),
    (("hpa", "status"), {}, "hpa.status.currentReplicas"),
    ((*SPEC, "maxReplicas"), 0, "hpa.spec.maxReplicas"),
    ((*SPEC, "minReplicas"), 11, "hpa.spec.maxReplicas"),
    ((*SPEC, "minReplicas"), 1.5, "hpa.spec.minReplicas"),
    ((*SPEC, "metrics"), {}, "hpa.spec.metrics"),
    ((*SPEC, "metrics", 0), "cpu", "hpa.spec.metrics[0]"),
    ((*SPEC, "metrics", 0, "type"), "Weather", "hpa.spec.metrics[0].type"),
    ((*SPEC, "metrics", 0, "resource"), None, "hpa.spec.metrics[0].resource"),
    (TARGET, {"type": "Utilization"}, "hpa.spec.metrics[0].resource.target"),
    (TARGET, {"type": "Share", "averageUtilization": 80}, "hpa.spec.metrics[0].resource.target.type"),
    (TARGET, {"type": "Utilization", "averageUtilization": 0}, "hpa.spec.metrics[0].resource.target.averageUtilization"),
    (TARGET, {"type": "AverageValue", "averageValue": "lots"}, "hpa.spec.metrics[0].resource.target.averageValue"),
    (TARGET, {"type": "AverageValue", "averageValue": "-1"}, "hpa.spec.metrics[0].resource.target.averageValue"),
    (
        (*SPEC, "metrics", 0),
        {"type": "Pods", "pods": {"metric": {"name": "x"}, "target": {"type": "Value", "value": "1"}}},
        "hpa.spec.metrics[0].pods.target.averageValue",
    ),
    (
        (*SPEC, "metrics", 0),
        {"type": "External", "external": {"metric": {"name": "x"}, "target": {"type": "Value"}}},
        "hpa.spec.metrics[0].external.target",
    ),
    (
        (*SPEC, "metrics", 0),
        {
            "type": "External",
            "external": {"metric": {"name": "x"}, "target": {"type": "Value", "value": "1", "averageValue": "1"}},
        },
        "hpa.spec.metrics[0].external.target",
    ),
    (
        (*SPEC, "metrics", 0),
        {"type": "External", "external": {"metric": {"name": ""}, "target": {"type": "Value", "value": "1"}}},
        "hpa.spec.metrics[0].external.metric.name",
    ),
    (RULES, {"policies": []}, "hpa.spec.behavior.scaleUp.policies"),
    (RULES, {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]}, "hpa.spec.behavior.scaleUp.policies[0].value"),
    (
        RULES,
        {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]},
        "hpa.spec.behavior.scaleUp.policies[0].periodSeconds",
    ),
    (RULES, {"stabilizationWindowSeconds": 3601}, "hpa.spec.behavior.scaleUp.stabilizationWindowSeconds"),
    (RULES, {"selectPolicy": "Average"}, "hpa.spec.behavior.scaleUp.selectPolicy"),
    (RULES, {"tolerance": "-0.1"}, "hpa.spec.behavior.scaleUp.tolerance"),
    (("pods",), [], "pods"),
    (("pods", "items", 0, "metadata"), None, "pods.items[0].metadata"),
    (("pods", "items", 1, "metadata", "name"), "orders-0", "pods.items[1].metadata.name"),
    (("pods", "items", 0, "status", "startTime"), "now", "pods.items[0].status.startTime"),
    (
        ("pods", "items", 0, "spec", "containers", 0, "resources", "requests", "cpu"),
        "x",
        "pods.items[0].spec.containers[0].resources.requests.cpu",
    ),
    (("podMetrics", "items", 0, "window"), "long", "podMetrics.items[0].window"),
    (("podMetrics", "items", 0, "containers", 0, "usage", "cpu"), None, None),
    (("podMetrics", "items", 0, "containers", 0, "usage", "cpu"), [], "podMetrics.items[0].containers[0].usage.cpu"),
    (("scaleUpEvents",), [{"timestamp": 1, "replicaChange": "2"}], "scaleUpEvents[0].replicaChange"),
    (("scaleUpEvents",), [{"timestamp": 1, "replicaChange": 2, "outdated": "no"}], "scaleUpEvents[0].outdated"),
    (("recommendations",), [{"timestamp": None, "recommendation": 2}], "recommendations[0].timestamp"),
    (("options",), {"tolerance": -1}, "options.tolerance"),
    (("options",), {"downscaleStabilisationSeconds": -1}, "options.downscaleStabilisationSeconds"),
    (("name",), "", "name"),
]


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=[f"{'.'.join(map(str, w[0]))}={w[1]}"[:60] for w in WRONG])
def test_a_wrong_case_names_the_field(case, path, value, field):
    document = case(behavior={})
    put(path, value)(document)
    if field is None:
        explain(document)  # a resource that a sample lacks is a missing sample, not a wrong case
        return
    with pytest.raises(BadInputError) as caught:
        explain(document)
    assert caught.value.field == field
    assert caught.value.exit_code == 2
    assert "expected" in caught.value.message


def test_a_batch_answers_every_line_and_survives_wrong_ones(case):
    lines = [
        json.dumps(case(name="first", cpu="160m")),
        "{not json",
        "",
        json.dumps(case(name="third", options={"speed": 1})),
        "[1]",
        json.dumps(case(cpu="8m")) + "\n",
    ]
    answers = [json.loads(line) for line in explain_batch(lines)]
    assert [answer.get("desiredReplicas") for answer in answers] == [4, None, None, None, 2]
    assert answers[1]["error"]["line"] == 2
    assert (answers[2]["name"], answers[2]["error"]["field"], answers[2]["error"]["line"]) == ("third", "options.speed", 4)
    assert answers[3]["error"]["expected"] == "an object"


def test_the_rendered_answer_reads_line_by_line(case):
    lines = render(explain(case(cpu="160m"))).splitlines()
    assert lines[0] == "2 → 4: a metric is above its target; cpu at 160 % against 80 % recommends 4"
    assert lines[-1] == "desired replicas: 4 (now 2), MetricAboveTarget"
    failed = case()
    del failed["podMetrics"]
    assert "error: invalid metrics (1 invalid out of 1)" in render(explain(failed))


def test_the_schema_describes_the_cases_that_are_read(case):
    schema = explain_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert tuple(schema["properties"]) == CASE_FIELDS
    assert tuple(schema["properties"]["options"]["properties"]) == OPTION_FIELDS
    checker = jsonschema.Draft202012Validator(schema)
    good = case(cpu="160m", behavior={"scaleUp": {"tolerance": "0.05"}}, options={"tolerance": 0.2})
    checker.validate(good)
    answer = jsonschema.Draft202012Validator({**schema["$defs"]["answer"], "$defs": schema["$defs"]})
    answer.validate(explain(good))
    for wrong in ({**good, "surprise": 1}, {**good, "version": 2}, {k: v for k, v in good.items() if k != "hpa"}):
        assert not checker.is_valid(wrong)


def test_asking_does_not_change_the_case(case):
    asked = case(cpu="160m", behavior={}, recommendations=[], scaleUpEvents=[])
    before = copy.deepcopy(asked)
    explain(asked)
    assert asked == before
