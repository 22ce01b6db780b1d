"""Policies as hypothesis draws them: everything that the API server accepts, and names that YAML 1.1 takes for something else."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import Policy

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["on", "off", "yes", "no", "y", "n", "null", "true", "e1", "orders", "o.rders"]
)
QUANTITIES = st.sampled_from(["1", "500m", "0.5", "1.50", "20", "87500m", "2k", "128Mi", "0.125Gi", "3e2"])
LABELS = st.dictionaries(st.sampled_from(["a", "app.kubernetes.io/name", "~x"]), st.sampled_from(["b", "yes", "1"]), max_size=2)


def _values(*kinds: str) -> st.SearchStrategy[dict[str, Any]]:
    """A metric's target of one of these types."""
    found = {
        "Utilization": st.integers(1, 900).map(lambda share: {"type": "Utilization", "averageUtilization": share}),
        "AverageValue": QUANTITIES.map(lambda value: {"type": "AverageValue", "averageValue": value}),
        "Value": QUANTITIES.map(lambda value: {"type": "Value", "value": value}),
    }
    return st.one_of([found[kind] for kind in kinds])


@st.composite
def resource_metrics(draw: st.DrawFn) -> dict[str, Any]:
    """cpu or memory, of the pod or of one container."""
    source = {"name": draw(st.sampled_from(["cpu", "memory"])), "target": draw(_values("Utilization", "AverageValue"))}
    if draw(st.booleans()):
        return {"type": "Resource", "resource": source}
    return {"type": "ContainerResource", "containerResource": {**source, "container": draw(NAMES)}}


@st.composite
def other_metrics(draw: st.DrawFn) -> dict[str, Any]:
    """Of pods, of an object, or from outside."""
    metric: dict[str, Any] = {"name": draw(st.sampled_from(["requests", "on", "queue_length"]))}
    if labels := draw(LABELS):
        metric["selector"] = {"matchLabels": labels}
    kind = draw(st.sampled_from(["pods", "object", "external"]))
    source = {"metric": metric, "target": draw(_values("AverageValue") if kind == "pods" else _values("AverageValue", "Value"))}
    if kind == "object":
        source["describedObject"] = {"apiVersion": "v1", "kind": "Service", "name": draw(NAMES)}
    return {"type": kind.capitalize(), kind: source}


RULES = st.fixed_dictionaries(
    {},
    optional={
        "stabilizationWindowSeconds": st.integers(0, 3600),
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "tolerance": st.sampled_from(["0", "0.05", "50m", "0.1", "1"]),
        "policies": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["Pods", "Percent"]),
                    "value": st.sampled_from([1, 4, 50, 100]),
                    "periodSeconds": st.sampled_from([1, 15, 60, 1800]),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    },
)
BEHAVIORS = st.none() | st.fixed_dictionaries({}, optional={"scaleUp": RULES, "scaleDown": RULES})


@st.composite
def specs(draw: st.DrawFn, metrics: st.SearchStrategy[dict[str, Any]] | None = None, most: int = 3) -> AutoscalingSpec:
    """An autoscaling spec with up to `most` of these metrics."""
    drawn = draw(st.lists(resource_metrics() | other_metrics() if metrics is None else metrics, max_size=most))
    # The API server takes 0 only where something else than pods can wake the service up.
    least = draw(st.integers(0 if any({"object", "external"} & metric.keys() for metric in drawn) else 1, 20))
    document = {"minReplicas": least, "maxReplicas": max(1, least) + draw(st.integers(0, 30)), "metrics": drawn}
    if (behavior := draw(BEHAVIORS)) is not None:
        document["behavior"] = behavior
    return AutoscalingSpec.model_validate(document)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Requests and limits; no request is above its limit."""
    lists = [
        {"cpu": draw(st.sampled_from(cpu)), "memory": draw(st.sampled_from(memory))}
        for cpu, memory in ((("100m", "0.25", "500m"), ("64Mi", "1e8")), (("500m", "1", "2"), ("128Mi", "0.5Gi")))
    ]
    return {"requests": lists[0], "limits": lists[1]}


@st.composite
def policies(draw: st.DrawFn, of: st.SearchStrategy[AutoscalingSpec] | None = None, *, most: int = 3) -> Policy:
    """A policy of one to `most` services."""
    names = draw(st.lists(NAMES, min_size=1, max_size=most, unique=True))
    services = {name: {"autoscaling": draw(specs() if of is None else of), "resources": draw(resources())} for name in names}
    return Policy.model_validate({"version": 1, "services": services})
