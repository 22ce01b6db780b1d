"""What an autoscaler's spec amounts to: the API server's defaults filled in, one spelling for each quantity.

Source: pkg/apis/autoscaling/v2/defaults.go (SetDefaults_HorizontalPodAutoscaler, GenerateHPAScaleUpRules, GenerateHPAScaleDownRules).
`hpa.horizontal_spec` reads the same into the algorithm's own numbers; here it stays a document that can be compared field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scaleproof.spec.quantity import parse_quantity

Document = dict[str, Any]
FIELDS: Final = ("minReplicas", "maxReplicas", "metrics", "behavior")
DEFAULT_METRIC: Final[Document] = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
DEFAULT_SCALE_UP: Final[Document] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DEFAULT_SCALE_DOWN: Final[Document] = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_QUANTITIES: Final = ("averageValue", "value")


def effective_autoscaler(spec: Mapping[str, Any]) -> Document:
    """Exactly FIELDS, so that two specs are equal where an HPA would do the same. `behavior` is None where there is none."""
    behavior = spec.get("behavior")
    least = spec.get("minReplicas")
    return {
        "minReplicas": 1 if least is None else least,
        "maxReplicas": spec["maxReplicas"],
        "metrics": [_metric(metric) for metric in spec.get("metrics") or [DEFAULT_METRIC]],
        "behavior": None if behavior is None else effective_behavior(behavior),
    }


def effective_behavior(behavior: Mapping[str, Any]) -> Document:
    """Both directions with every default that is a value."""
    return {
        "scaleUp": {**DEFAULT_SCALE_UP, **_rules(behavior.get("scaleUp"))},
        "scaleDown": {**DEFAULT_SCALE_DOWN, **_rules(behavior.get("scaleDown"))},
    }


def _rules(rules: Mapping[str, Any] | None) -> Document:
    stated = {key: value for key, value in (rules or {}).items() if value is not None}
    if "tolerance" in stated:
        stated["tolerance"] = _spelled(stated["tolerance"])
    return stated


def _metric(metric: Mapping[str, Any]) -> Document:
    kind = str(metric["type"])
    key = kind[0].lower() + kind[1:]
    source = _stated(metric[key])
    target = source["target"]
    source["target"] = {name: _spelled(value) if name in _QUANTITIES else value for name, value in target.items()}
    return {"type": kind, key: source}


def _stated(node: Any) -> Any:
    """Without fields that are null."""
    if isinstance(node, Mapping):
        return {key: _stated(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_stated(value) for value in node]
    return node


def _spelled(quantity: str | float) -> str:
    return str(parse_quantity(quantity).normalize())
