"""The policy as a Kustomize component: patches for autoscalers and Deployments that are in the base."""

from __future__ import annotations

from typing import Any

from scaleproof.report.outputs.destination import Destination, check_names
from scaleproof.report.outputs.effective_autoscaler import effective_behavior
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.autoscaler_manifest import AUTOSCALER, autoscaler_fields
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import Policy, ResourceRequirements

_COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}


def kustomize(policy: Policy, to: Destination) -> Output:
    """`kustomization.yaml` (a component, which needs to know nothing of the base) and two patches a service.

    The patches are strategic merges that leave nothing of the base's own policy: what the policy does not state is removed. A base
    without such an autoscaler or Deployment is an error of Kustomize's. Raises BadInputError where a name is none.
    """
    check_names(policy.services)
    patches, notes = {}, []
    for name, service in policy.services.items():
        container = to.container_of(name)
        called = f"{name}: its container must be called {container} in the base; name another with --container."
        lost = to.lost_tolerance(name, service.autoscaling)
        notes += [called, *lost]
        autoscaler = to.manifest(*AUTOSCALER, name, spec=_autoscaler_patch(service.autoscaling, tolerance=to.tolerance))
        deployment = to.manifest("apps/v1", "Deployment", name, spec=_deployment_patch(container, service.resources))
        patches[f"{name}-autoscaler.yaml"] = to_yaml(autoscaler, to.heading("kustomize", *lost))
        patches[f"{name}-deployment.yaml"] = to_yaml(deployment, to.heading("kustomize", called))
    component = {**_COMPONENT, "patches": [{"path": file} for file in patches]}
    use = "In your kustomization.yaml: `components: [FOLDER]`, with the path of this folder."
    return Output({"kustomization.yaml": to_yaml(component, to.heading("kustomize", use)), **patches}, tuple(notes))


def _autoscaler_patch(spec: AutoscalingSpec, *, tolerance: bool) -> dict[str, Any]:
    fields = autoscaler_fields(spec, tolerance=tolerance)
    behavior = fields.get("behavior")
    if behavior is not None:
        # An empty mapping might be dropped on the way, and no behaviour is another one than the default behaviour.
        behavior = {"$patch": "replace", **(behavior or effective_behavior({}))}
    return {**fields, "metrics": fields.get("metrics"), "behavior": behavior}


def _deployment_patch(container: str, resources: ResourceRequirements) -> dict[str, Any]:
    containers = [{"name": container, "resources": resources.model_dump(mode="json", by_alias=True)}]
    return {"template": {"spec": {"containers": containers}}}
