"""What differs between two policies, in words and as a diff. Pure."""

from __future__ import annotations

import difflib
import io
from typing import Any, Final

from ruamel.yaml import YAML

from scaleproof.report.wording import listed
from scaleproof.spec.policy import Policy, ServicePolicy

_NAMES: Final = {
    "autoscaling.minReplicas": "least replicas",
    "autoscaling.maxReplicas": "most replicas",
    "autoscaling.behavior.scaleDown.stabilizationWindowSeconds": "scale-down window",
    "autoscaling.behavior.scaleUp.stabilizationWindowSeconds": "scale-up window",
    "resources.requests.cpu": "CPU request",
    "resources.requests.memory": "memory request",
    "resources.limits.cpu": "CPU limit",
    "resources.limits.memory": "memory limit",
}

_UNITS: Final = {"averageUtilization": " %", "WindowSeconds": " s", "periodSeconds": " s"}


def changed_fields(before: Policy, after: Policy) -> list[tuple[str, str, str, str]]:
    """(service, field in plain words, value before, value after) of everything that differs; `default` where it is absent."""
    rows: list[tuple[str, str, str, str]] = []
    for service in sorted({*before.services, *after.services}):
        old, new = (_fields(policy.services.get(service)) for policy in (before, after))
        rows += [
            (service, _name_of(field), old.get(field, "default"), new.get(field, "default"))
            for field in dict.fromkeys([*old, *new])
            if old.get(field) != new.get(field)
        ]
    return rows


def change_sentence(before: Policy, after: Policy) -> str:
    """Everything that differs as one sentence."""
    rows = changed_fields(before, after)
    if not rows:
        return "The policy did not change."
    services: dict[str, list[str]] = {}
    for service, field, old, new in rows:
        services.setdefault(service, []).append(f"{field} {old} → {new}")
    alike: dict[str, list[str]] = {}
    for service, parts in services.items():
        alike.setdefault(", ".join(parts), []).append(service)
    return "; ".join(f"{listed(names)}: {parts}" for parts, names in alike.items()) + "."


def policy_diff(before: Policy, after: Policy) -> str:
    """A unified diff of the two policies as YAML; empty where they are equal."""
    old, new = (_yaml(policy).splitlines(keepends=True) for policy in (before, after))
    return "".join(difflib.unified_diff(old, new, "policy before", "policy after"))


def _yaml(policy: Policy) -> str:
    out = io.StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(policy.model_dump(mode="json", by_alias=True, exclude_none=True), out)
    return out.getvalue()


def _fields(policy: ServicePolicy | None) -> dict[str, str]:
    if policy is None:
        return {}
    fields: dict[str, str] = {}
    document = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    _flatten(document, "", fields)
    return fields


def _flatten(node: Any, path: str, into: dict[str, str]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _flatten(value, f"{path}.{key}" if path else key, into)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _flatten(value, f"{path}[{index}]", into)
    else:
        into[path] = str(node) + next((unit for end, unit in _UNITS.items() if path.endswith(end)), "")


def _name_of(field: str) -> str:
    if field in _NAMES:
        return _NAMES[field]
    # The first metric is nearly always CPU; a policy of several metrics keeps its paths, which say which one is meant.
    if field == "autoscaling.metrics[0].resource.target.averageUtilization":
        return "target utilization"
    return field.removeprefix("autoscaling.")
