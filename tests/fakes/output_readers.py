"""The formats of `export`, read back by what their own readers do with them: Kubernetes, Kustomize, Helm, KEDA, a JSON patch's server."""

from __future__ import annotations

import copy
from typing import Any

import yaml as yaml_1_1
from ruamel.yaml import YAML

from scaleproof.hpa.horizontal_spec import HorizontalSpec, read_horizontal_spec
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.quantity import milli_value

Document = dict[str, Any]


def documents(text: str) -> list[Any]:
    """Every document of a stream. YAML 1.1 (Kubernetes, Helm) and 1.2 must read the same."""
    found = list(YAML(typ="safe", pure=True).load_all(text))
    assert list(yaml_1_1.safe_load_all(text)) == found
    return found


def effect(spec: AutoscalingSpec | Document) -> HorizontalSpec:
    """What the HPA does by it: two specs are equal here where the algorithm gets the same numbers."""
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(spec, AutoscalingSpec) else spec
    return read_horizontal_spec(document, "spec")


def autoscaling_of(document: Document) -> AutoscalingSpec:
    """A HorizontalPodAutoscaler's policy."""
    assert (document["apiVersion"], document["kind"]) == ("autoscaling/v2", "HorizontalPodAutoscaler")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": document["metadata"]["name"]}
    assert document["spec"]["scaleTargetRef"] == target
    return AutoscalingSpec.model_validate({key: value for key, value in document["spec"].items() if key != "scaleTargetRef"})


def patched(document: Any, operations: list[Document]) -> Any:
    """RFC 6902: all operations or, where a test fails or a path is missing, LookupError."""
    document = copy.deepcopy(document)
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        node = document
        for part in parents:
            node = node[int(part) if isinstance(node, list) else part]
        key: Any = int(last) if isinstance(node, list) else last
        kind = operation["op"]
        if kind == "test":
            if node[key] != operation["value"]:
                raise LookupError(operation["path"])
        elif kind == "add":
            assert isinstance(node, dict)
            node[key] = operation["value"]
        elif kind == "replace":
            node[key]  # it must exist
            node[key] = operation["value"]
        else:
            assert kind == "remove"
            del node[key]
    return document


def strategically_merged(base: Any, patch: Any) -> Any:
    """A strategic merge as far as these patches need one: containers by name, other lists as a whole, null removes."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(base, dict) or patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif key == "containers":
            theirs = {container["name"]: container for container in base[key]}
            assert {container["name"] for container in value} <= theirs.keys()
            theirs |= {container["name"]: strategically_merged(theirs[container["name"]], container) for container in value}
            merged[key] = list(theirs.values())
        else:
            merged[key] = strategically_merged(base.get(key), value)
    return merged


def kustomized(base: list[Document], files: dict[str, str]) -> list[Document]:
    """What a component makes of a base. Like Kustomize it refuses a patch without an object."""
    (component,) = documents(files["kustomization.yaml"])
    assert component["kind"] == "Component"
    assert {patch["path"] for patch in component["patches"]} == files.keys() - {"kustomization.yaml"}
    found = {(item["kind"], item["metadata"]["name"]): item for item in base}
    for entry in component["patches"]:
        (patch,) = documents(files[entry["path"]])
        key = (patch["kind"], patch["metadata"]["name"])
        found[key] = strategically_merged(found[key], patch)
    return list(found.values())


CHART_VALUES: Document = {
    "replicaCount": 1,
    "autoscaling": {"enabled": False, "minReplicas": 1, "maxReplicas": 100, "targetCPUUtilizationPercentage": 80},
    "resources": {"limits": {"cpu": "9", "memory": "9Gi"}},
}
"""As `helm create` writes them, with limits of the chart's own."""


def helmed(values: Document, chart: Document | None = None) -> Document:
    """A chart's values with others on top, as Helm joins them: null takes a default away."""
    merged = copy.deepcopy(CHART_VALUES if chart is None else chart)
    for key, value in values.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = helmed(value, merged[key])
        else:
            merged[key] = value
    return merged


def chart_autoscaler(values: Document) -> Document:
    """What templates/hpa.yaml of `helm create` makes of the values, with `behavior` as charts have added it; the spec.

    Charts write `{{- with .Values.autoscaling.behavior }}`: what is empty is left out.
    """
    autoscaling = values["autoscaling"]
    assert autoscaling["enabled"] is True
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": autoscaling[key]}},
        }
        for name, key in (("cpu", "targetCPUUtilizationPercentage"), ("memory", "targetMemoryUtilizationPercentage"))
        if autoscaling.get(key)
    ]
    spec = {"minReplicas": autoscaling["minReplicas"], "maxReplicas": autoscaling["maxReplicas"], "metrics": metrics}
    return {**spec, **({"behavior": autoscaling["behavior"]} if autoscaling.get("behavior") else {})}


def keda_autoscaler(scaled: Document) -> Document:
    """The spec of the HPA that KEDA makes of a ScaledObject (controllers/keda/hpa.go, pkg/scalers/cpu_memory_scaler.go)."""
    assert (scaled["apiVersion"], scaled["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    spec, name = scaled["spec"], scaled["metadata"]["name"]
    config = spec["advanced"]["horizontalPodAutoscalerConfig"]
    assert config["name"] == name
    metrics = [_keda_metric(trigger, index, name) for index, trigger in enumerate(spec["triggers"])]
    found = {
        "scaleTargetRef": spec["scaleTargetRef"],
        "minReplicas": max(1, spec["minReplicaCount"]),
        "maxReplicas": spec["maxReplicaCount"],
        "metrics": sorted(metrics, key=lambda metric: metric["type"]),
    }
    return {**found, **({"behavior": config["behavior"]} if "behavior" in config else {})}


def _keda_metric(trigger: Document, index: int, name: str) -> Document:
    kind, metadata = trigger["metricType"], trigger["metadata"]
    assert all(isinstance(value, str) for value in metadata.values()), "KEDA's metadata is a map of strings"
    if trigger["type"] in {"cpu", "memory"}:
        value = {"averageUtilization": int(metadata["value"])} if kind == "Utilization" else {"averageValue": metadata["value"]}
        source = {"name": trigger["type"], "target": {"type": kind, **value}}
        if "containerName" in metadata:
            return {"type": "ContainerResource", "containerResource": {**source, "container": metadata["containerName"]}}
        return {"type": "Resource", "resource": source}
    assert trigger["type"] == "prometheus"
    assert {"serverAddress", "query", "threshold"} <= metadata.keys()
    assert kind in {"AverageValue", "Value"}
    thousandths = f"{milli_value(str(float(metadata['threshold'])))}m"
    selector = {"matchLabels": {"scaledobject.keda.sh/name": name}}
    target = {"type": kind, "averageValue" if kind == "AverageValue" else "value": thousandths}
    return {
        "type": "External",
        "external": {"metric": {"name": f"s{index}-prometheus", "selector": selector}, "target": target},
    }
