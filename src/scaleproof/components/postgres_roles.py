"""A database role for each service: a Secret each, and a Job that makes the roles, in a database of before as in a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.components.manifest import NAME_LABEL, Manifest, content_hash, manifest, standard_labels
from scaleproof.components.network_policy import Flow, Peer, network_policy, pod_peer
from scaleproof.components.pod_security import container_context, pod_context, with_ephemeral_storage
from scaleproof.components.replica_pod import CONFIG_FOLDER, pull_policy
from scaleproof.components.secret_values import secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.spec.database_roles import SUPERUSER, roles_script, scram_verifier

NAME: Final = "postgres-roles"
SCRIPT: Final = "roles.sql"
VARIABLE: Final = "DATABASE_URL"
VERIFIER: Final = "verifier"
VERIFIER_FOLDER: Final = "/run/secrets/roles"
RESOURCES: Final = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}}
TIMEOUT_SECONDS: Final = 600


@dataclass(frozen=True)
class RolesArgs:
    """The roles of one platform, and the server that they are made in."""

    namespace: str
    part_of: str
    services: Sequence[str]
    image: str
    """With `psql`."""
    image_pull_policy: str | None
    host: str
    port: int
    database: str
    server: Peer
    account: str
    """The ServiceAccount, without a token."""
    password_secret: str
    """The superuser's password lies there, under the key `password`."""


def peer() -> Peer:
    """The Job's pods, for network policies of the same namespace."""
    return pod_peer({NAME_LABEL: NAME})


def role_secret(args: RolesArgs, service: str, draw: Callable[[], str]) -> Manifest:
    """What the service is told, and what the server is told of it. `draw` makes a URL-safe password.

    A Secret each: a service that is new must not draw the others' once more.
    """
    password = draw()
    url = f"postgresql://{service}:{password}@{args.host}:{args.port}/{args.database}"
    values = {VARIABLE: url, VERIFIER: scram_verifier(password, draw().encode())}
    return secret(_secret_name(service), args.namespace, standard_labels(service, args.part_of, "service"), values)


def role_variable(service: str, version: Any = None) -> SecretVariable:
    """How the service is told of its role."""
    return SecretVariable(VARIABLE, _secret_name(service), VARIABLE, version)


def role_manifests(args: RolesArgs, annotations: Mapping[str, Any]) -> list[Manifest]:
    """What lets the Job reach the server, its script, the Job. Pod annotations that change, as Secrets do, make it run again."""
    labels = standard_labels(NAME, args.part_of, "database")
    verifiers = {service: f"`cat {VERIFIER_FOLDER}/{service}`" for service in args.services}
    data = {SCRIPT: roles_script(verifiers)}
    configuration = manifest(
        "v1", "ConfigMap", f"{NAME}-{content_hash(data)}", args.namespace, labels, immutable=True, data=data
    )
    pod = _pod(args, configuration["metadata"]["name"])
    spec = {
        "backoffLimit": 6,
        "activeDeadlineSeconds": TIMEOUT_SECONDS,
        "template": {"metadata": {"labels": dict(labels), "annotations": dict(annotations)}, "spec": pod},
    }
    network = network_policy(
        NAME, args.namespace, labels, pods={NAME_LABEL: NAME}, ingress=[], egress=[Flow([args.server], [args.port])]
    )
    job = manifest("batch/v1", "Job", f"{NAME}-{content_hash(pod)}", args.namespace, labels, spec=spec)
    return [network, configuration, job]


def _pod(args: RolesArgs, config_map: str) -> dict[str, Any]:
    sources = [
        {"secret": {"name": _secret_name(service), "items": [{"key": VERIFIER, "path": service}]}} for service in args.services
    ]
    return {
        "serviceAccountName": args.account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_context(),
        "restartPolicy": "OnFailure",
        "containers": [_container(args)],
        "volumes": [
            {"name": "script", "configMap": {"name": config_map}},
            {"name": "verifiers", "projected": {"defaultMode": 0o440, "sources": sources}},
        ],
    }


def _container(args: RolesArgs) -> dict[str, Any]:
    # psql takes a password from a file of a form and mode that a mounted Secret does not have, or from a variable.
    password = {"secretKeyRef": {"name": args.password_secret, "key": "password"}}
    target = ["-h", args.host, "-p", str(args.port), "-U", SUPERUSER, "-d", args.database]
    return {
        "name": "roles",
        "image": args.image,
        "imagePullPolicy": pull_policy(args.image, args.image_pull_policy),
        "securityContext": container_context(),
        "resources": with_ephemeral_storage(RESOURCES),
        "command": ["psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", *target, "-f", f"{CONFIG_FOLDER}/{SCRIPT}"],
        "env": [{"name": "PGCONNECT_TIMEOUT", "value": "5"}, {"name": "PGPASSWORD", "valueFrom": password}],
        "volumeMounts": [
            {"name": "script", "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "verifiers", "mountPath": VERIFIER_FOLDER, "readOnly": True},
        ],
    }


def _secret_name(service: str) -> str:
    return f"{service}-database-url"
