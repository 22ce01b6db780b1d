"""A small stack as the components make it: explicit names, no replicas, an autoscaler out of the stack's policy."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from fakes.kube_api_server import deployment

STACK_FILE = """\
config:
  scaleproof:policy:   # kept
    version: 1
    services:
      alpha:
        autoscaling:
          minReplicas: 1
          maxReplicas: 4
          metrics:
            - type: Resource
              resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
        resources:
          requests: {cpu: 50m, memory: 16Mi}
          limits: {cpu: 1000m, memory: 64Mi}
"""


def small_project(folder: Path) -> Path:
    """A Pulumi project with one stack, `dev`."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: scaleproof\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(STACK_FILE)
    return folder


def program(space: str, image: str) -> None:
    """One namespace with a service `alpha`, its autoscaler, a secret and a setting whose name is made up."""
    policy = pulumi.Config("scaleproof").require_object("policy")["services"]["alpha"]
    namespace = k8s.core.v1.Namespace("space", metadata={"name": space})
    inside = pulumi.ResourceOptions(depends_on=[namespace])
    k8s.core.v1.ConfigMap("settings", metadata={"namespace": space}, data={"a": "1"}, opts=inside)
    secret = k8s.core.v1.Secret(
        "key", metadata={"name": "key", "namespace": space}, string_data={"key": pulumi.Output.secret("s3cret")}, opts=inside
    )
    spec = deployment("alpha", space, image=image)["spec"]
    del spec["replicas"]
    container = spec["template"]["spec"]["containers"][0]
    container |= {"resources": policy["resources"], "imagePullPolicy": "IfNotPresent"}
    spec["template"]["metadata"]["annotations"] = {"secret": secret.metadata["uid"]}
    k8s.apps.v1.Deployment(
        "alpha",
        metadata={"name": "alpha", "namespace": space},
        spec=spec,
        opts=pulumi.ResourceOptions(depends_on=[namespace], ignore_changes=["spec.replicas"]),
    )
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "alpha"}
    k8s.autoscaling.v2.HorizontalPodAutoscaler(
        "alpha",
        metadata={"name": "alpha", "namespace": space},
        spec={"scaleTargetRef": target, **policy["autoscaling"]},
        opts=inside,
    )
    pulumi.export("namespaces", {"platform": namespace.metadata["name"]})
