"""The pod of a service: one container, its probes, its drain, what it is told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scaleproof.components import secret_variable
from scaleproof.components.manifest import NAME_LABEL
from scaleproof.components.pod_security import container_context, pod_context, with_ephemeral_storage
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.spec.policy import ResourceRequirements

PRE_STOP_SECONDS: Final = 5
"""SIGTERM comes that much later than the pod's end as an endpoint. The server drains at SIGTERM and leaves after a quiet second
(services/common/server.py): every gateway must have heard of it by then. Envoy Gateway takes about one second."""
CONFIG_FOLDER: Final = "/etc/scaleproof"
PORT_NAME: Final = "http"
READINESS_PERIOD_SECONDS: Final = 5
READINESS_TIMEOUT_SECONDS: Final = 2
FAILURE_THRESHOLD: Final = 3
LIVENESS_PERIOD_SECONDS: Final = 10
LIVENESS_FAILURES: Final = 6
"""A minute without accepting a connection. TCP, not HTTP: a replica at its CPU limit answers late and is yet alive."""


@dataclass(frozen=True)
class Container:
    """What runs, and what it is told."""

    image: str
    resources: ResourceRequirements
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[SecretVariable] = ()
    secrets_as_file: bool = True
    image_pull_policy: str | None = None
    """None: as `pull_policy` says."""
    image_pull_secrets: Sequence[str] = ()


@dataclass(frozen=True)
class Serving:
    """How it is asked, started and drained."""

    port: int
    readiness: str
    start_timeout_seconds: float = 60
    drain_seconds: float = 10


def pull_policy(image: str, wanted: str | None) -> str:
    """As wanted; otherwise a tag, which can be moved, is asked for at every start, and a digest is not."""
    return wanted or ("IfNotPresent" if "@" in image else "Always")


def pod_template(
    name: str, labels: Mapping[str, str], container: Container, serving: Serving, config_map: str | None
) -> dict[str, Any]:
    """`spec.template` of the Deployment. `config_map` is mounted at CONFIG_FOLDER."""
    mounts, volumes = volumes_of(container, config_map)
    scrape = {"prometheus.io/scrape": "true", "prometheus.io/port": str(serving.port), "prometheus.io/path": "/metrics"}
    return {
        "metadata": {
            "labels": dict(labels),
            "annotations": {**scrape, **secret_variable.pod_annotations(container.secrets)},
        },
        "spec": {
            **pod_defaults(name, container),
            "terminationGracePeriodSeconds": PRE_STOP_SECONDS + math.ceil(serving.drain_seconds),
            "topologySpreadConstraints": _spread(name),
            "containers": [
                {
                    **container_defaults(name, container),
                    "env": _environment(name, container, serving),
                    "ports": [{"name": PORT_NAME, "containerPort": serving.port, "protocol": "TCP"}],
                    "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
                    **_probes(serving),
                    "volumeMounts": mounts,
                }
            ],
            "volumes": volumes,
        },
    }


def pod_defaults(name: str, container: Container) -> dict[str, Any]:
    """What every pod of ours has in common: no token, no service links, restricted."""
    found: dict[str, Any] = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_context(),
    }
    if container.image_pull_secrets:
        found["imagePullSecrets"] = [{"name": secret} for secret in container.image_pull_secrets]
    return found


def container_defaults(name: str, container: Container) -> dict[str, Any]:
    """Image, resources and security."""
    return {
        "name": name,
        "image": container.image,
        "imagePullPolicy": pull_policy(container.image, container.image_pull_policy),
        "securityContext": container_context(),
        "resources": with_ephemeral_storage(container.resources.model_dump(mode="json")),
    }


def volumes_of(container: Container, config_map: str | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mounts and volumes: /tmp, because the root file system is read-only; secrets; configuration files."""
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the container's own, an emptyDir
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    if container.secrets and container.secrets_as_file:
        mounts.append(secret_variable.mount())
        volumes.append(secret_variable.volume(container.secrets))
    if config_map is not None:
        mounts.append({"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True})
        volumes.append({"name": "config", "configMap": {"name": config_map}})
    return mounts, volumes


def _environment(name: str, container: Container, serving: Serving) -> list[dict[str, Any]]:
    own = {"HOST": "0.0.0.0", "PORT": str(serving.port), "SERVICE": name}  # noqa: S104 - in the pod's own network
    plain = {**container.environment, **own}
    return [
        *({"name": key, "value": value} for key, value in sorted(plain.items())),
        {"name": "REPLICA", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        *secret_variable.environment(container.secrets, as_file=container.secrets_as_file),
    ]


def _probes(serving: Serving) -> dict[str, Any]:
    ready = {"httpGet": {"path": serving.readiness, "port": PORT_NAME, "scheme": "HTTP"}}
    return {
        # Every second, as a start should be seen at once: by default it would be up to 10 s late.
        "startupProbe": {
            **ready,
            "periodSeconds": 1,
            "timeoutSeconds": READINESS_TIMEOUT_SECONDS,
            "failureThreshold": max(FAILURE_THRESHOLD, math.ceil(serving.start_timeout_seconds)),
        },
        "readinessProbe": {
            **ready,
            "periodSeconds": READINESS_PERIOD_SECONDS,
            "timeoutSeconds": READINESS_TIMEOUT_SECONDS,
            "failureThreshold": FAILURE_THRESHOLD,
        },
        "livenessProbe": {
            "tcpSocket": {"port": PORT_NAME},
            "periodSeconds": LIVENESS_PERIOD_SECONDS,
            "timeoutSeconds": READINESS_TIMEOUT_SECONDS,
            "failureThreshold": LIVENESS_FAILURES,
        },
    }


def _spread(name: str) -> list[dict[str, Any]]:
    """Over nodes and zones, where there are several; one node takes them all."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {NAME_LABEL: name}},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
