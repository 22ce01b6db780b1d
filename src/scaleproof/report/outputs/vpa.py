"""The policy as an HPA together with a VerticalPodAutoscaler that cannot fight it: the HPA has the CPU, the VPA has the memory.

An HPA's target in per cent is one of the request. A VPA that changed the CPU request would move the target under the HPA, and both would
answer each other. Sources: kubernetes.io, "Vertical Pod Autoscaling"; the VPA's API reference (autoscaling.k8s.io/v1).
"""

from __future__ import annotations

from typing import Any, Final, Literal

from scaleproof.report.outputs.destination import Destination, check_names, resources_note
from scaleproof.report.outputs.hpa import autoscaler_manifest
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.autoscaler_manifest import scale_target
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy, ResourceRequirements

UpdateMode = Literal["Off", "Initial", "Recreate", "InPlaceOrRecreate"]
_KIND: Final = ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler")


def vpa(policy: Policy, to: Destination, *, update_mode: UpdateMode) -> Output:
    """Two objects a service. Raises BadInputError where a name is none, or where the policy scales by memory and the VPA would set it."""
    check_names(policy.services)
    files, all_notes = {}, []
    for name, service in policy.services.items():
        if update_mode != "Off" and _looks_at_memory(service.autoscaling):
            raise BadInputError(
                f"{name}: its HPA scales by memory; a VPA that sets the memory request would fight it",
                hint="scale by CPU or requests, or ask for recommendations alone: --update-mode Off",
            )
        notes = [resources_note(name, service), *to.lost_tolerance(name, service.autoscaling)]
        horizontal = autoscaler_manifest(name, service.autoscaling, to)
        vertical = to.manifest(*_KIND, name, spec=_spec(name, to.container_of(name), service.resources, update_mode))
        files[f"{name}-autoscalers.yaml"] = f"{to_yaml(horizontal, to.heading('vpa', *notes))}---\n{to_yaml(vertical)}"
        all_notes += notes
    return Output(files, tuple(all_notes))


def _spec(name: str, container: str, resources: ResourceRequirements, update_mode: UpdateMode) -> dict[str, Any]:
    measured = {
        "containerName": container,
        "controlledResources": ["memory"],
        # The limits stay; the request moves between what was measured and the limit.
        "controlledValues": "RequestsOnly",
        "minAllowed": {"memory": resources.requests.memory},
        "maxAllowed": {"memory": resources.limits.memory},
    }
    return {
        "targetRef": scale_target(name),
        "updatePolicy": {"updateMode": update_mode},
        "resourcePolicy": {"containerPolicies": [measured, {"containerName": "*", "mode": "Off"}]},
    }


def _looks_at_memory(spec: AutoscalingSpec) -> bool:
    sources = [metric.resource or metric.container_resource for metric in spec.metrics]
    return any(source is not None and source.name == "memory" for source in sources)
