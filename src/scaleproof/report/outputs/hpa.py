"""The policy as HorizontalPodAutoscalers of `autoscaling/v2`."""

from __future__ import annotations

from typing import Any

from scaleproof.report.outputs.destination import Destination, check_names, resources_note
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.autoscaler_manifest import AUTOSCALER, autoscaler_spec
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import Policy


def hpa(policy: Policy, to: Destination) -> Output:
    """One HorizontalPodAutoscaler a service, for the Deployment of its name. Raises BadInputError where a name is none."""
    check_names(policy.services)
    files, all_notes = {}, []
    for name, service in policy.services.items():
        notes = [resources_note(name, service), *to.lost_tolerance(name, service.autoscaling)]
        files[f"{name}-autoscaler.yaml"] = to_yaml(
            autoscaler_manifest(name, service.autoscaling, to), to.heading("hpa", *notes)
        )
        all_notes += notes
    return Output(files, tuple(all_notes))


def autoscaler_manifest(name: str, spec: AutoscalingSpec, to: Destination) -> dict[str, Any]:
    """The object."""
    return to.manifest(*AUTOSCALER, name, spec=autoscaler_spec(name, spec, tolerance=to.tolerance))
