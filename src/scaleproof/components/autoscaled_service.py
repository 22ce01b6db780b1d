"""AutoscaledService: a Deployment whose replicas belong to its autoscaler, and everything it needs to scale without losing requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi

from scaleproof.components.horizontal_autoscaler import horizontal_pod_autoscaler, scaled_object
from scaleproof.components.manifest import NAME_LABEL, Manifest, content_hash, manifest, standard_labels
from scaleproof.components.network_policy import Flow, network_policy
from scaleproof.components.replica_pod import PORT_NAME, Container, Serving, pod_template
from scaleproof.components.resource import declare
from scaleproof.components.setup_job import setup_job
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import ResourceRequirements

TYPE: Final = "scaleproof:components:AutoscaledService"
SERVICE_LABEL: Final = "scaleproof.dev/service"
"""On replicas and setup pods: both need the same network."""
_FIRST: Final = frozenset({"ServiceAccount", "NetworkPolicy", "ConfigMap", "Job", "Deployment"})
"""What comes after one of these waits for it."""


@dataclass(frozen=True)
class RequestMetric:
    """Scale by requests/s a replica, by KEDA, instead of by the policy's metrics."""

    prometheus_url: str
    query: str
    """PromQL for the requests/s of the whole service."""
    requests_per_replica: float


@dataclass(frozen=True)
class SetupCommand:
    """What runs once before the first replica, and what it may use: a tuned policy must not make it run again."""

    command: Sequence[str]
    resources: ResourceRequirements


@dataclass(frozen=True)
class ServiceArgs:
    """One service of a platform."""

    namespace: str
    part_of: str
    """The platform's name."""
    container: Container
    serving: Serving
    autoscaling: AutoscalingSpec
    setup: SetupCommand | None = None
    headless: bool = False
    """Whoever calls it directly finds every replica by DNS: a ClusterIP would pin a kept connection to one of them."""
    configuration: Mapping[str, str] = field(default_factory=dict)
    """File name → content, mounted at /etc/scaleproof."""
    ingress: Sequence[Flow] = ()
    egress: Sequence[Flow] = ()
    tolerance: bool = True
    """Whether the cluster's HPA has that field."""
    request_metric: RequestMetric | None = None


def labels_of(name: str, args: ServiceArgs) -> dict[str, str]:
    """Of everything that belongs to the service."""
    return {**standard_labels(name, args.part_of, "service"), SERVICE_LABEL: name}


def service_manifests(name: str, args: ServiceArgs) -> list[Manifest]:
    """Everything, in the order in which it is registered."""
    labels = labels_of(name, args)
    configuration = _config_map(name, args, labels)
    config_name = configuration["metadata"]["name"] if configuration else None
    found = [
        manifest("v1", "ServiceAccount", name, args.namespace, labels, automountServiceAccountToken=False),
        network_policy(name, args.namespace, labels, pods={SERVICE_LABEL: name}, ingress=args.ingress, egress=args.egress),
        *([configuration] if configuration else []),
        _service(name, args, labels),
    ]
    if args.setup:
        job_labels = {**labels, NAME_LABEL: f"{name}-setup"}
        container = replace(args.container, resources=args.setup.resources)
        found.append(setup_job(name, args.namespace, job_labels, container, args.setup.command))
    return [*found, _deployment(name, args, labels, config_name), _autoscaler(name, args, labels), _budget(name, args, labels)]


class AutoscaledService(pulumi.ComponentResource):
    """Deployment (no replicas), autoscaler, Service, disruption budget, ServiceAccount, NetworkPolicy, setup Job, configuration."""

    def __init__(
        self,
        name: str,
        args: ServiceArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`depends_on`: what must be there before the setup Job and the replicas start, such as the database."""
        super().__init__(TYPE, name, None, opts)
        before: list[pulumi.Resource] = list(depends_on)
        for item in service_manifests(name, args):
            kind = item["kind"]
            # The autoscaler writes spec.replicas: what Pulumi does not state it must not put back either.
            ignored = ["spec.replicas"] if kind == "Deployment" else []
            resource = declare(item, parent=self, depends_on=before, ignore_changes=ignored)
            if kind in _FIRST:
                before.append(resource)
        self.register_outputs({"name": name})


def _service(name: str, args: ServiceArgs, labels: Mapping[str, str]) -> Manifest:
    spec = {
        "selector": {NAME_LABEL: name},
        "ports": [{"name": PORT_NAME, "port": args.serving.port, "targetPort": PORT_NAME, "protocol": "TCP"}],
        "type": "ClusterIP",
        **({"clusterIP": "None"} if args.headless else {}),
    }
    # The Deployment is awaited: a Service that waited for its endpoints as well would wait for the setup Job in between.
    annotations = {"pulumi.com/skipAwait": "true"}
    return manifest("v1", "Service", name, args.namespace, labels, annotations=annotations, spec=spec)


def _config_map(name: str, args: ServiceArgs, labels: Mapping[str, str]) -> Manifest | None:
    if not args.configuration:
        return None
    data = dict(args.configuration)
    full_name = f"{name}-{content_hash(data)}"
    return manifest("v1", "ConfigMap", full_name, args.namespace, labels, immutable=True, data=data)


def _deployment(name: str, args: ServiceArgs, labels: Mapping[str, str], config_map: str | None) -> Manifest:
    spec = {
        "selector": {"matchLabels": {NAME_LABEL: name}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": max(120, 2 * math.ceil(args.serving.start_timeout_seconds)),
        "template": pod_template(name, labels, args.container, args.serving, config_map),
    }
    return manifest("apps/v1", "Deployment", name, args.namespace, labels, spec=spec)


def _autoscaler(name: str, args: ServiceArgs, labels: Mapping[str, str]) -> Manifest:
    metric, plain = args.request_metric, dict(labels)
    if metric is None:
        return horizontal_pod_autoscaler(name, args.namespace, plain, args.autoscaling, tolerance=args.tolerance)
    return scaled_object(
        name,
        args.namespace,
        plain,
        args.autoscaling,
        prometheus_url=metric.prometheus_url,
        query=metric.query,
        requests_per_replica=metric.requests_per_replica,
        tolerance=args.tolerance,
    )


def _budget(name: str, args: ServiceArgs, labels: Mapping[str, str]) -> Manifest:
    spec = {
        # Not minAvailable: with one replica that would block every drain of its node.
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": {NAME_LABEL: name}},
    }
    return manifest("policy/v1", "PodDisruptionBudget", name, args.namespace, labels, spec=spec)
