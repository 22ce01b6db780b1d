"""Reading one `autoscaling/v2` policy from a file of its own: a HorizontalPodAutoscaler, or its bare spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from scaleproof.spec.autoscaling import AutoscalingSpec, CrossVersionObjectReference
from scaleproof.spec.model import KubernetesModel
from scaleproof.spec.yaml_document import read_yaml, validate


class _Spec(AutoscalingSpec):
    """With the field that a policy leaves out."""

    scale_target_ref: CrossVersionObjectReference | None = None


class _Object(KubernetesModel):
    api_version: str
    kind: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    spec: _Spec
    status: dict[str, Any] | None = None


def read_autoscaler(file: Path) -> AutoscalingSpec:
    """JSON or YAML; `scaleTargetRef`, `metadata` and `status` are ignored. Raises BadInputError with file, line and field."""
    document = read_yaml(file)
    if "spec" in document.root:
        found = validate(document, _Object, current_version=None).spec
    else:
        found = validate(document, _Spec, current_version=None)
    return AutoscalingSpec.model_validate(found.model_dump(exclude={"scale_target_ref"}))
