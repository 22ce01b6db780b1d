"""Label selectors over labels: `metav1.LabelSelectorAsSelector`."""

from __future__ import annotations

from typing import Any

from scaleproof.hpa.field import choice, mapping, objects, sequence, text

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def selects(selector: dict[str, Any] | None, labels: dict[str, Any], path: str) -> bool:
    """Whether the selector matches the labels; an absent one matches all."""
    if not selector:
        return True
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels", path).items()):
        return False
    for i, expression in enumerate(objects(selector, "matchExpressions", path)):
        at = f"{path}.matchExpressions[{i}]"
        key = text(expression, "key", at)
        operator = choice(expression, "operator", at, _OPERATORS)
        values = sequence(expression, "values", at)
        held = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not held[operator]:
            return False
    return True
